package import TradingCore

/// Answers requests for quotes, bars and the market's status, and passes on what the broker's data stream brings:
/// every quote, every completed bar once, every opening and closing once.
package struct MarketDataAgent: Judgement {
    package let agent = AgentName.marketData
    private let symbols: [Symbol]
    private let timeframe: Timeframe
    /// How far ahead the broker's calendar is asked for.
    private let calendarDays: Int
    /// Whether the stream brings daily bars; where it does not, they are asked for when a session closes.
    private let streamsDailyBars: Bool
    /// Whether this agent's stream is the only one, so that what it misses of orders OrderExecution has missed too.
    private let streamTellsOfOrders: Bool
    private let speaker = Speaker(.marketData)
    /// Copies of the ledger's documents, so that a quote costs no read. A stale copy is found out by the commit.
    private var schedule: SessionSchedule?
    private var lastBoundary: Timestamp?
    /// The last day on which the broker's calendar was asked for.
    private var calendarAskedOn: CalendarDate?
    /// The newest market time seen.
    private var marketTime: Timestamp?

    package init(
        symbols: [Symbol],
        timeframe: Timeframe,
        calendarDays: Int = 365,
        streamsDailyBars: Bool = true,
        streamTellsOfOrders: Bool = false
    ) {
        self.symbols = symbols.sorted()
        self.timeframe = timeframe
        self.calendarDays = calendarDays
        self.streamsDailyBars = streamsDailyBars
        self.streamTellsOfOrders = streamTellsOfOrders
    }

    package func reads(for input: Input, given documents: Documents) throws -> [DocumentKey] {
        switch input {
        case .started, .feed(.connected): [MarketClock.key, Self.scheduleKey]
        case .feed(.quote(let quote)): self.crossesBoundary(quote.timestamp) ? [MarketClock.key] : []
        case .feed(.bar): self.schedule == nil ? [MarketClock.key, Self.scheduleKey] : [MarketClock.key]
        case .feed(.order), .feed(.ordersMoved), .quote, .poll, .login: []
        case .message(let message):
            switch message.body {
            case .brokerCallCompleted, .statusRequested: [MarketClock.key, Self.scheduleKey]
            default: []
            }
        }
    }

    package mutating func decide(_ input: Input, given documents: Documents) throws -> Decision {
        var work = Work(clock: try documents.find(MarketClock.key))
        if let stored: Versioned<StoredSchedule> = try documents.find(Self.scheduleKey), self.schedule == nil {
            self.schedule = stored.value.schedule
        }
        if let clock = work.clock { self.lastBoundary = clock.value.lastBoundary }
        switch input {
        case .feed(.connected):
            self.catchUp(&work)
            if self.streamTellsOfOrders { self.ring("connected", &work) }
        case .feed(.quote(let quote)):
            self.publish(quote, causedBy: nil, &work)
            self.observe(quote.timestamp, &work)
        case .feed(.bar(let symbol, let timeframe, let bar)):
            self.take([bar], of: symbol, timeframe, &work)
        case .message(let message): try self.decide(message, &work, documents)
        case .poll: self.call(.clock, about: "poll", &work)
        case .feed(.ordersMoved(let ring)): self.ring(ring, &work)
        case .started, .feed(.order), .quote, .login: break
        }
        if let clock = work.clock { self.lastBoundary = clock.value.lastBoundary }
        return work.finish()
    }

    private mutating func decide(_ message: Message, _ work: inout Work, _ documents: Documents) throws {
        switch message.body {
        case .quoteRequested(let request):
            self.call(.latestQuotes([request.symbol]), about: "\(message.id)", causedBy: message, &work)
        case .barsRequested(let request):
            self.call(.bars(request), about: "\(message.id)", causedBy: message, &work)
        case .statusRequested: self.answerStatus(message, &work)
        case .brokerCallCompleted(let answer): try self.take(answer, message, &work, documents)
        default: break
        }
    }

    private func ring(_ ring: String, _ work: inout Work) {
        work.tell(
            .orderExecution,
            self.speaker.say(
                .ordersMoved(OrdersMoved(ring: ring)),
                at: self.marketTime ?? Timestamp(seconds: 0),
                about: ring
            )
        )
    }

    /// After every connect: what the stream said meanwhile was missed, so it is asked for.
    private func catchUp(_ work: inout Work) {
        self.call(.clock, about: "connected", &work)
    }

    private mutating func take(
        _ answer: BrokerAnswer,
        _ message: Message,
        _ work: inout Work,
        _ documents: Documents
    ) throws {
        switch answer.outcome {
        case .clock(let now):
            if work.clock == nil {
                work.clock = Versioned(new: MarketClock.key, value: MarketClock(since: now))
                self.lastBoundary = now
            }
            // The calendar first, so that openings and closings in between are told before their bars.
            self.observe(now, &work)
            // A poll looks at the time and for bars that were late; a connection catches up with everything.
            guard message.correlationID != Self.pollCorrelation else {
                return self.askForBars(since: now, of: self.symbolsWithoutLastBar(work), &work)
            }
            self.call(.latestQuotes(self.symbols), about: "\(message.id)", causedBy: message, &work)
            self.askForBars(since: now, of: self.symbols, &work)
        case .sessions(let sessions):
            guard case .calendar(let start, let end) = answer.call.operation else { return }
            let schedule = try SessionSchedule(sessions, covering: start...end)
            self.schedule = schedule
            work.schedule = StoredSchedule(schedule)
            if let marketTime { self.observe(marketTime, &work) }
        case .quotes(let quotes):
            for quote in quotes {
                self.publish(quote, causedBy: message, &work)
                self.observe(quote.timestamp, &work)
            }
        case .bars(let bars):
            guard case .bars(let request) = answer.call.operation else { return }
            if message.correlationID == Self.catchUpCorrelation(request.symbol) {
                self.take(bars, of: request.symbol, request.timeframe, &work)
            } else {
                work.say(
                    self.speaker.say(
                        .barsReceived(
                            BarsReceived(
                                symbol: request.symbol,
                                timeframe: request.timeframe,
                                bars: bars,
                                isHistorical: true
                            )
                        ),
                        at: message.timestamp,
                        about: "\(message.id)",
                        causedBy: message
                    )
                )
            }
        case .unavailable(let reason), .unknown(let reason), .refused(_, let reason):
            work.note(
                Note(.warning, "market data could not be read", ["call": answer.call.name, "reason": reason])
            )
            guard message.correlationID != Self.pollCorrelation else { return }
            var again = message
            again.body = .brokerCallRequested(answer.call.again())
            again.id = MessageID(derivedFrom: "again", message.id.rawValue)
            work.say(again)
        default: break
        }
    }

    /// Those whose daily bar of the session that closed last has not come, where the stream brings none.
    private func symbolsWithoutLastBar(_ work: Work) -> [Symbol] {
        guard !self.streamsDailyBars, self.timeframe == .day, let clock = work.clock?.value, clock.isOpen == false
        else { return [] }
        let day = NewYorkTime.timestamp(on: NewYorkTime.date(of: clock.lastBoundary), hour: 0)
        return self.symbols.filter { symbol in clock.lastBars[symbol].map { $0 < day } ?? true }
    }

    /// Those not passed on yet.
    private func askForBars(since now: Timestamp, of symbols: [Symbol], _ work: inout Work) {
        for symbol in symbols {
            let since = work.clock.map { self.firstBar(of: symbol, $0.value) } ?? now
            self.call(
                .bars(BarsRequest(symbol: symbol, timeframe: self.timeframe, start: since)),
                about: "\(symbol) \(since)",
                causedBy: nil,
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

    private func publish(_ quote: Quote, causedBy cause: Message?, _ work: inout Work) {
        work.publish(
            self.speaker.say(
                .quoteUpdated(quote),
                at: quote.timestamp,
                about: "\(quote.symbol) \(quote.timestamp)",
                causedBy: cause
            )
        )
    }

    private func crossesBoundary(_ time: Timestamp) -> Bool {
        guard let schedule, let lastBoundary else { return true }
        return !schedule.boundaries(after: lastBoundary, upTo: time).isEmpty
    }

    /// Market time has come to `time`: openings and closings on the way are told, each once.
    private mutating func observe(_ time: Timestamp, _ work: inout Work) {
        if self.marketTime.map({ time > $0 }) ?? true { self.marketTime = time }
        self.keepCalendarAhead(of: time, &work)
        guard let schedule, var clock = work.clock else { return }
        for boundary in schedule.boundaries(after: clock.value.lastBoundary, upTo: time) {
            let status = MarketStatus(
                isOpen: boundary.kind == .open,
                isTransition: true,
                sessionDate: boundary.session.date,
                nextOpen: schedule.nextOpen(after: boundary.at),
                nextClose: schedule.nextClose(after: boundary.at)
            )
            work.say(
                self.speaker.say(
                    .marketStatus(status),
                    at: boundary.at,
                    about: "\(boundary.session.date) \(boundary.kind)"
                )
            )
            clock.value.lastBoundary = boundary.at
            if boundary.kind == .close, self.timeframe == .day, !self.streamsDailyBars {
                self.askForBars(since: boundary.at, of: self.symbols, &work)
            }
        }
        clock.value.isOpen = schedule.isOpen(at: max(time, clock.value.lastBoundary))
        work.clock = clock
    }

    /// The calendar is asked for again a month before the known part of it ends.
    private mutating func keepCalendarAhead(of time: Timestamp, _ work: inout Work) {
        let today = NewYorkTime.date(of: time)
        guard self.schedule?.covers(today.adding(days: 30)) != true, self.calendarAskedOn != today else { return }
        self.calendarAskedOn = today
        self.call(.calendar(today.adding(days: -10), today.adding(days: self.calendarDays)), about: "\(today)", &work)
    }

    /// Passes on bars that are complete and were not passed on before.
    private func take(_ bars: [Bar], of symbol: Symbol, _ timeframe: Timeframe, _ work: inout Work) {
        guard timeframe == self.timeframe, var clock = work.clock else { return }
        for bar in bars {
            guard let completedAt = self.completion(of: bar, timeframe, clock.value),
                clock.value.lastBars[symbol].map({ bar.timestamp > $0 }) ?? true
            else { continue }
            clock.value.lastBars[symbol] = bar.timestamp
            work.say(
                self.speaker.say(
                    .barsReceived(
                        BarsReceived(symbol: symbol, timeframe: timeframe, bars: [bar], isHistorical: false)
                    ),
                    at: completedAt,
                    about: "\(symbol) \(timeframe) \(bar.timestamp)"
                )
            )
        }
        work.clock = clock
    }

    /// When the bar was complete; nil while it is still forming. A daily bar is complete at its session's close.
    private func completion(of bar: Bar, _ timeframe: Timeframe, _ clock: MarketClock) -> Timestamp? {
        if let interval = timeframe.interval { return bar.timestamp + interval }
        // Another replica may have seen the close: what it has announced counts as much as what this one has seen.
        let time = self.marketTime.map { max($0, clock.lastBoundary) } ?? clock.lastBoundary
        guard let session = self.schedule?.session(on: NewYorkTime.date(of: bar.timestamp)), time >= session.close
        else { return nil }
        return session.close
    }

    private func answerStatus(_ message: Message, _ work: inout Work) {
        guard let schedule, let clock = work.clock,
            let last = schedule.boundaries(after: Timestamp(nanoseconds: .min), upTo: clock.value.lastBoundary).last
        else {
            return self.call(.clock, about: "\(message.id)", causedBy: message, &work)
        }
        let status = MarketStatus(
            isOpen: last.kind == .open,
            isTransition: false,
            sessionDate: last.session.date,
            nextOpen: schedule.nextOpen(after: last.at),
            nextClose: schedule.nextClose(after: last.at)
        )
        work.say(
            self.speaker.say(
                .marketStatus(status),
                at: clock.value.lastBoundary,
                about: "\(message.id)",
                causedBy: message
            )
        )
    }

    private func call(
        _ operation: BrokerCall.Operation,
        about: String,
        causedBy cause: Message? = nil,
        _ work: inout Work
    ) {
        var message = self.speaker.say(
            .brokerCallRequested(BrokerCall(operation, lane: .marketData)),
            at: self.marketTime ?? Timestamp(seconds: 0),
            about: "\(about) \(operation)",
            causedBy: cause
        )
        switch operation {
        case .clock where about == "poll": message.correlationID = Self.pollCorrelation
        case .bars(let request) where cause == nil:
            message.correlationID = Self.catchUpCorrelation(request.symbol)
        default: break
        }
        work.say(message)
    }

    private static let pollCorrelation = "clock-poll"
    private static func catchUpCorrelation(_ symbol: Symbol) -> String { "catch-up-\(symbol)" }
    static let scheduleKey = DocumentKey(rawValue: "schedule")
}
