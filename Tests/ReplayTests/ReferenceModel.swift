import TradingCore

/// What a replay comes to by the rules of risk and replay, worked out a second time from their text alone: one loop over the
/// bars, without agents, messages or orders on their way.
///
/// Of the system it shares nothing but the reading of times. Money and prices are whole counts of 1e-8.
struct ReferenceModel {
    struct Trade: Hashable {
        var symbol: String
        var signaledAt: String
        var quantity: Int64
        var entry: Int64
        var stop: Int64
        var target: Int64
        var fill: Int64?
        var filledOn: String?
        var exit: Int64?
        var closedOn: String?
        var reason: String?
    }

    struct Rejection: Hashable {
        var timestamp: String
        var symbol: String
        var rule: String
    }

    private(set) var closed: [Trade] = []
    private(set) var cancelled = 0
    private(set) var rejections: [Rejection] = []
    private(set) var cash: Int64
    private(set) var peak: Int64
    private(set) var maximumDrawdown: Int64 = 0

    private struct Bar {
        var time: String
        var open, high, low, close, volume: Int64
        var day: String { String(self.time.prefix(10)) }

        /// Rule 2.
        var ticks: [Int64] {
            self.close < self.open
                ? [self.open, self.high, self.low, self.close] : [self.open, self.low, self.high, self.close]
        }
    }

    private enum State {
        /// The entry order rests; nothing is bought.
        case placed
        /// `session` is the number of the session of the fill.
        case held(session: Int)
        /// To be sold at the next opening tick.
        case leaving
    }

    private static let unit: Int64 = 100_000_000
    private static let cent: Int64 = 1_000_000
    private let interval: Duration?
    private let maximumSessions: Int
    private var current: [String: (trade: Trade, state: State)] = [:]
    private var last: [String: Int64] = [:]
    private var past: [String: [Bar]] = [:]
    private var strengths: [String: Strength] = [:]
    private var hasHalted = false

    /// - Parameters:
    ///   - interval: of intraday bars; nil for daily ones.
    ///   - maximumSessions: after how many sessions the strategy gives a position up.
    init(_ texts: BarTexts, cash: Int64, interval: Duration? = nil, maximumSessions: Int = 40) {
        self.cash = cash
        self.peak = cash
        self.interval = interval
        self.maximumSessions = maximumSessions
        let bars = texts.files.mapValues { Dictionary(grouping: Self.bars($0), by: \.day) }
        let days = Set(bars.values.flatMap(\.keys)).sorted()
        for (session, day) in days.enumerated() {
            self.replay(day, number: session, bars.mapValues { $0[day] ?? [] })
        }
    }

    var open: [Trade] { self.current.values.map(\.trade).sorted { $0.symbol < $1.symbol } }

    /// Cash + shares at their last tick.
    var equity: Int64 {
        self.current.reduce(self.cash) { sum, entry in
            if case .placed = entry.value.state { return sum }
            return sum + entry.value.trade.quantity * (self.last[entry.key] ?? 0)
        }
    }

    private mutating func replay(_ day: String, number: Int, _ bars: [String: [Bar]]) {
        var ticked: Set<String> = []
        let times = Set(bars.values.joined().map(\.time)).sorted()
        for time in times {
            let now = bars.compactMapValues { $0.first { $0.time == time } }.sorted { $0.key < $1.key }
            for phase in 0..<4 {
                for (symbol, bar) in now {
                    let isOpening = ticked.insert(symbol).inserted
                    self.tick(symbol, bar.ticks[phase], isOpening, session: number, day)
                }
            }
            if time == times.last {
                self.close(session: number)
                ticked = []
            }
            for (symbol, bar) in now { self.complete(symbol, bar, isOpen: ticked.contains(symbol), session: number) }
        }
    }

    /// Rule 3.
    private mutating func tick(_ symbol: String, _ price: Int64, _ isOpening: Bool, session: Int, _ day: String) {
        self.last[symbol] = price
        guard let (trade, state) = self.current[symbol] else { return }
        switch state {
        case .placed:
            guard price <= trade.entry else { return }
            self.fill(symbol, at: isOpening ? price : trade.entry, tick: price, isOpening, session: session, day)
        case .leaving: self.sell(symbol, at: price, "strategy", day)
        case .held:
            if price <= trade.stop {
                self.sell(symbol, at: isOpening ? price : trade.stop, "stop", day)
            } else if price >= trade.target {
                self.sell(symbol, at: isOpening ? price : trade.target, "target", day)
            }
        }
    }

    private mutating func fill(
        _ symbol: String,
        at price: Int64,
        tick: Int64,
        _ isOpening: Bool,
        session: Int,
        _ day: String
    ) {
        guard var trade = self.current[symbol]?.trade else { return }
        self.cash -= trade.quantity * price
        trade.fill = price
        trade.filledOn = day
        // Section 6: a fill at or below the planned stop.
        if price <= trade.stop { trade.stop = Self.downToCent(price * 95 / 100) }
        self.current[symbol] = (trade, .held(session: session))
        // Rule 4: the stop is entered now and meets the current tick.
        if tick <= trade.stop { self.sell(symbol, at: isOpening ? tick : trade.stop, "stop", day) }
    }

