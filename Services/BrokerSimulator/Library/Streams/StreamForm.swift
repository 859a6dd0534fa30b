import TradingCore

/// How a socket's messages look on the wire. What arrives in JSON may come in frames of either kind.
package enum StreamForm: String, Hashable, Sendable, CaseIterable {
    /// JSON in text frames.
    case text
    /// JSON in binary frames.
    case binary
    /// MessagePack in binary frames.
    case messagePack = "message-pack"

    /// A client's message; nil when it cannot be read.
    func message(_ bytes: [UInt8]) -> JSONValue? {
        switch self {
        case .text, .binary: try? JSONValue(parsing: bytes)
        case .messagePack: try? MessagePack.value(bytes)
        }
    }

    /// - Parameter json: One JSON text, as the sessions write it.
    func frame(_ json: [UInt8]) -> (bytes: [UInt8], isText: Bool) {
        guard self == .messagePack, let value = try? JSONValue(parsing: json) else { return (json, self == .text) }
        return (MessagePack.bytes(value), false)
    }
}
