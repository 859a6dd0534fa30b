/// Names one trade for good: symbol and the instant of the signal, such as `AAPL-20090206T210000Z`. Deterministic, so
/// that a signal worked on twice is one trade.
package struct TradeID: Hashable, Comparable, Sendable, CustomStringConvertible, JSONCodable {
    package let rawValue: String

    package init(symbol: Symbol, signaledAt: Timestamp) {
        self.rawValue = "\(symbol)-\(signaledAt.compact)"
    }

    package init?(_ text: some StringProtocol) {
        guard (3...64).contains(text.utf8.count), text.utf8.contains(UInt8(ascii: "-")),
            text.utf8.allSatisfy(isPlainCharacter)
        else {
            return nil
        }
        self.rawValue = String(text)
    }

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let id = TradeID(text) else { throw JSONError("\"\(text.prefix(64))\" is no trade id") }
        self = id
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
    package var description: String { self.rawValue }
    package static func < (left: TradeID, right: TradeID) -> Bool { left.rawValue < right.rawValue }
}

/// What an order is for.
package enum OrderRole: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case entry
    case stop
    case exit
}

/// The client order id: a function of trade, role and attempt and of nothing else, so that sending the same intent twice
/// is refused by the broker instead of executed twice.
package struct ClientOrderID: Hashable, Sendable, CustomStringConvertible, JSONCodable {
    package let trade: TradeID
    package let role: OrderRole
    /// Counts from 1.
    package let attempt: Int

    package init(trade: TradeID, role: OrderRole, attempt: Int) {
        self.trade = trade
        self.role = role
        self.attempt = attempt
    }

    /// Nil for ids that were not made here, such as those of orders a person placed.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        let dash = UInt8(ascii: "-")
        guard let last = text.utf8.lastIndex(of: dash), let middle = text.utf8[..<last].lastIndex(of: dash),
            let attempt = Int(text[text.utf8.index(after: last)...]), (1...1_000_000).contains(attempt),
            String(attempt) == text[text.utf8.index(after: last)...],
            let role = OrderRole(rawValue: String(text[text.utf8.index(after: middle)..<last])),
            let trade = TradeID(text[..<middle])
        else { return nil }
        self.init(trade: trade, role: role, attempt: attempt)
    }

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let id = ClientOrderID(text) else { throw JSONError("\"\(text.prefix(64))\" is no client order id") }
        self = id
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.description) }
    package var description: String { "\(self.trade)-\(self.role.rawValue)-\(self.attempt)" }
}

/// A W3C trace id: 32 lower-case hexadecimal digits, not all zero.
package struct TraceID: Hashable, Sendable, CustomStringConvertible, JSONCodable {
    package let rawValue: String

    package init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard bytes.count == 32, bytes.allSatisfy(isLowerHexadecimal),
            bytes.contains(where: { $0 != UInt8(ascii: "0") })
        else { return nil }
        self.rawValue = String(text)
    }

    /// The trace of one trade in one installation: `seed` keeps two installations apart.
    package init(seed: String, trade: TradeID) {
        self.init(seed: seed, text: trade.rawValue)
    }

    init(seed: String, text: String) {
        self.rawValue = StableHash.hexadecimal("trace", seed, text)
    }

    /// Of a span whose trace is known when the work it belongs to is done.
    package static let undecided = TraceID(seed: "", text: "undecided")

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let id = TraceID(text) else { throw JSONError("\"\(text.prefix(64))\" is no W3C trace id") }
        self = id
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
    package var description: String { self.rawValue }
}

/// Names one message. Derived from what the message says, never random: work done twice gives the same id.
package struct MessageID: Hashable, Sendable, CustomStringConvertible, JSONCodable {
    package let rawValue: String

    package init?(_ text: some StringProtocol) {
        guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(isPlainCharacter) else { return nil }
        self.rawValue = String(text)
    }

    package init(derivedFrom parts: String...) {
        self.rawValue = StableHash.hexadecimal(parts)
    }

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let id = MessageID(text) else { throw JSONError("\"\(text.prefix(64))\" is no message id") }
        self = id
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
    package var description: String { self.rawValue }
}

private func isPlainCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "/"), UInt8(ascii: ":"):
        true
    default: false
    }
}

func isLowerHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
}
