package import TradingCore

/// A message that no agent could handle, as the report shows it.
package struct DeadLetter: Hashable, Sendable, JSONEncodable {
    /// Where the message had been.
    package var stream: String
    /// What was wrong with it.
    package var reason: String

    package init(stream: String, reason: String) {
        self.stream = stream
        self.reason = reason
    }

    /// From an entry of the dead-letter stream. One that cannot be read says so instead of a reason.
    init(_ entry: [UInt8]) {
        let json = try? JSONValue(parsing: entry)
        func text(_ name: String) -> String? {
            guard case .string(let text)? = json?[name] else { return nil }
            return text
        }
        self.init(
            stream: text("stream") ?? StreamName.deadLetter.rawValue,
            reason: text("reason") ?? "this dead letter has no reason that can be read"
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("stream", self.stream)
            $0.field("reason", self.reason)
        }
    }
}
