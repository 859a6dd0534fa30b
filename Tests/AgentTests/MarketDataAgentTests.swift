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
        let caughtUp = try stage.judge(Self.answer(clock, .clock(start)))
        #expect(caughtUp.calls.map(\.name) == ["calendar", "latest_quotes", "bars"])
        let calendar = try #require(caughtUp.messages.first)
        try stage.judge(
            Self.answer(calendar, .sessions([Self.session(Self.date), Self.session(Self.date.adding(days: 1))]))
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

    private static func answer(_ request: Message, _ outcome: BrokerAnswer.Outcome) -> Input {
        guard case .brokerCallRequested(let call) = request.body else { return .poll }
        var message = request
        message.body = .brokerCallCompleted(BrokerAnswer(call, outcome))
        return .message(message)
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

    private func dailyBar() throws -> Input {
        .feed(
            .bar(
                try Sample.symbol(),
                .day,
                Bar(
                    timestamp: NewYorkTime.timestamp(on: Self.date, hour: 0),
                    open: Price(10),
                    high: Price(11),
                    low: Price(9),
                    close: Price(10),
                    volume: 5
                )
            )
        )
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
        let calendar = try #require(try late.judge(Self.answer(asked, .clock(noon))).messages.first)
        #expect(try late.clock().isOpen == nil)
        try late.judge(Self.answer(calendar, .sessions([Self.session(Self.date)])))
        #expect(try late.clock().isOpen == true)
    }

    @Test func `a ring of the broker's only stream makes OrderExecution ask for its orders`() throws {
        let rung = try self.stage().judge(.feed(.ordersMoved("OrderFillCompleted 17")))
        #expect(rung.privateMessages.map(\.to) == [.orderExecution])
        let ring = try #require(rung.privateMessages.first?.message)

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
        #expect(try JudgementStage(agent).judge(.feed(.connected)).privateMessages.map(\.to) == [.orderExecution])
        #expect(try self.stage().judge(.feed(.connected)).privateMessages.isEmpty)
    }

    @Test func `a daily bar is passed on when its session has closed, and once`() throws {
        let stage = try self.stage()
        try stage.judge(try self.quote(15))
        #expect(try stage.judge(try self.dailyBar()).events.isEmpty, "the bar was still forming")
        try stage.judge(try self.quote(16))
        let complete = try stage.judge(try self.dailyBar())
        #expect(complete.events == [.barsReceived])
        #expect(complete.messages.first?.timestamp == Self.session(Self.date).close)
        #expect(try stage.judge(try self.dailyBar()).events.isEmpty)
    }

    @Test func `where the stream has no daily bars, they are asked for at the close`() throws {
        for streams in [true, false] {
            let stage = JudgementStage(
                MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day, streamsDailyBars: streams)
            )
            let connected = try #require(try stage.judge(.feed(.connected)).messages.first)
            let start = NewYorkTime.timestamp(on: Self.date, hour: 0)
            let calendar = try #require(try stage.judge(Self.answer(connected, .clock(start))).messages.first)
            try stage.judge(Self.answer(calendar, .sessions([Self.session(Self.date)])))
            #expect(try stage.judge(try self.quote(9, 30)).calls.isEmpty)
            let closed = try stage.judge(try self.quote(16))
            #expect(closed.calls.map(\.name) == (streams ? [] : ["bars"]))
            // A bar that is late is asked for again with every poll.
            let poll = try #require(try stage.judge(.poll).messages.first)
            let end = Self.session(Self.date).close + .seconds(30)
            #expect(try stage.judge(Self.answer(poll, .clock(end))).calls.map(\.name) == (streams ? [] : ["bars"]))
            try stage.judge(try self.dailyBar())
            #expect(try stage.judge(Self.answer(poll, .clock(end + .seconds(30)))).calls.isEmpty)
        }
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
        let answered = try stage.judge(Self.answer(try #require(asked.messages.first), .bars([])))
        guard case .barsReceived(let bars) = answered.messages.first?.body else {
            Issue.record("no bars came")
            return
        }
        #expect(bars.isHistorical)
    }

    @Test func `a call that failed is made again`() throws {
        let stage = JudgementStage(MarketDataAgent(symbols: [try Sample.symbol()], timeframe: .day))
        let clock = try #require(try stage.judge(.feed(.connected)).messages.first)
        let again = try stage.judge(Self.answer(clock, .unavailable(reason: "breaker")))
        #expect(again.calls.map(\.attempt) == [2])
        #expect(again.calls.map(\.delaySeconds) == [1])
    }
}
