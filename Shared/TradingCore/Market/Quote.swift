/// The best bid and ask of one symbol at one moment.
package struct Quote: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var bid: Price
    package var ask: Price
    /// Market time.
    package var timestamp: Timestamp

    package init(symbol: Symbol, bid: Price, ask: Price, timestamp: Timestamp) {
        self.symbol = symbol
        self.bid = bid
        self.ask = ask
        self.timestamp = timestamp
    }

    /// A quote without a bid, or crossed, prices nothing.
    package var isUsable: Bool { self.bid > .zero && self.ask >= self.bid }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            bid: try object.value("bid_price"),
            ask: try object.value("ask_price"),
            timestamp: try object.value("timestamp")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("bid_price", self.bid)
            $0.field("ask_price", self.ask)
            $0.field("timestamp", self.timestamp)
        }
    }
}
