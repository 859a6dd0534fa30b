import TradingCore

extension JSONWriter {
    /// The trading API writes decimals as text; null when there is none.
    mutating func decimal(_ name: String, _ value: (some FixedPoint)?) {
        self.nullable(name, value?.description)
    }

    /// Unlike an optional `field`, writes null when there is no value.
    mutating func nullable(_ name: String, _ value: (some JSONEncodable)?) {
        if let value { self.field(name, value) } else { self.field(name, JSONValue.null) }
    }
}

extension Timestamp {
    /// RFC 3339 with the offset of New York, `2009-02-06T16:00:00-05:00`.
    var newYorkText: String {
        let offset = NewYorkTime.secondsFromUTC(at: self)
        return "\((self + .seconds(offset)).description.dropLast())-0\(-offset / 3600):00"
    }
}
