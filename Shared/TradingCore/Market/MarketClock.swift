/// How far market time has come, as MarketData has told everybody.
package struct MarketClock: Hashable, Sendable, JSONCodable {
    /// When the market was first looked at: what was complete before is history, not news.
    package let since: Timestamp
    /// The opening or closing announced last; before the first one, when the market was first looked at.
    package var lastBoundary: Timestamp
    /// Whether a session was open when market time was last looked at; nil until the calendar is known.
    package var isOpen: Bool?
    /// The newest completed bar announced, by symbol.
    package var lastBars: [Symbol: Timestamp]

    package init(since: Timestamp) {
        self.since = since
        self.lastBoundary = since
        self.lastBars = [:]
    }

    package static let key = DocumentKey(rawValue: "market")

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(since: try object.value("since"))
        self.lastBoundary = try object.value("last_boundary")
        self.isOpen = try object.optional("is_open")
        for entry: JSONValue in try object.value("last_bars", as: [JSONValue].self) {
            let bar = try JSONObject(entry)
            self.lastBars[try bar.value("symbol")] = try bar.value("timestamp", as: Timestamp.self)
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("since", self.since)
            writer.field("last_boundary", self.lastBoundary)
            writer.field("is_open", self.isOpen)
            writer.field("last_bars", self.lastBars.sorted { $0.key < $1.key }.map(LastBar.init))
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
