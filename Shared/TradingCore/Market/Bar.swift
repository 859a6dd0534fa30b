/// Open, high, low, close and volume of one symbol over one interval.
package struct Bar: Hashable, Sendable, JSONCodable {
    /// The interval's beginning; midnight in New York for a daily bar.
    package var timestamp: Timestamp
    package var open: Price
    package var high: Price
    package var low: Price
    package var close: Price
    /// Shares.
    package var volume: Int64

    package init(timestamp: Timestamp, open: Price, high: Price, low: Price, close: Price, volume: Int64) {
        self.timestamp = timestamp
        self.open = open
        self.high = high
        self.low = low
        self.close = close
        self.volume = volume
    }

    /// Why these figures cannot be a bar; nil if they can.
    package var defect: String? {
        if self.open <= .zero || self.high <= .zero || self.low <= .zero || self.close <= .zero {
            return "a price is not positive"
        }
        if self.high < self.low { return "high \(self.high) is below low \(self.low)" }
        if self.volume < 0 { return "volume \(self.volume) is negative" }
        return nil
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            timestamp: try object.value("timestamp"),
            open: try object.value("open"),
            high: try object.value("high"),
            low: try object.value("low"),
            close: try object.value("close"),
            volume: try object.value("volume")
        )
        if let defect = self.defect { throw JSONError(defect) }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("timestamp", self.timestamp)
            $0.field("open", self.open)
            $0.field("high", self.high)
            $0.field("low", self.low)
            $0.field("close", self.close)
            $0.field("volume", self.volume)
        }
    }
}
