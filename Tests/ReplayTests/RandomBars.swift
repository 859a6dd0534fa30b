import TradingCore

/// Bars drawn at random, the same for the same seed: wild enough that stops, targets, gaps through either, refusals and
/// sessions without a bar all happen.
struct RandomBars {
    private var generator: SeededGenerator
    /// In ten-thousandths of a dollar.
    private var price: Int

    private init(seed: UInt64, price: Int) {
        self.generator = SeededGenerator(state: seed)
        self.price = price * 10_000
    }

    /// Daily bars of three symbols, on every weekday, holidays too: where there are bars there is a session.
    static func daily(seed: UInt64, sessions: Int = 120) -> BarTexts {
        let days = (0...).lazy.map { CalendarDate(dayNumber: 16_072 + $0) }  // from 2014-01-02
            .filter { $0.weekday.rawValue <= 5 }.prefix(sessions)
        var files: [String: String] = [:]
        for (index, (symbol, price)) in [("ANVL", 6), ("BOLT", 60), ("CRNK", 400)].enumerated() {
            var bars = RandomBars(seed: seed &* 100 &+ UInt64(index), price: price)
            var lines = [BarTexts.header]
            for day in days where !bars.happens(oneIn: 25) {
                lines.append("\(day)," + bars.next(gap: bars.happens(oneIn: 8) ? 0.07 : 0.01, move: 0.025))
            }
            files[symbol] = lines.joined(separator: "\n") + "\n"
        }
        return BarTexts(files: files)
    }

    /// Five-minute bars of two symbols from the open to noon, over a change to daylight saving time.
    static func intraday(seed: UInt64, sessions: Int = 15) -> BarTexts {
        let days = (0...).lazy.map { CalendarDate(dayNumber: 15_400 + $0) }  // from 2012-03-01
            .filter { $0.weekday.rawValue <= 5 }.prefix(sessions)
        var files: [String: String] = [:]
        for (index, (symbol, price)) in [("ANVL", 25), ("BOLT", 150)].enumerated() {
            var bars = RandomBars(seed: seed &* 100 &+ UInt64(index), price: price)
            var lines = [BarTexts.header]
            for day in days {
                let offset = day < CalendarDate(dayNumber: 15_410) ? "-05:00" : "-04:00"  // 2012-03-11
                for bar in 0..<30 where !bars.happens(oneIn: 30) {
                    let minutes = 9 * 60 + 30 + bar * 5
                    let time =
                        "\(minutes < 600 ? "0" : "")\(minutes / 60):\(minutes % 60 < 10 ? "0" : "")\(minutes % 60)"
                    lines.append("\(day)T\(time):00\(offset)," + bars.next(gap: bar == 0 ? 0.03 : 0, move: 0.012))
                }
            }
            files[symbol] = lines.joined(separator: "\n") + "\n"
        }
        return BarTexts(files: files)
    }

    /// Open, high, low, close and volume. Both spreads are shares of the price.
    private mutating func next(gap: Double, move: Double) -> String {
        // Most prices are whole cents, some are finer, as in the sample.
        let step = self.happens(oneIn: 10) ? 1 : 100
        let open = self.moved(self.price, by: gap * self.deviation, step)
        // Down from high prices and up from low ones, so that they stay between $5 and $900.
        let drift = open > 8_000_000 ? -0.02 : open < 60_000 ? 0.02 : 0.002
        let close = self.moved(open, by: drift + move * self.deviation, step)
        let high = self.moved(max(open, close), by: move / 2 * abs(self.deviation), step)
        let low = self.moved(min(open, close), by: -move / 2 * abs(self.deviation), step)
        self.price = close
        let prices = [open, max(high, open, close), min(low, open, close), close].map(Self.text)
        return prices.joined(separator: ",") + ",\(Int.random(in: 100_000...900_000, using: &self.generator))"
    }

    private func moved(_ price: Int, by share: Double, _ step: Int) -> Int {
        let moved = Int(Double(price) * (1 + max(-0.3, min(0.3, share))))
        return min(max(moved, 50_000), 9_000_000) / step * step
    }

    /// Near enough to a standard normal one.
    private var deviation: Double {
        mutating get { (0..<6).reduce(0) { sum, _ in sum + Double.random(in: -1...1, using: &self.generator) } / 1.414 }
    }

    private mutating func happens(oneIn count: Int) -> Bool { Int.random(in: 0..<count, using: &self.generator) == 0 }

    private static func text(_ price: Int) -> String {
        let decimals = String(price % 10_000 + 10_000).dropFirst()
        return "\(price / 10_000).\(decimals)"
    }
}

/// SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
