/// Wilder's relative strength index (New Concepts in Technical Trading Systems, 1978): the first averages are the
/// simple means of the first `period` changes, each later one is (previous × (period − 1) + current) ÷ period.
package struct RelativeStrengthIndex: Hashable, Sendable, JSONCodable {
    package let period: Int
    private var previous: Int64?
    private var changes: Int
    private var averageGain: Double
    private var averageLoss: Double

    /// `period` must be at least 1.
    package init(period: Int) {
        precondition(period >= 1)
        self.period = period
        self.changes = 0
        self.averageGain = 0
        self.averageLoss = 0
    }

    package mutating func add(_ price: Price) {
        defer { self.previous = price.raw }
        guard let previous = self.previous else { return }
        let change = Double(price.raw - previous)
        let gain = max(change, 0)
        let loss = max(-change, 0)
        let count = Double(self.period)
        self.changes = min(self.changes + 1, self.period + 1)
        if self.changes <= self.period {
            // Sums of whole numbers: exact until the division that ends them.
            self.averageGain += gain
            self.averageLoss += loss
            if self.changes == self.period {
                self.averageGain /= count
                self.averageLoss /= count
            }
        } else {
            self.averageGain = (self.averageGain * (count - 1) + gain) / count
            self.averageLoss = (self.averageLoss * (count - 1) + loss) / count
        }
    }

    /// 0 to 100; nil before `period` changes are known. 100 where there was no loss at all.
    package var value: Double? {
        guard self.changes >= self.period else { return nil }
        guard self.averageLoss > 0 else { return 100 }
        return 100 - 100 / (1 + self.averageGain / self.averageLoss)
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let period: Int = try object.value("period")
        guard period >= 1 else { throw JSONError("the period must be at least 1") }
        self.init(period: period)
        self.previous = try object.optional("previous")
        self.changes = try object.value("changes")
        self.averageGain = try object.value("average_gain")
        self.averageLoss = try object.value("average_loss")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("period", self.period)
            $0.field("previous", self.previous)
            $0.field("changes", self.changes)
            $0.field("average_gain", self.averageGain)
            $0.field("average_loss", self.averageLoss)
        }
    }
}
