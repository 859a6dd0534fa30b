package import TradingCore

/// What a conversation with a broker's stream wants done.
package enum FeedAction: Hashable, Sendable {
    case send(String)
    case event(FeedEvent)
    /// The stream said something that a person should know and that changes nothing.
    case note(String)
    /// The broker ends or refuses the conversation. The connection is closed and not tried again before `retryAfter`.
    case give(up: String, retryAfter: Duration)
}

/// What a stream that is alive brings. A stream of order updates may have nothing to say for hours.
package struct FeedVitalSigns: Hashable, Sendable {
    /// A frame of some kind at least this often, day and night; nil if none is promised.
    package var frames: Duration?
    /// Quotes or bars, while a session is open.
    package var marketData: Bool

    package init(frames: Duration? = nil, marketData: Bool = false) {
        self.frames = frames
        self.marketData = marketData
    }
}

/// One broker stream's side of the talk: what to send when, and what the frames mean. Does no I/O.
package protocol BrokerFeed: Sendable {
    /// Finds out what the next connection needs. Blocks, on a thread of its own; called before each connection.
    mutating func prepare() throws(BrokerError)
    /// Known after `prepare()`.
    var url: String { get }
    /// The socket is open: a new conversation begins.
    mutating func opened() -> [FeedAction]
    mutating func received(_ frame: [UInt8]) -> [FeedAction]
    /// By what silence a connection that still answers pings is known to be dead.
    var vitalSigns: FeedVitalSigns { get }
}
