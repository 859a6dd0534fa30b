import TradingCore

/// What one of the agent's own questions is for; the answer carries it as its correlation id.
enum Purpose {
    case poll
    /// To make up for what the stream has not told, in this epoch of it.
    case stream(Int)

    private static let streamPrefix = "stream-"

    var correlationID: String {
        switch self {
        case .poll: "clock-poll"
        case .stream(let epoch): "\(Self.streamPrefix)\(epoch)"
        }
    }

    static func isStream(_ message: Message) -> Bool { message.correlationID.hasPrefix(Self.streamPrefix) }
}
