import MarketSimulation
import TradingCore

/// What the broker's quotes tell of one symbol at one moment. The replay's market has no spread: bid and ask are the
/// last tick.
struct SchwabLevelOne: Hashable, Sendable {
    let symbol: Symbol
    let price: Price?
    let quotedAt: Timestamp?
    let tradedAt: Timestamp?
    let previousClose: Price?
    let figures: SimulatedMarket.SessionFigures?
    let isOpen: Bool
    let isHalted: Bool

    var status: String { self.isHalted ? "Halted" : self.isOpen ? "Normal" : "Closed" }
    var netChange: Price? { self.previousClose.flatMap { close in self.price.map { $0 - close } } }
    var netPercentChange: Rate? { self.previousClose.flatMap { percentage(self.netChange ?? .zero, of: $0) } }

    /// The stream's fields that the simulation has, in order.
    static let fields = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 25, 29, 32, 33, 34, 35, 36, 37, 38]

    /// Nil where nothing is known.
    func value(ofField field: Int) -> JSONValue? {
        switch field {
        case 1, 2, 3, 29, 33: self.price.map { .number($0.description) }
        case 4, 5: self.price.map { _ in .number("1") }
        case 6, 7, 13, 16: .string("Q")
        case 8: .number("\(self.figures?.volume ?? 0)")
        case 9: self.price.map { _ in .number("100") }
        case 10: self.figures.map { .number($0.high.description) }
        case 11: self.figures.map { .number($0.low.description) }
        case 12: self.previousClose.map { .number($0.description) }
        case 15: .string(self.symbol.rawValue)
        case 17: self.figures.map { .number($0.open.description) }
        case 18: self.netChange.map { .number($0.description) }
        case 25: .string("NASDAQ")
        case 32: .string(self.status)
        case 34, 37, 38: self.quotedAt.map { .number("\($0.milliseconds)") }
        case 35, 36: self.tradedAt.map { .number("\($0.milliseconds)") }
        default: nil
        }
    }
}

extension SimulatedMarket {
    func levelOne(slot: Int) -> SchwabLevelOne {
        SchwabLevelOne(
            symbol: self.symbols[slot],
            price: self.engine.lastPrice(slot: slot),
            quotedAt: self.lastQuoteAt[slot],
            tradedAt: self.lastTickAt[slot],
            previousClose: self.previousClose[slot],
            figures: self.figures[slot],
            isOpen: self.isOpen,
            isHalted: self.isHalted(slot)
        )
    }
}

/// What a step of the replay has to show to the broker's stream.
struct SchwabMarketNews: Hashable, Sendable {
    struct ChartBar: Hashable, Sendable {
        let symbol: Symbol
        let bar: Bar
        /// Counts the symbol's bars of the session from 0.
        let sequence: Int
    }

    let at: Timestamp
    let levelOne: [SchwabLevelOne]
    /// Nil unless the step completes a bar of one minute: the stream has no others.
    let chartBar: ChartBar?

    init(_ step: ReplayStep, _ market: SimulatedMarket) {
        self.at = market.now
        switch step {
        case .tick(let tick):
            self.levelOne = [market.levelOne(slot: tick.slot)]
            self.chartBar = nil
        case .sessionClosed:
            self.levelOne = market.symbols.indices.map { market.levelOne(slot: $0) }
            self.chartBar = nil
        case .barComplete(let slot, let bar, _):
            self.levelOne = [market.levelOne(slot: slot)]
            guard market.folder.frequency == .intraday(interval: .seconds(60)) else {
                self.chartBar = nil
                return
            }
            let sequence = (market.figures[slot]?.barCount ?? 1) - 1
            self.chartBar = ChartBar(symbol: market.symbols[slot], bar: bar, sequence: sequence)
        }
    }
}
