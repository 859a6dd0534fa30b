package import TradingCore

/// Answers requests for quotes, bars and the market's status, and passes on what the broker's data stream brings:
/// every quote, every completed bar once, every opening and closing once.
package struct MarketDataAgent: Judgement {
    package let agent = AgentName.marketData
    let symbols: [Symbol]
    let timeframe: Timeframe
    /// How far ahead the broker's calendar is asked for.
    private let calendarDays: Int
    /// Whether the stream tells that there is a daily bar; where it does not, they are asked for when a session closes.
    let streamsDailyBars: Bool
    /// How long after the close a session's daily bar is complete: the closing auction comes after it.
    let dailyBarDelay: Duration
    /// Whether the broker's calendar is held against the exchanges' rules. Where bars make the market they decide.
    private let checksCalendar: Bool
    /// Whether this agent's stream is the only one, so that what it misses of orders OrderExecution has missed too.
    private let streamTellsOfOrders: Bool
    let speaker = Speaker(.marketData)
    /// Names the installation for good; with a bar's symbol and time, the trace of the trade that it may begin.
    let seed: String
    /// Copies of the ledger's documents, so that a quote costs no read. A stale copy is found out by the commit.
    var schedule: SessionSchedule?
    private var disagreements: [CalendarDisagreement] = []
    private var lastBoundary: Timestamp?
    /// The last day on which the broker's calendar was asked for.
    private var calendarAskedOn: CalendarDate?
    /// The data stream's epoch that began with the last connection this replica has made.
    private var epoch = 0
    /// The newest market time seen.
    var marketTime: Timestamp?

    package init(
        symbols: [Symbol],
        timeframe: Timeframe,
        calendarDays: Int = 365,
        streamsDailyBars: Bool = true,
        dailyBarDelay: Duration = .zero,
        checksCalendar: Bool = false,
        streamTellsOfOrders: Bool = false,
        seed: String = ""
    ) {
        self.seed = seed
        self.symbols = symbols.sorted()
        self.timeframe = timeframe
        self.calendarDays = calendarDays
        self.streamsDailyBars = streamsDailyBars
        self.dailyBarDelay = dailyBarDelay
        self.checksCalendar = checksCalendar
        self.streamTellsOfOrders = streamTellsOfOrders
    }

    package func reads(for input: Input, given documents: Documents) throws -> [DocumentKey] {
        switch input {
        case .started, .feed(.connected): [MarketClock.key, DocumentKey.schedule]
        case .feed(.quote(let quote)): self.crossesBoundary(quote.timestamp) ? [MarketClock.key] : []
        case .feed(.bar): self.schedule == nil ? [MarketClock.key, DocumentKey.schedule] : [MarketClock.key]
        case .feed(.disconnected): [MarketClock.key]
        case .feed(.order), .feed(.ordersMoved), .feed(.holdingsMoved), .quote, .poll, .login, .unprotected: []
        case .message(let message):
            switch message.body {
            case .brokerCallCompleted, .statusRequested: [MarketClock.key, DocumentKey.schedule]
            default: []
            }
        }
    }

    package mutating func decide(_ input: Input, given documents: Documents) throws -> Decision {
        var work = Work(clock: try documents.find(MarketClock.key))
        if let stored: Versioned<StoredSchedule> = try documents.find(DocumentKey.schedule), self.schedule == nil {
            self.schedule = stored.value.schedule
            self.disagreements = stored.value.disagreements
        }
        if let clock = work.clock { self.lastBoundary = clock.value.lastBoundary }
        switch input {
        case .feed(.connected):
            work.clock?.value.streamEpoch += 1
            self.epoch = Self.epoch(work)
            self.expectSnapshot(&work)
            self.call(.clock, about: "connected", for: .stream(Self.epoch(work)), &work)
            if self.streamTellsOfOrders { self.ring("connected", isReconnect: true, &work) }
        case .feed(.disconnected):
            // A replica that has lost its lease may learn of it when another has long been connected.
            guard Self.epoch(work) == self.epoch else { break }
            work.clock?.value.streamEpoch += 1
            work.clock?.value.isAwaitingQuotes = true
        case .feed(.quote(let quote)):
            self.publish(quote, causedBy: nil, &work)
            self.observe(quote.timestamp, &work)
        case .feed(.bar(let symbol, let timeframe, let bar)):
            self.hear(bar, of: symbol, timeframe, &work)
        case .message(let message): try self.decide(message, &work, documents)
        case .poll: self.call(.clock, about: "poll", for: .poll, &work)
        case .feed(.ordersMoved(let ring)): self.ring(ring, &work)
        case .started, .feed(.order), .feed(.holdingsMoved), .quote, .login, .unprotected: break
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

    private func ring(_ ring: String, isReconnect: Bool = false, _ work: inout Work) {
        work.say(
            self.speaker.say(
                .ordersMoved(OrdersMoved(ring: ring, isReconnect: isReconnect)),
                at: self.marketTime ?? Timestamp(seconds: 0),
                about: ring
            )
        )
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
            self.note(skew: answer.clockSkew, &work)
            // The calendar first, so that openings and closings in between are told before their bars.
            self.observe(now, &work)
            // A poll looks at the time and for bars that were late; a connection catches up with everything.
            guard Self.isCurrent(message, work) else {
                return self.askForBars(since: now, of: self.symbolsWithoutLastBar(work), &work)
            }
            self.expectSnapshot(&work)
            work.clock?.value.streamConnectedAt = now
            self.call(.latestQuotes(self.symbols), about: "\(message.id)", causedBy: message, &work)
            self.askForBars(since: now, of: self.symbols, &work)
        case .sessions(let sessions):
            guard case .calendar(let start, let end) = answer.call.operation else { return }
            try self.take(sessions, of: start...end, &work)
            if let marketTime { self.observe(marketTime, &work) }
        case .quotes(let quotes):
            // Those asked for before the stream was lost may have been overtaken unseen.
            if Self.isCurrent(message, work) {
                work.clock?.value.isAwaitingQuotes = false
            }
            for quote in quotes {
                self.publish(quote, causedBy: message, &work)
                self.observe(quote.timestamp, &work)
            }
        case .bars(let bars):
            guard case .bars(let request) = answer.call.operation else { return }
            if Purpose.isStream(message) {
                let isCurrent = Self.isCurrent(message, work)
                self.catchUp(with: bars, of: request.symbol, request.timeframe, releasing: isCurrent, &work)
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
        case .refused(_, let reason) where Self.isCurrent(message, work) && answer.call.name == "bars":
            guard case .bars(let request) = answer.call.operation else { return }
            self.goOn(without: request, refused: reason, &work)
        case .unavailable(let reason), .unknown(let reason), .refused(_, let reason):
            work.note(
                Note(.warning, "market data could not be read", ["call": answer.call.name, "reason": reason])
            )
            // A poll comes again; and what an earlier connection asked, the next one asks anew.
            guard message.correlationID != Purpose.poll.correlationID,
                !Purpose.isStream(message) || Self.isCurrent(message, work)
            else { return }
            // A broker that will not say is no reason to wait for ever.
            if case .refused = answer.outcome, case .latestQuotes = answer.call.operation,
                Self.isCurrent(message, work)
            {
                work.clock?.value.isAwaitingQuotes = false
            }
            var again = message
            again.body = .brokerCallRequested(answer.call.again())
            again.id = MessageID(derivedFrom: "again", message.id.rawValue)
            work.say(again)
        default: break
        }
    }

    /// Takes the broker's calendar for what both it and the exchanges' rules say.
    private mutating func take(
        _ sessions: [TradingSession],
        of dates: ClosedRange<CalendarDate>,
        _ work: inout Work
    ) throws {
        var agreed = sessions
        if self.checksCalendar {
            let compared = CalendarDisagreement.compare(broker: sessions, in: dates)
            agreed = compared.agreed
            let today = self.marketTime.map(NewYorkTime.date(of:)) ?? dates.lowerBound
            let ahead = compared.disagreements.filter { $0.date >= today }
            for disagreement in ahead where !self.disagreements.contains(disagreement) {
                work.note(
                    Note(
                        .error,
                        "the broker's calendar and the exchanges' rules disagree: no trade unless both say open",
                        [
                            "market.date": "\(disagreement.date)",
                            "market.broker": CalendarDisagreement.opinion(disagreement.broker),
                            "market.rules": CalendarDisagreement.opinion(disagreement.rules),
                        ]
                    )
                )
            }
            self.disagreements = ahead
        }
        let schedule = try SessionSchedule(agreed, covering: dates)
        self.schedule = schedule
        work.schedule = StoredSchedule(schedule, disagreements: self.disagreements)
    }

    /// Written down only while it is too much, so that the ledger does not follow every millisecond.
    private func note(skew: Int?, _ work: inout Work) {
        guard let skew, let clock = work.clock?.value else { return }
        let isTooMuch = abs(skew) > MarketClock.maximumSkew
        work.clock?.value.clockSkew = isTooMuch ? skew : nil
        if isTooMuch, clock.clockSkew == nil {
            work.note(
                Note(
                    .error,
                    "this machine's clock differs from the broker's: no entries until it is set right",
                    ["clock.ahead_ms": "\(skew)"]
                )
            )
        } else if !isTooMuch, clock.clockSkew != nil {
            work.note(Note(.info, "this machine's clock agrees with the broker's again"))
        }
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
    mutating func observe(_ time: Timestamp, _ work: inout Work) {
        if self.marketTime.map({ time > $0 }) ?? true { self.marketTime = time }
        self.keepCalendarAhead(of: time, &work)
        guard let schedule, var clock = work.clock else { return }
        for boundary in schedule.boundaries(after: clock.value.lastBoundary, upTo: time) {
            let status = MarketStatus(
                isOpen: boundary.kind == .open,
                isTransition: true,
                sessionDate: boundary.session.date,
                nextOpen: schedule.nextOpen(after: boundary.at),
                nextClose: schedule.nextClose(after: boundary.at),
                disagreements: self.disagreements.filter { $0.date >= boundary.session.date }
            )
            work.say(
                self.speaker.say(
                    .marketStatus(status),
                    at: boundary.at,
                    about: "\(boundary.session.date) \(boundary.kind)"
                )
            )
            clock.value.lastBoundary = boundary.at
            if boundary.kind == .close, self.timeframe == .day, !self.streamsDailyBars, self.dailyBarDelay == .zero {
                self.askForBars(since: boundary.at, of: self.symbols, &work)
            }
        }
        let latest = max(time, clock.value.lastBoundary)
        clock.value.isOpen = schedule.isOpen(at: latest)
        clock.value.nextBoundary = schedule.nextBoundary(after: latest)
        work.clock = clock
    }

    /// The calendar is asked for again a month before the known part of it ends; where it can change, as when a day of
    /// mourning is announced, once a day.
    private mutating func keepCalendarAhead(of time: Timestamp, _ work: inout Work) {
        let today = NewYorkTime.date(of: time)
        guard self.checksCalendar || self.schedule?.covers(today.adding(days: 30)) != true,
            self.calendarAskedOn != today
        else { return }
        self.calendarAskedOn = today
        self.call(.calendar(today.adding(days: -10), today.adding(days: self.calendarDays)), about: "\(today)", &work)
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
            nextClose: schedule.nextClose(after: last.at),
            disagreements: self.disagreements.filter { $0.date >= last.session.date }
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

    func call(
        _ operation: BrokerCall.Operation,
        about: String,
        for purpose: Purpose? = nil,
        causedBy cause: Message? = nil,
        _ work: inout Work
    ) {
        var message = self.speaker.say(
            .brokerCallRequested(BrokerCall(operation, lane: .marketData)),
            at: self.marketTime ?? Timestamp(seconds: 0),
            // The same is asked again and again.
            about: "\(about) \(operation) \(self.marketTime.map(\.description) ?? "")",
            causedBy: cause
        )
        if let purpose { message.correlationID = purpose.correlationID }
        work.say(message)
    }

    static func epoch(_ work: Work) -> Int { work.clock?.value.streamEpoch ?? 0 }

    /// Whether this answers what was asked when the stream was connected, and the stream was not lost since.
    private static func isCurrent(_ message: Message, _ work: Work) -> Bool {
        message.correlationID == Purpose.stream(Self.epoch(work)).correlationID
    }
}
