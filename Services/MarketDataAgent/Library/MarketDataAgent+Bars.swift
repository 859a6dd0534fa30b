import TradingCore

/// Bars: each is passed on once, complete and in order, whether the stream or an answer of the broker's tells of it.
extension MarketDataAgent {
    /// How many of the stream's bars are kept for a symbol while those missed before are asked for. Older ones are in
    /// the broker's answer.
    private static let heldBarLimit = 16

    /// The stream is connected: what it says of bars from now on waits for what was missed before, and the quotes that
    /// are known are not good until the broker has been asked.
    func expectSnapshot(_ work: inout Work) {
        guard var clock = work.clock else { return }
        clock.value.isAwaitingQuotes = true
        if self.timeframe != .day {
            for symbol in self.symbols where clock.value.heldBars[symbol] == nil { clock.value.heldBars[symbol] = [] }
        }
        work.clock = clock
    }

    /// The stream tells of a bar. A daily bar is no more than a hint: the stream brings one each minute while it forms.
    mutating func hear(_ bar: Bar, of symbol: Symbol, _ timeframe: Timeframe, _ work: inout Work) {
        guard timeframe == self.timeframe, work.clock != nil else { return }
        guard let interval = timeframe.interval else {
            if self.symbolsWithoutLastBar(work).contains(symbol) {
                self.askForBars(since: bar.timestamp, of: [symbol], &work)
            }
            return
        }
        // A session's end is known before the bar that ends with it.
        self.observe(bar.timestamp + interval, &work)
        guard var clock = work.clock else { return }
        if let held = clock.value.heldBars[symbol] {
            clock.value.heldBars[symbol] = (held + [bar]).suffix(Self.heldBarLimit)
            work.clock = clock
        } else {
            self.take([bar], of: symbol, timeframe, &work)
        }
    }

    /// What was missed has come; what the stream has said since follows it, unless it has to wait for what the
    /// next connection has missed.
    func catchUp(
        with bars: [Bar],
        of symbol: Symbol,
        _ timeframe: Timeframe,
        releasing isCurrent: Bool = true,
        _ work: inout Work
    ) {
        guard let clock = work.clock?.value else { return }
        let held = isCurrent ? work.clock?.value.heldBars.removeValue(forKey: symbol) ?? [] : []
        // An answer may hold the bar that is still forming; the stream tells of complete ones alone.
        let complete = bars.filter { bar in
            timeframe.interval.map { bar.timestamp + $0 <= self.latestTime(clock) } ?? true
        }
        self.take(complete + held.sorted { $0.timestamp < $1.timestamp }, of: symbol, timeframe, &work)
    }

    /// What was missed will not be had before the next connection; what the stream says does not wait for it.
    func goOn(without request: BarsRequest, refused reason: String, _ work: inout Work) {
        work.note(
            Note(
                .warning,
                "the broker refuses bars that were missed: its stream's go on without them",
                ["symbol": "\(request.symbol)", "reason": reason]
            )
        )
        self.catchUp(with: [], of: request.symbol, request.timeframe, &work)
    }

    /// Those whose daily bar of the session that closed last has not come, once it is complete.
    func symbolsWithoutLastBar(_ work: Work) -> [Symbol] {
        guard self.timeframe == .day, let clock = work.clock?.value, clock.isOpen == false,
            clock.lastBoundary > clock.since,
            self.latestTime(clock) >= clock.lastBoundary + self.dailyBarDelay
        else { return [] }
        let day = NewYorkTime.timestamp(on: NewYorkTime.date(of: clock.lastBoundary), hour: 0)
        return self.symbols.filter { symbol in clock.lastBars[symbol].map { $0 < day } ?? true }
    }

    /// Those not passed on yet.
    func askForBars(since now: Timestamp, of symbols: [Symbol], _ work: inout Work) {
        for symbol in symbols {
            let since = work.clock.map { self.firstBar(of: symbol, $0.value) } ?? now
            self.call(
                .bars(BarsRequest(symbol: symbol, timeframe: self.timeframe, start: since)),
                about: "\(symbol) \(since)",
                for: .stream(Self.epoch(work)),
                &work
            )
        }
    }

    /// From where on bars are wanted. A daily bar carries its day's midnight, which lies before the first look.
    private func firstBar(of symbol: Symbol, _ clock: MarketClock) -> Timestamp {
        if let last = clock.lastBars[symbol] { return last }
        return self.timeframe == .day
            ? NewYorkTime.timestamp(on: NewYorkTime.date(of: clock.since), hour: 0) : clock.since
    }

    /// Passes on bars that are complete and were not passed on before.
    func take(_ bars: [Bar], of symbol: Symbol, _ timeframe: Timeframe, _ work: inout Work) {
        guard timeframe == self.timeframe, var clock = work.clock else { return }
        for bar in bars {
            guard let completedAt = self.completion(of: bar, timeframe, clock.value),
                clock.value.lastBars[symbol].map({ bar.timestamp > $0 }) ?? true
            else { continue }
            clock.value.lastBars[symbol] = bar.timestamp
            var message = self.speaker.say(
                .barsReceived(BarsReceived(symbol: symbol, timeframe: timeframe, bars: [bar], isHistorical: false)),
                at: completedAt,
                about: "\(symbol) \(timeframe) \(bar.timestamp)"
            )
            // A trade that begins with this bar has its story begin here.
            message.traceID = TraceID(seed: self.seed, trade: TradeID(symbol: symbol, signaledAt: completedAt))
            work.say(message)
        }
        work.clock = clock
    }

    /// When the bar was complete; nil while it is still forming. A daily bar is complete at its session's close.
    private func completion(of bar: Bar, _ timeframe: Timeframe, _ clock: MarketClock) -> Timestamp? {
        if let interval = timeframe.interval { return bar.timestamp + interval }
        guard let session = self.schedule?.session(on: NewYorkTime.date(of: bar.timestamp)),
            self.latestTime(clock) >= session.close + self.dailyBarDelay
        else { return nil }
        return session.close
    }

    /// Another replica may have seen the close: what it has announced counts as much as what this one has seen.
    private func latestTime(_ clock: MarketClock) -> Timestamp {
        [self.marketTime, clock.streamConnectedAt].compactMap(\.self).reduce(clock.lastBoundary, max)
    }
}
