import MarketDataAgent
import OrderExecutionAgent
import Testing
import TradingCore

@Suite struct MarketDataAgentTests {
    private static let date = CalendarDate(dayNumber: 18_628)

    private func stage() throws -> JudgementStage {
        let stage = JudgementStage(MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day))
        let start = NewYorkTime.timestamp(on: Self.date, hour: 0)
        let connected = try stage.judge(.feed(.connected))
        #expect(connected.calls.map(\.name) == ["clock"])
        let clock = try #require(connected.messages.first)
        let caughtUp = try stage.judge(Sample.answer(to: clock, .clock(start)))
        #expect(caughtUp.calls.map(\.name) == ["calendar", "latest_quotes", "bars"])
        let calendar = try #require(caughtUp.messages.first)
        try stage.judge(
            Sample.answer(to: calendar, .sessions([Self.session(Self.date), Self.session(Self.date.adding(days: 1))]))
        )
        return stage
    }

    private static func session(_ date: CalendarDate) -> TradingSession {
        TradingSession(
            date: date,
            open: NewYorkTime.timestamp(on: date, hour: 9, minute: 30),
            close: NewYorkTime.timestamp(on: date, hour: 16)
        )
    }

    private func quote(_ hour: Int, _ minute: Int = 0) throws -> Input {
        .feed(
            .quote(
                Quote(
                    symbol: try Sample.symbol(),
                    bid: Price(10),
                    ask: Price(10),
                    timestamp: NewYorkTime.timestamp(on: Self.date, hour: hour, minute: minute)
                )
            )
        )
    }

    private func dailyBar() throws -> Input { .feed(.bar(try Sample.symbol(), .day, try Self.bar())) }

    private static func bar(at time: (hour: Int, minute: Int) = (0, 0)) throws -> Bar {
        Bar(
            timestamp: NewYorkTime.timestamp(on: Self.date, hour: time.hour, minute: time.minute),
            open: Price(10),
            high: Price(11),
            low: Price(9),
            close: Price(10),
            volume: 5
        )
    }

    private static func call(_ message: Message) -> BrokerCall? {
        guard case .brokerCallRequested(let call) = message.body else { return nil }
        return call
    }

    /// Connects for the first time and answers the questions about clock and calendar.
    @discardableResult
    private func connect(
        _ stage: JudgementStage,
        sessions: [TradingSession],
        at time: Timestamp = NewYorkTime.timestamp(on: Self.date, hour: 0),
        days: Int? = nil
    ) throws -> Decision {
        let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
        var calendar = try #require(try stage.judge(Sample.answer(to: clock, .clock(time))).messages.first)
        if let days, var call = Self.call(calendar) {
            let date = NewYorkTime.date(of: time)
            call.operation = .calendar(date, date.adding(days: days))
            calendar.body = .brokerCallRequested(call)
        }
        return try stage.judge(Sample.answer(to: calendar, .sessions(sessions)))
    }

    @Test func `opening and closing are told once each, at their own time`() throws {
        let stage = try self.stage()
        #expect(try stage.judge(try self.quote(8)).events.isEmpty)
        let open = try stage.judge(try self.quote(9, 31))
        #expect(open.events == [.marketStatus])
        #expect(open.messages.first?.timestamp == Self.session(Self.date).open)
        #expect(open.quotes.count == 1)
        #expect(try stage.judge(try self.quote(9, 32)).events.isEmpty)
        let close = try stage.judge(try self.quote(16))
        guard case .marketStatus(let status) = close.messages.first?.body else {
            Issue.record("no closing was told")
            return
        }
        #expect(!status.isOpen)
        #expect(status.nextOpen == Self.session(Self.date.adding(days: 1)).open)
        #expect(try stage.judge(try self.quote(16, 1)).events.isEmpty)
    }

    @Test func `the clock says whether a session is open, also when the agent starts in the middle of one`() throws {
        let stage = try self.stage()
        try stage.judge(try self.quote(8))
        #expect(try stage.clock().isOpen == false)
        try stage.judge(try self.quote(9, 31))
        #expect(try stage.clock().isOpen == true)
        try stage.judge(try self.quote(16))
        #expect(try stage.clock().isOpen == false)

        let late = JudgementStage(MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day))
        let asked = try #require(try late.judge(.feed(.connected)).messages.first)
        let noon = NewYorkTime.timestamp(on: Self.date, hour: 12)
        let calendar = try #require(try late.judge(Sample.answer(to: asked, .clock(noon))).messages.first)
        #expect(try late.clock().isOpen == nil)
        try late.judge(Sample.answer(to: calendar, .sessions([Self.session(Self.date)])))
        #expect(try late.clock().isOpen == true)
    }

    @Test func `a ring of the broker's only stream makes OrderExecution ask for its orders`() throws {
        let rung = try self.stage().judge(.feed(.ordersMoved("OrderFillCompleted 17")))
        let ring = try #require(rung.messages.first { $0.event == .ordersMoved })

        let orders = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        var trade = try Sample.trade(.orderPlaced)
        let entry = try Sample.order(.entry, trade, state: .accepted)
        trade.replace(entry)
        orders.put(trade)
        orders.put(Account.key, try Sample.account(reserving: trade))
        #expect(try orders.judge(.message(ring)).calls.map(\.operation) == [.reconcile([entry.id])])
    }

    @Test func `where one stream tells of everything, a new connection rings too`() throws {
        let agent = MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day, streamTellsOfOrders: true)
        func rings(_ decision: Decision) -> Int { decision.messages.count { $0.event == .ordersMoved } }
        #expect(rings(try JudgementStage(agent).judge(.feed(.connected))) == 1)
        #expect(rings(try self.stage().judge(.feed(.connected))) == 0)
    }

    @Test func `a daily bar of the stream is a hint, and the broker's answer is passed on once`() throws {
        let stage = try self.stage()
        try stage.judge(try self.quote(15))
        #expect(try stage.judge(try self.dailyBar()).messages.isEmpty, "the bar was still forming")
        try stage.judge(try self.quote(16))
        let hinted = try stage.judge(try self.dailyBar())
        #expect(hinted.events.isEmpty)
        #expect(hinted.calls.map(\.name) == ["bars"])
        let answer = Sample.answer(to: try #require(hinted.messages.first), .bars([try Self.bar()]))
        let complete = try stage.judge(answer)
        #expect(complete.events == [.barsReceived])
        #expect(complete.messages.first?.timestamp == Self.session(Self.date).close)
        #expect(try stage.judge(answer).events.isEmpty)
        #expect(try stage.judge(try self.dailyBar()).messages.isEmpty)
    }

    @Test func `daily bars are asked for at the close where no stream hints at them, and with every poll`() throws {
        for streams in [true, false] {
            let stage = JudgementStage(
                MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day, streamsDailyBars: streams)
            )
            try self.connect(stage, sessions: [Self.session(Self.date)])
            #expect(try stage.judge(try self.quote(9, 30)).calls.isEmpty)
            let closed = try stage.judge(try self.quote(16))
            #expect(closed.calls.map(\.name) == (streams ? [] : ["bars"]))
            // A bar that is late is asked for again with every poll.
            let poll = try #require(try stage.judge(.poll).messages.first)
            let end = Self.session(Self.date).close + .seconds(30)
            let asked = try stage.judge(Sample.answer(to: poll, .clock(end)))
            #expect(asked.calls.map(\.name) == ["bars"])
            try stage.judge(Sample.answer(to: try #require(asked.messages.first), .bars([try Self.bar()])))
            #expect(try stage.judge(Sample.answer(to: poll, .clock(end + .seconds(30)))).calls.isEmpty)
        }
    }

    @Test(arguments: [true, false])
    func `a daily bar is complete when the closing auction is in it`(streams: Bool) throws {
        let stage = JudgementStage(
            MarketDataAgent(
                symbols: [try Sample.symbol()],
                timeframe: .day,
                streamsDailyBars: streams,
                dailyBarDelay: .seconds(300)
            )
        )
        try self.connect(stage, sessions: [Self.session(Self.date)])
        #expect(try stage.judge(try self.quote(16)).calls.isEmpty)
        let poll = try #require(try stage.judge(.poll).messages.first)
        let close = Self.session(Self.date).close
        #expect(try stage.judge(Sample.answer(to: poll, .clock(close + .seconds(299)))).calls.isEmpty)
        #expect(try stage.judge(try self.dailyBar()).calls.isEmpty)
        let asked = try stage.judge(Sample.answer(to: poll, .clock(close + .seconds(300))))
        #expect(asked.calls.map(\.name) == ["bars"])
        let told = try stage.judge(Sample.answer(to: try #require(asked.messages.first), .bars([try Self.bar()])))
        #expect(told.messages.map(\.timestamp) == [close])
    }

    @Test func `after a reconnect the stream's bars wait for those that were missed`() throws {
        let minute = try #require(Timeframe("1Min"))
        let stage = JudgementStage(MarketDataAgent(symbols: [try Sample.symbol()], timeframe: minute))
        let first = try #require(try stage.judge(.feed(.connected)).messages.first)
        let asked = try stage.judge(Sample.answer(to: first, .clock(NewYorkTime.timestamp(on: Self.date, hour: 0))))
            .messages
        try stage.judge(Sample.answer(to: try #require(asked.first), .sessions([Self.session(Self.date)])))
        try stage.judge(Sample.answer(to: try #require(asked.last), .bars([])))
        let symbol = try Sample.symbol()
        func bar(_ minute: Int) throws -> Bar { try Self.bar(at: (10, minute)) }
        func times(_ decision: Decision) -> [Timestamp] {
            decision.messages.compactMap { message in
                guard case .barsReceived(let received) = message.body else { return nil }
                return received.bars.first?.timestamp
            }
        }
        #expect(times(try stage.judge(.feed(.bar(symbol, minute, try bar(0))))) == [try bar(0).timestamp])

        let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
        #expect(times(try stage.judge(.feed(.bar(symbol, minute, try bar(3))))).isEmpty)
        let now = NewYorkTime.timestamp(on: Self.date, hour: 10, minute: 4)
        let caughtUp = try stage.judge(Sample.answer(to: clock, .clock(now + .seconds(5))))
        let request = try #require(caughtUp.messages.last)
        #expect(caughtUp.calls.last?.name == "bars")
        // The broker's answer holds the bar that is still forming, and not yet the one that the stream has told of.
        let missed = try stage.judge(
            Sample.answer(to: request, .bars([try bar(0), try bar(1), try bar(2), try bar(4)]))
        )
        #expect(times(missed) == [try bar(1).timestamp, try bar(2).timestamp, try bar(3).timestamp])
        #expect(times(try stage.judge(.feed(.bar(symbol, minute, try bar(4))))) == [try bar(4).timestamp])
    }

    @Test func `where the broker refuses the bars that were missed, the stream's go on`() throws {
        let minute = try #require(Timeframe("1Min"))
        let symbol = try Sample.symbol()
        let stage = JudgementStage(MarketDataAgent(symbols: [symbol], timeframe: minute))
        try self.connect(stage, sessions: [Self.session(Self.date)])
        func reconnect(at minutes: Int) throws -> Message {
            let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
            let time = NewYorkTime.timestamp(on: Self.date, hour: 10, minute: minutes)
            let asked = try #require(try stage.judge(Sample.answer(to: clock, .clock(time))).messages.last)
            #expect(Self.call(asked)?.name == "bars")
            return asked
        }
        func hear(_ minutes: Int) throws -> Decision {
            try stage.judge(.feed(.bar(symbol, minute, try Self.bar(at: (10, minutes)))))
        }
        let asked = try reconnect(at: 5)
        #expect(try hear(5).events.isEmpty)
        let refused = try stage.judge(Sample.answer(to: asked, .refused(code: "403", reason: "not subscribed")))
        #expect(refused.events == [.barsReceived])
        #expect(refused.calls.isEmpty)
        #expect(refused.notes.map(\.level) == [.warning])
        #expect(try stage.clock().heldBars.isEmpty)
        #expect(try hear(6).events == [.barsReceived])
        // A broker that cannot be reached has refused nothing.
        let again = try stage.judge(Sample.answer(to: try reconnect(at: 7), .unavailable(reason: "breaker")))
        #expect(again.calls.map(\.name) == ["bars"])
        #expect(try hear(7).events.isEmpty)
    }

    @Test func `a stream that another replica has taken over is lost to its former holder alone`() throws {
        let stage = try self.stage()
        func connect() throws {
            let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
            let asked = try stage.judge(
                Sample.answer(to: clock, .clock(NewYorkTime.timestamp(on: Self.date, hour: 10)))
            )
            let request = try #require(asked.messages.first { Self.call($0)?.name == "latest_quotes" })
            try stage.judge(Sample.answer(to: request, .quotes([])))
            #expect(try !stage.clock().isAwaitingQuotes)
        }
        try connect()
        let former = stage.exchange(for: MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day))
        try connect()
        let holder = stage.exchange(for: former)
        try stage.judge(.feed(.disconnected))
        #expect(try !stage.clock().isAwaitingQuotes)
        stage.exchange(for: holder)
        try stage.judge(.feed(.disconnected))
        #expect(try stage.clock().isAwaitingQuotes)
    }

    @Test func `quotes are not good from the stream's loss until the broker has been asked again`() throws {
        let stage = try self.stage()
        try stage.judge(try self.quote(10))
        #expect(try stage.clock().isAwaitingQuotes)
        func catchUp(at time: Timestamp) throws {
            let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
            let asked = try stage.judge(Sample.answer(to: clock, .clock(time)))
            #expect(try stage.clock().streamConnectedAt == time)
            let request = try #require(asked.messages.first { Self.call($0)?.name == "latest_quotes" })
            #expect(try stage.clock().isAwaitingQuotes)
            try stage.judge(Sample.answer(to: request, .quotes([])))
            #expect(try !stage.clock().isAwaitingQuotes)
        }
        try catchUp(at: NewYorkTime.timestamp(on: Self.date, hour: 10))
        try stage.judge(.feed(.disconnected))
        #expect(try stage.clock().isAwaitingQuotes)
        try catchUp(at: NewYorkTime.timestamp(on: Self.date, hour: 11))
    }

    @Test(arguments: [false, true])
    func `an answer from before the stream's loss makes no quote good and lets no bar pass`(reconnects: Bool) throws {
        let minute = try #require(Timeframe("1Min"))
        let symbol = try Sample.symbol()
        let stage = JudgementStage(MarketDataAgent(symbols: [symbol], timeframe: minute))
        try self.connect(stage, sessions: [Self.session(Self.date)])
        func ask(at minutes: Int) throws -> (quotes: Message, bars: Message) {
            let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
            let time = NewYorkTime.timestamp(on: Self.date, hour: 10, minute: minutes)
            let asked = try stage.judge(Sample.answer(to: clock, .clock(time))).messages
            return (
                try #require(asked.first { Self.call($0)?.name == "latest_quotes" }),
                try #require(asked.first { Self.call($0)?.name == "bars" })
            )
        }
        let old = try ask(at: 5)
        try stage.judge(.feed(.disconnected))
        let new = reconnects ? try ask(at: 8) : nil
        let live = try Self.bar(at: (10, 7))
        try stage.judge(.feed(.bar(symbol, minute, live)))
        try stage.judge(Sample.answer(to: old.quotes, .quotes([])))
        #expect(try stage.clock().isAwaitingQuotes)
        let late = try stage.judge(Sample.answer(to: old.bars, .bars([try Self.bar(at: (10, 3))])))
        #expect(late.events == [.barsReceived])
        #expect(try stage.clock().heldBars[symbol] == [live])
        #expect(try stage.judge(Sample.answer(to: old.bars, .unavailable(reason: "breaker"))).calls.isEmpty)
        guard let new else { return }
        try stage.judge(Sample.answer(to: new.quotes, .quotes([])))
        #expect(try !stage.clock().isAwaitingQuotes)
        let caughtUp = try stage.judge(Sample.answer(to: new.bars, .bars([try Self.bar(at: (10, 6))])))
        #expect(caughtUp.events == [.barsReceived, .barsReceived])
        #expect(try stage.clock().heldBars.isEmpty)
    }

    @Test func `where broker and rules disagree the market is open only if both say so, and that is told`() throws {
        let stage = JudgementStage(
            MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day, checksCalendar: true)
        )
        let date = try #require(CalendarDate("2027-03-01"))
        func session(_ days: Int, to hour: Int = 16) -> TradingSession {
            let day = date.adding(days: days)
            return TradingSession(
                date: day,
                open: NewYorkTime.timestamp(on: day, hour: 9, minute: 30),
                close: NewYorkTime.timestamp(on: day, hour: hour)
            )
        }
        // Monday as the rules say, Tuesday closed for mourning, Wednesday a half day, Saturday a session.
        let told = [session(0), session(2, to: 13), session(3), session(4), session(5)]
        let decision = try self.connect(stage, sessions: told, at: NewYorkTime.timestamp(on: date, hour: 8), days: 6)
        #expect(decision.notes.map(\.level) == [.error, .error, .error])
        #expect(
            decision.notes.first?.details == [
                "market.date": "2027-03-02", "market.broker": "closed", "market.rules": "open 09:30 to 16:00",
            ]
        )
        func isOpen(_ days: Int, _ hour: Int) throws -> Bool? {
            let time = NewYorkTime.timestamp(on: date.adding(days: days), hour: hour)
            let quote = Quote(symbol: try Sample.symbol(), bid: Price(10), ask: Price(10), timestamp: time)
            let decision = try stage.judge(.feed(.quote(quote)))
            for message in decision.messages {
                guard case .marketStatus(let status) = message.body, status.sessionDate == date else { continue }
                #expect(status.disagreements.map(\.date) == [1, 2, 5].map { date.adding(days: $0) })
            }
            return try stage.clock().isOpen
        }
        #expect(try isOpen(0, 12) == true)
        #expect(try isOpen(1, 12) == false)
        #expect(try isOpen(2, 12) == true)
        #expect(try isOpen(2, 14) == false)
        #expect(try isOpen(3, 14) == true)
        #expect(try isOpen(5, 12) == false)
    }

    @Test func `a clock that is off is told once, and again when it is right`() throws {
        let stage = try self.stage()
        func poll(skew: Int) throws -> Decision {
            let poll = try #require(try stage.judge(.poll).messages.first)
            guard case .message(var message) = Sample.answer(to: poll, .clock(Sample.now)),
                case .brokerCallCompleted(var answer) = message.body
            else { return Decision() }
            answer.clockSkew = skew
            message.body = .brokerCallCompleted(answer)
            return try stage.judge(.message(message))
        }
        #expect(try poll(skew: 2000).notes.isEmpty)
        #expect(try poll(skew: -2001).notes.map(\.level) == [.error])
        #expect(try stage.clock().clockSkew == -2001)
        #expect(try poll(skew: -2500).notes.isEmpty)
        #expect(try poll(skew: 3).notes.map(\.level) == [.info])
        #expect(try stage.clock().clockSkew == nil)
    }

    @Test func `requests become broker calls and their answers historical bars`() throws {
        let stage = try self.stage()
        let request = Speaker(.strategy).say(
            .barsRequested(
                BarsRequest(symbol: try Sample.symbol(), timeframe: .day, start: Timestamp(seconds: 0))
            ),
            at: Sample.now,
            about: "warm-up"
        )
        let asked = try stage.judge(.message(request))
        #expect(asked.calls.map(\.name) == ["bars"])
        let answered = try stage.judge(Sample.answer(to: try #require(asked.messages.first), .bars([])))
        guard case .barsReceived(let bars) = answered.messages.first?.body else {
            Issue.record("no bars came")
            return
        }
        #expect(bars.isHistorical)
    }

    @Test func `a call that failed is made again`() throws {
        let stage = JudgementStage(MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day))
        let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
        let again = try stage.judge(Sample.answer(to: clock, .unavailable(reason: "breaker")))
        #expect(again.calls.map(\.attempt) == [2])
        #expect(again.calls.map(\.delaySeconds) == [1])
    }
}
