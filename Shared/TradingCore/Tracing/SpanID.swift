/// Names one span within its trace: 16 lower-case hexadecimal digits, not all of them 0 (W3C Trace Context).
package struct SpanID: Hashable, Sendable, CustomStringConvertible, JSONCodable {
    package let rawValue: String

    package init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard bytes.count == 16, bytes.allSatisfy(isLowerHexadecimal),
            bytes.contains(where: { $0 != UInt8(ascii: "0") })
        else { return nil }
        self.rawValue = String(text)
    }

    /// The same parts always give the same id: a step that is taken again after a crash has the span it had.
    package init(derivedFrom parts: String...) {
        self.rawValue = String(StableHash.hexadecimal(["span"] + parts).prefix(16))
    }

    /// For a span that nobody elsewhere has to know of.
    package static func random() -> SpanID {
        let digits = String(UInt64.random(in: 1...UInt64.max), radix: 16)
        return SpanID(unchecked: String(repeating: "0", count: 16 - digits.utf8.count) + digits)
    }

    private init(unchecked text: String) {
        self.rawValue = text
    }

    /// The span in which a message was sent.
    package init(sending message: MessageID) {
        self.init(derivedFrom: message.rawValue)
    }

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let id = SpanID(text) else { throw JSONError("\"\(text.prefix(32))\" is no W3C parent id") }
        self = id
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
    package var description: String { self.rawValue }
}