    private mutating func sell(_ symbol: String, at price: Int64, _ reason: String, _ day: String) {
        guard var trade = self.current.removeValue(forKey: symbol)?.trade else { return }
        self.cash += trade.quantity * price
        trade.exit = price
        trade.reason = reason
        trade.closedOn = day
        self.closed.append(trade)
    }

    /// Rule 5, and the equity of section 6.
    private mutating func close(session: Int) {
        for (symbol, (_, state)) in self.current {
            switch state {
            case .placed:
                self.current[symbol] = nil
                self.cancelled += 1
            case .held(let since) where session - since >= self.maximumSessions: self.current[symbol]?.state = .leaving
            case .held, .leaving: break
            }
        }
        self.peak = max(self.peak, self.equity)
        self.maximumDrawdown = max(self.maximumDrawdown, self.drawdown)
        if self.drawdown >= Self.unit / 5 { self.hasHalted = true }
    }

    private var drawdown: Int64 { Int64(Int128(self.peak - self.equity) * Int128(Self.unit) / Int128(self.peak)) }

    /// The strategy's look at a completed bar.
    private mutating func complete(_ symbol: String, _ bar: Bar, isOpen: Bool, session: Int) {
        self.past[symbol, default: []].append(bar)
        self.strengths[symbol, default: Strength()].add(bar.close)
        guard self.current[symbol] == nil, let strength = self.strengths[symbol]?.value,
            let window = self.past[symbol]?.suffix(20), window.count == 20,
            bar.close * 20 > window.reduce(0, { $0 + $1.close }), (50...70).contains(strength),
            bar.volume * 20 > window.reduce(0, { $0 + $1.volume })
        else { return }
        let trade = Trade(
            symbol: symbol,
            signaledAt: self.signalTime(bar),
            quantity: self.size(at: bar.close),
            entry: bar.close,
            stop: Self.downToCent(bar.close * 95 / 100),
            target: Self.downToCent(bar.close * 115 / 100)
        )
        if let rule = self.brokenRule(trade) {
            self.rejections.append(Rejection(timestamp: trade.signaledAt, symbol: symbol, rule: rule))
            return
        }
        self.current[symbol] = (trade, .placed)
        // Rule 4, while the session goes on: the close is the current tick, and the limit.
        if isOpen { self.fill(symbol, at: bar.close, tick: bar.close, false, session: session, bar.day) }
    }

    /// The rules of section 6 in the order of its table's severity: what stops all entries first, the size last.
    private func brokenRule(_ trade: Trade) -> String? {
        if self.hasHalted { return "entries_stopped" }
        if self.drawdown >= Self.unit / 5 { return "drawdown" }
        if (trade.target - trade.entry) * 2 <= (trade.entry - trade.stop) * 5 { return "reward_risk_ratio" }
        return trade.quantity > 0 ? nil : self.bounds.min { $0.amount < $1.amount }?.rule
    }

    private func size(at entry: Int64) -> Int64 { max(0, (self.bounds.map(\.amount).min() ?? 0) / entry) }

    private var bounds: [(rule: String, amount: Int64)] {
        let reserved = self.current.values.reduce(Int64(0)) { sum, entry in
            if case .placed = entry.state { sum + entry.trade.quantity * entry.trade.entry } else { sum }
        }
        let equity = self.equity
        return [
            ("position_value", 1000 * Self.unit), ("position_share", equity / 5),
            ("cash_reserve", self.cash - reserved - (equity + 1) / 2),
        ]
    }

    private func signalTime(_ bar: Bar) -> String {
        guard let interval, let start = Timestamp(bar.time) else { return bar.time }
        return (start + interval).description
    }

    /// Wilder's RSI(14).
    private struct Strength {
        var previous: Int64?
        var changes = 0
        var gain = 0.0
        var loss = 0.0

        mutating func add(_ close: Int64) {
            defer { self.previous = close }
            guard let previous else { return }
            let change = Double(close - previous)
            self.changes += 1
            // A mean of the first fourteen, built up as they come, and a smoothed one afterwards.
            let weight = self.changes <= 14 ? 1.0 : 13.0
            let divisor = self.changes < 14 ? 1.0 : 14.0
            self.gain = (self.gain * weight + max(change, 0)) / divisor
            self.loss = (self.loss * weight + max(-change, 0)) / divisor
        }

        var value: Double? {
            guard self.changes >= 14 else { return nil }
            return self.loss == 0 ? 100 : 100 - 100 / (1 + self.gain / self.loss)
        }
    }

    // MARK: Reading

    private static func bars(_ text: String) -> [Bar] {
        text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",")
            let prices = fields[1...4].map(Self.amount)
            return Bar(
                time: String(fields[0]),
                open: prices[0],
                high: prices[1],
                low: prices[2],
                close: prices[3],
                volume: Int64(fields[5]) ?? 0
            )
        }
    }

    /// A plain decimal in 1e-8; further digits are dropped.
    static func amount(_ text: some StringProtocol) -> Int64 {
        let parts = text.split(separator: ".")
        let decimals = parts.count > 1 ? String(parts[1].prefix(8)) : ""
        let digits = "\(parts[0])\(decimals)" + String(repeating: "0", count: 8 - decimals.count)
        return Int64(digits) ?? 0
    }

    private static func downToCent(_ amount: Int64) -> Int64 { amount - amount % Self.cent }
}
