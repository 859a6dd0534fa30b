/// How far market time has come, as MarketData has told everybody.
package struct MarketClock: Hashable, Sendable, JSONCodable {
    /// When the market was first looked at: what was complete before is history, not news.
    package let since: Timestamp
    /// The opening or closing announced last; before the first one, when the market was first looked at.
    package var lastBoundary: Timestamp
    /// The opening or closing that comes next; nil until the calendar is known.
    package var nextBoundary: Timestamp?
    /// Whether a session was open when market time was last looked at; nil until the calendar is known.
    package var isOpen: Bool?
    /// By how many milliseconds this machine's clock is ahead of the broker's; nil unless that is too much to trade by.
    package var clockSkew: Int?
    /// The broker's time when its data stream was connected last: quotes from before may have been overtaken unseen.
    package var streamConnectedAt: Timestamp?
    /// How often the data stream was connected or lost, by whichever replica, since the market was first looked at:
    /// what was asked in an earlier epoch says nothing of now.
    package var streamEpoch = 0
    /// The data stream was lost or has just come back, and the broker has not been asked for its quotes since.
    package var isAwaitingQuotes = false
    /// Bars that the stream has told of since it was connected, by symbol, while those missed before are asked for.
    package var heldBars: [Symbol: [Bar]] = [:]
    /// The newest completed bar announced, by symbol.
    package var lastBars: [Symbol: Timestamp]

    package init(since: Timestamp) {
        self.since = since
        self.lastBoundary = since
        self.lastBars = [:]
    }

    package static let key = DocumentKey(rawValue: "market")
    /// By more milliseconds than this the machine's clock and the broker's may not differ for entries to be made.
    package static let maximumSkew = 2000

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(since: try object.value("since"))
        self.lastBoundary = try object.value("last_boundary")
        self.nextBoundary = try object.optional("next_boundary")
        self.isOpen = try object.optional("is_open")
        self.clockSkew = try object.optional("clock_skew_ms")
        self.streamConnectedAt = try object.optional("stream_connected_at")
        self.streamEpoch = try object.optional("stream_epoch") ?? 0
        self.isAwaitingQuotes = try object.optional("awaiting_quotes") ?? false
        for entry: JSONValue in try object.optional("held_bars", as: [JSONValue].self) ?? [] {
            let held = try JSONObject(entry)
            self.heldBars[try held.value("symbol")] = try held.value("bars", as: [Bar].self)
        }
        for entry: JSONValue in try object.value("last_bars", as: [JSONValue].self) {
            let bar = try JSONObject(entry)
            self.lastBars[try bar.value("symbol")] = try bar.value("timestamp", as: Timestamp.self)
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("since", self.since)
            writer.field("last_boundary", self.lastBoundary)
            writer.field("next_boundary", self.nextBoundary)
            writer.field("is_open", self.isOpen)
            writer.field("clock_skew_ms", self.clockSkew)
            writer.field("stream_connected_at", self.streamConnectedAt)
            writer.field("stream_epoch", self.streamEpoch)
            writer.field("awaiting_quotes", self.isAwaitingQuotes ? true : nil)
            if !self.heldBars.isEmpty {
                writer.field("held_bars", self.heldBars.sorted { $0.key < $1.key }.map(HeldBars.init))
            }
            writer.field("last_bars", self.lastBars.sorted { $0.key < $1.key }.map(LastBar.init))
        }
    }

    private struct HeldBars: JSONEncodable {
        let key: Symbol
        let value: [Bar]

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("symbol", self.key)
                $0.field("bars", self.value)
            }
        }
    }

    private struct LastBar: JSONEncodable {
        let key: Symbol
        let value: Timestamp

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("symbol", self.key)
                $0.field("timestamp", self.value)
            }
        }
    }
}
