import Testing
import TradingCore

@Suite struct IndicatorTests {
    /// Wilder's averages over the whole series from its beginning, by his recurrence and nothing else.
    private static func relativeStrength(_ prices: [Double], period: Int) -> Double? {
        let changes = zip(prices.dropFirst(), prices).map { $0 - $1 }
        guard changes.count >= period else { return nil }
        func average(_ values: [Double]) -> Double {
            let first = values.prefix(period).reduce(0, +) / Double(period)
            return values.dropFirst(period).reduce(first) { ($0 * Double(period - 1) + $1) / Double(period) }
        }
        let (gain, loss) = (average(changes.map { max($0, 0) }), average(changes.map { max(-$0, 0) }))
        return loss == 0 ? 100 : 100 * gain / (gain + loss)
    }

    private static func prices(_ count: Int, using random: inout SplitMix64) -> [Price] {
        var cents: Int64 = 10_000
        return (0..<count).map { _ in
            cents = max(100, cents + Int64.random(in: -300...300, using: &random))
            return Price(raw: cents * Price.cent.raw)
        }
    }

    @Test(arguments: [1, 2, 14, 30])
    func `relative strength agrees with a calculation from scratch at every bar`(period: Int) throws {
        var random = SplitMix64(seed: 9)
        let prices = Self.prices(200, using: &random)
        var index = RelativeStrengthIndex(period: period)
        for count in 1...prices.count {
            index.add(prices[count - 1])
            let dollars = prices.prefix(count).map { Double($0.raw) / 1e8 }
            let expected = Self.relativeStrength(dollars, period: period)
            #expect((index.value == nil) == (expected == nil), "bar \(count)")
            if let value = index.value, let expected { #expect(abs(value - expected) < 1e-6, "bar \(count)") }
        }
    }

    /// A worked example that circulates in textbooks, to two decimals.
    @Test func `relative strength agrees with a published example`() {
        let prices = [
            "44.3389", "44.0902", "44.1497", "43.6124", "44.3278", "44.8264", "45.0955", "45.4245", "45.8433",
            "46.0826",
            "45.8931", "46.0328", "45.6140", "46.2820", "46.2820", "46.0028", "46.0328", "46.4116", "46.2222",
            "45.6439",
        ].compactMap { Price($0) }
        var index = RelativeStrengthIndex(period: 14)
        var values: [Double] = []
        for price in prices {
            index.add(price)
            if let value = index.value { values.append(value) }
        }
        let published = [70.53, 66.32, 66.55, 69.41, 66.36, 57.97]
        #expect(values.count == published.count)
        for (value, expected) in zip(values, published) { #expect(abs(value - expected) < 0.005) }
    }

    @Test func `the first value is that of the plain mean of 14 changes`() throws {
        var index = RelativeStrengthIndex(period: 14)
        // Seven changes of +3 and seven of −1: a mean gain of 1.5 and a mean loss of 0.5.
        index.add(Price(100))
        for step in 0..<14 {
            #expect(index.value == nil)
            index.add(Price(100 + step + 2 + (step % 2 == 0 ? 1 : -1)))
        }
        #expect(try #require(index.value) == 75)
    }

    @Test func `relative strength ends at 0 and 100`() {
        var rising = RelativeStrengthIndex(period: 14)
        var falling = RelativeStrengthIndex(period: 14)
        for step in 0..<40 {
            rising.add(Price(100 + step))
            falling.add(Price(100 - step))
        }
        #expect(rising.value == 100)
        #expect(falling.value == 0)
    }

    @Test func `indicators go on after a restart in mid-series as if nothing had happened`() throws {
        var random = SplitMix64(seed: 10)
        let prices = Self.prices(120, using: &random)
        var index = RelativeStrengthIndex(period: 14)
        var mean = SimpleMovingAverage(period: 20)
        for price in prices {
            var indexRead = try RelativeStrengthIndex(json: try JSONValue(parsing: JSONWriter.bytes(index)))
            var meanRead = try SimpleMovingAverage(json: try JSONValue(parsing: JSONWriter.bytes(mean)))
            #expect(indexRead == index)
            #expect(meanRead == mean)
            indexRead.add(price)
            meanRead.add(price.raw)
            index.add(price)
            mean.add(price.raw)
            #expect(indexRead.value?.bitPattern == index.value?.bitPattern)
            #expect(meanRead == mean)
        }
    }

    @Test(arguments: [1, 3, 20])
    func `the mean agrees with a sum from scratch`(period: Int) {
        var random = SplitMix64(seed: 11)
        var mean = SimpleMovingAverage(period: period)
        var values: [Int64] = []
        for _ in 0..<200 {
            let value = Int64.random(in: 0...1000, using: &random)
            mean.add(value)
            values.append(value)
            #expect(mean.isReady == (values.count >= period))
            let sum = values.suffix(period).reduce(0, +)
            for candidate in [sum / Int64(period) - 1, sum / Int64(period), sum / Int64(period) + 1, value] {
                let isAbove = values.count >= period && candidate * Int64(period) > sum
                #expect(mean.isBelow(candidate) == isAbove)
            }
        }
    }

    @Test func `the mean is exact for the largest numbers`() {
        var mean = SimpleMovingAverage(period: 20)
        for _ in 0..<40 { mean.add(.max) }
        #expect(!mean.isBelow(.max))
        mean.add(.max - 1)
        #expect(mean.isBelow(.max))
    }

    @Test(arguments: [
        #"{"period":0,"window":[]}"#, #"{"period":2,"window":[1,2,3]}"#, #"{"period":-1,"window":[]}"#,
        #"{"window":[]}"#,
    ])
    func `a mean that cannot be is refused`(text: String) {
        #expect(throws: JSONError.self) { try SimpleMovingAverage(json: try JSONValue(parsing: Array(text.utf8))) }
    }
}
