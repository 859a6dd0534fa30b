import MarketSimulation
import TradingCore

/// All that the simulated broker knows at one moment of the replay: what REST answers are made from.
struct SimulatedMarket {
    private(set) var schedule: ReplaySchedule
    let folder: BarFolder
    var engine: MatchingEngine
    /// What only the Schwab dialect keeps.
    var schwab = SchwabBook()
    /// What only the Alpaca dialect keeps.
    var settings = AccountSettings()
    /// What faults have yet to do to orders.
    var aftermaths: [OrderAftermath] = []
    /// Of orders that will be filled under another id: for how long the replay then stands still.
    var succeeding: [String: Duration] = [:]
    /// By slot: how many of the folder's bars are complete.
    private(set) var releasedBars: [Int]
    /// By slot.
    private(set) var lastTickAt: [Timestamp?]
    /// By slot: like `lastTickAt`, but a session's close renews every quote.
    private(set) var lastQuoteAt: [Timestamp?]
    /// By slot: the last price of the session before the current one.
    private(set) var previousClose: [Price?]
    /// By slot: of the session in which the symbol ticked last.
    private(set) var figures: [SessionFigures?]
    /// Of the session that is open, else of the last one; nil before the first.
    private(set) var sessionIndex: Int?
    private(set) var isOpen = false
    /// By how much the broker's clock is wrong.
    var clockOffset = Duration.zero
    private var halts = TradingHalts()
    /// Sessions that close earlier than the bars would have it.
    private(set) var earlyCloses: [CalendarDate] = []
    private(set) var tickCount = 0

    /// One symbol's session so far.
    struct SessionFigures: Hashable, Sendable {
        let open: Price
        var high: Price
        var low: Price
        /// Of its complete bars.
        var volume: Int64 = 0
        var barCount = 0
    }

    init(folder: BarFolder, matching: MatchingEngine.Configuration) {
        self.folder = folder
        self.schedule = ReplaySchedule(folder)
        // The clients get half an hour of market time before the first open.
        let start = (self.schedule.sessions.first?.open ?? Timestamp(seconds: 0)) - .seconds(1800)
        self.engine = MatchingEngine(symbols: folder.symbols, configuration: matching, startingAt: start)
        self.releasedBars = folder.symbols.map { _ in 0 }
        self.lastTickAt = folder.symbols.map { _ in nil }
        self.lastQuoteAt = self.lastTickAt
        self.previousClose = folder.symbols.map { _ in nil }
        self.figures = folder.symbols.map { _ in nil }
    }

    var symbols: [Symbol] { self.folder.symbols }
    var now: Timestamp { self.engine.now }

    /// The bars of a slot that may be seen.
    func bars(slot: Int) -> ArraySlice<Bar> { self.folder.bars[slot].prefix(self.releasedBars[slot]) }

    /// The session that is open or, if none is, the next one, and the one after it; nil past the end of the bars.
    var comingSession: TradingSession? { self.session((self.sessionIndex ?? -1) + (self.isOpen ? 0 : 1)) }
    var sessionAfterComing: TradingSession? { self.session((self.sessionIndex ?? -1) + (self.isOpen ? 1 : 2)) }

    private func session(_ index: Int) -> TradingSession? {
        self.schedule.sessions.indices.contains(index) ? self.schedule.sessions[index] : nil
    }

    /// - Returns: The steps of the session, which comes next.
    mutating func begin(session index: Int) -> [ReplayStep] {
        let steps = self.schedule.steps(ofSession: index)
        self.halts.begin(session: index, steps)
        return steps
    }

    func isHalted(_ slot: Int) -> Bool { self.halts.isHalted(slot) }

    mutating func setHalt(_ isHalted: Bool, of symbol: Symbol) {
        guard let slot = self.engine.slot(of: symbol) else { return }
        self.halts.set(isHalted, slot)
        if isHalted { self.engine.halt(slot: slot) } else { self.engine.resume(slot: slot) }
    }

    mutating func resetControl() {
        for symbol in self.symbols { self.setHalt(false, of: symbol) }
        self.clockOffset = .zero
    }

    /// Lets a session close early, which has not begun. False, if there is none on that date or it would not be early.
    mutating func shorten(_ date: CalendarDate, to close: Timestamp) -> Bool {
        guard let index = self.schedule.sessions.firstIndex(where: { $0.date == date }), index > self.sessionIndex ?? -1
        else { return false }
        guard self.schedule.shorten(session: index, to: close) else { return false }
        self.earlyCloses.append(date)
        return true
    }

    /// Draws the faults of sessions that the calendar knows from the start.
    mutating func plan(_ faults: FaultPlan) {
        for (index, session) in self.schedule.sessions.enumerated() {
            guard let fault = faults.next(for: .session)?.fault else { continue }
            switch fault {
            case .halfDay: _ = self.shorten(session.date, to: Self.halfDayClose(on: session.date))
            case .halt: self.halts.sessions.insert(index)
            default: break
            }
        }
    }

    /// Takes one step of the session at `index`; the steps must come in the schedule's order.
    mutating func take(_ step: ReplayStep, ofSession index: Int) -> [OrderUpdate] {
        switch step {
        case .tick(let tick):
            if self.sessionIndex != index {
                self.sessionIndex = index
                self.isOpen = true
                self.previousClose = self.symbols.indices.map { self.engine.lastPrice(slot: $0) }
            }
            self.tickCount += 1
            if self.halts.take(tick) {
                self.engine.halt(slot: tick.slot)
                self.engine.advance(to: tick.at)
                return []
            }
            self.engine.resume(slot: tick.slot)
            self.note(tick)
            self.lastTickAt[tick.slot] = tick.at
            self.lastQuoteAt[tick.slot] = tick.at
            return self.engine.tick(tick)
        case .sessionClosed(let close):
            self.isOpen = false
            self.lastQuoteAt = self.lastQuoteAt.map { $0 == nil ? nil : close }
            return self.engine.closeSession(date: self.schedule.sessions[index].date, at: close)
        case .barComplete(let slot, let bar, let at):
            self.engine.advance(to: at)
            self.releasedBars[slot] += 1
            self.figures[slot]?.volume += bar.volume
            self.figures[slot]?.barCount += 1
            return []
        }
    }

    private mutating func note(_ tick: ReplayTick) {
        guard !tick.isOpening, let figures = self.figures[tick.slot] else {
            self.figures[tick.slot] = SessionFigures(open: tick.price, high: tick.price, low: tick.price)
            return
        }
        self.figures[tick.slot]?.high = max(figures.high, tick.price)
        self.figures[tick.slot]?.low = min(figures.low, tick.price)
    }
}

extension BarFolder {
    /// What the data API calls the length of these bars.
    var timeframe: String {
        guard case .intraday(let interval) = self.frequency else { return "1Day" }
        let seconds = interval.components.seconds
        if seconds % 3600 == 0 { return "\(seconds / 3600)Hour" }
        return seconds % 60 == 0 ? "\(seconds / 60)Min" : "\(seconds)Sec"
    }
}
