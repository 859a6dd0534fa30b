/// The mean of the last `period` whole numbers (raw prices, share counts), compared exactly: no division, no rounding.
package struct SimpleMovingAverage: Hashable, Sendable, JSONCodable {
    package let period: Int
    /// Oldest first.
    private var window: [Int64]
    private var sum: Int128

    /// `period` must be at least 1.
    package init(period: Int) {
        precondition(period >= 1)
        self.period = period
        self.window = []
        self.sum = 0
    }

    package var isReady: Bool { self.window.count == self.period }

    package mutating func add(_ value: Int64) {
        self.window.append(value)
        self.sum += Int128(value)
        if self.window.count > self.period { self.sum -= Int128(self.window.removeFirst()) }
    }

    /// Whether `value` is above the mean; false until the window is full.
    package func isBelow(_ value: Int64) -> Bool {
        self.isReady && Int128(value) * Int128(self.period) > self.sum
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let period: Int = try object.value("period")
        let window: [Int64] = try object.value("window")
        guard period >= 1, window.count <= period else { throw JSONError("the window is longer than its period") }
        self.init(period: period)
        for value in window { self.add(value) }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("period", self.period)
            $0.field("window", self.window)
        }
    }
}
