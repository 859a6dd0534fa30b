import RiskManagementAgent
import Testing
import TradingCore

@Suite struct RiskManagementAgentTests {
    private func stage() -> JudgementStage {
        let stage = JudgementStage(RiskManagementAgent(limits: RiskLimits(), approvalLifetime: .seconds(300)))
        stage.put(MarketClock.key, Sample.clock())
        return stage
    }

    private func signal(_ trade: Trade) throws -> Input {
        Sample.message(.entrySignal(EntrySignal(symbol: trade.symbol, plan: try Sample.plan())), trade)
    }

    private func closed() throws -> Input {
        .message(
            Speaker(.marketData).say(
                .marketStatus(
                    MarketStatus(
                        isOpen: false,
                        isTransition: true,
                        sessionDate: try #require(CalendarDate(year: 2009, month: 2, day: 6)),
                        nextOpen: nil,
                        nextClose: nil
                    )
                ),
                at: Sample.now,
                about: "close"
            )
        )
    }

    @Test func `an approval reserves its cash and the symbol in the same commit`() throws {
        let stage = self.stage()
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        stage.put(Account.key, try Sample.account())
        let decision = try stage.judge(try self.signal(trade))
        #expect(decision.events == [.tradeApproved])
        #expect(decision.changes.count == 2)
        #expect(try stage.trade(trade.id).quantity == Quantity(50))
        #expect(try stage.account().reservedCash == Money(983))
        #expect(try stage.account().openTrades == [trade.id: trade.symbol])
    }

    @Test func `a refusal names rule, limit and value, and the trade goes back to scanning`() throws {
        let stage = self.stage()
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(cash: 30))
        let decision = try stage.judge(try self.signal(trade))
        #expect(decision.events == [.tradeRejected])
        let after = try stage.trade(trade.id)
        #expect(after.state == .scanning)
        #expect(after.refusal == RiskRefusal(rule: .positionShare, limit: "6", value: "19.66 for one share"))
        #expect(try stage.account().openTrades.isEmpty)
    }

    @Test func `without an account, or without a price for what is held, the signal waits`() throws {
        let stage = self.stage()
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        #expect(throws: NotYet.self) { try stage.judge(try self.signal(trade)) }
        var account = try Sample.account()
        account.positions[try #require(Symbol("IBM"))] = Quantity(1)
        stage.put(Account.key, account)
        #expect(throws: NotYet.self) { try stage.judge(try self.signal(trade)) }
    }

    @Test func `nothing is bought while a position has been left without a stop`() throws {
        let stage = self.stage()
        let symbol = try #require(Symbol("IBM"))
        for (unprotected, events) in [([symbol], [EventName.tradeRejected]), ([], [.tradeApproved])] {
            let trade = try Sample.trade(.setupDetected)
            stage.put(trade)
            stage.put(Account.key, try Sample.account())
            try stage.judge(.unprotected(unprotected))
            #expect(try stage.judge(try self.signal(trade)).events == events)
            #expect(try stage.trade(trade.id).refusal?.rule == (unprotected.isEmpty ? nil : .unprotectedPosition))
        }
    }

    @Test(arguments: EntrySession.allCases, [true, false, nil])
    func `an entry is for the session it was meant for or for none`(session: EntrySession, isOpen: Bool?) throws {
        let stage = self.stage()
        var clock = Sample.clock()
        clock.isOpen = isOpen
        stage.put(MarketClock.key, clock)
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        stage.put(Account.key, try Sample.account())
        var plan = try Sample.plan()
        plan.session = session
        let decision = try stage.judge(
            Sample.message(.entrySignal(EntrySignal(symbol: trade.symbol, plan: plan)), trade)
        )
        let fits = isOpen == (session == .current)
        #expect(decision.events == [fits ? .tradeApproved : .tradeRejected])
        #expect(try stage.trade(trade.id).refusal?.rule == (fits ? nil : .marketSession))
    }

    @Test func `no entry while this machine's clock differs from the broker's`() throws {
        let stage = self.stage()
        var clock = Sample.clock()
        clock.clockSkew = -2500
        stage.put(MarketClock.key, clock)
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        stage.put(Account.key, try Sample.account())
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeRejected])
        #expect(
            try stage.trade(trade.id).refusal == RiskRefusal(rule: .clockSkew, limit: "2000 ms", value: "-2500 ms")
        )
    }

    @Test func `quotes from before a lost stream size nothing and mark no equity`() throws {
        let stage = self.stage()
        var clock = Sample.clock()
        clock.isAwaitingQuotes = true
        stage.put(MarketClock.key, clock)
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        var account = try Sample.account()
        let held = try #require(Symbol("IBM"))
        account.positions[held] = Quantity(1)
        stage.put(Account.key, account)
        stage.put(Quote(symbol: held, bid: Price(10), ask: Price(10), timestamp: Sample.now))
        #expect(throws: NotYet.self) { try stage.judge(try self.signal(trade)) }
        #expect(throws: NotYet.self) { try stage.judge(try self.closed()) }
        stage.put(MarketClock.key, Sample.clock())
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeApproved])
    }

    @Test func `a new ledger that finds shares at the broker makes no entries`() throws {
        for equity in [10_000, 10_500] {
            let stage = self.stage()
            let asked = try stage.judge(.started)
            #expect(asked.calls.map(\.name) == ["account"])
            var answer = try #require(asked.messages.first)
            answer.body = .brokerCallCompleted(
                BrokerAnswer(
                    try #require(asked.calls.first),
                    .account(cash: Money(10_000), equity: Money(equity))
                )
            )
            try stage.judge(.message(answer))
            #expect(try stage.account().cash == Money(10_000))
            #expect((try stage.account().entriesStopped != nil) == (equity != 10_000))
        }
    }

    @Test func `a drawdown of a fifth stops entries until they are resumed`() throws {
        let stage = self.stage()
        var account = try Sample.account(cash: 8000)
        account.highWaterMark = Money(10_000)
        account.drawdownPeak = Money(10_000)
        stage.put(Account.key, account)
        let decision = try stage.judge(try self.closed())
        #expect(decision.events == [.limitExceeded])
        #expect(try stage.account().entriesStopped != nil)
        #expect(try stage.account().maximumDrawdown == Rate("0.2"))

        // Even back at its height, the account takes no entry before an operator says so.
        var recovered = try stage.account()
        recovered.cash = Money(10_000)
        stage.put(Account.key, recovered)
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeRejected])
        #expect(try stage.trade(trade.id).refusal?.rule == .entriesStopped)
        try stage.judge(
            .message(
                Speaker(.strategy).say(.tradingResumed(TradingSwitch(reason: "checked")), at: Sample.now, about: "1")
            )
        )
        stage.put(try Sample.trade(.setupDetected))
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeApproved])
    }

    @Test func `while trading is halted every signal is refused with that reason`() throws {
        let stage = self.stage()
        stage.put(Account.key, try Sample.account())
        stage.put(TradingHalt.key, TradingHalt(by: "ann", reason: "odd data", since: Sample.now))
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeRejected])
        let refusal = try #require(try stage.trade(trade.id).refusal)
        #expect(refusal.rule == .tradingHalted)
        #expect(refusal.value.contains("ann") && refusal.value.contains("odd data"))
        #expect(try stage.account().reservedCash == .zero)
    }

    @Test func `a halt that cannot be read is one all the same`() throws {
        let stage = self.stage()
        stage.put(Account.key, try Sample.account())
        stage.put(TradingHalt.key, "nonsense")
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeRejected])
        #expect(try stage.trade(trade.id).refusal?.rule == .tradingHalted)
    }

    /// The halt itself is in the ledger; its message may come after its end. A message by itself stops entries.
    @Test func `the news of a halt, however late, stops nothing that the ledger does not`() throws {
        let stage = self.stage()
        var account = try Sample.account(cash: 9000)
        account.drawdownPeak = Money(10_000)
        stage.put(Account.key, account)
        func say(_ body: MessageBody) throws {
            try stage.judge(.message(Speaker(.strategy).say(body, at: Sample.now, about: "1")))
        }
        try say(.tradingHalted(TradingSwitch(reason: "odd data", since: Sample.now)))
        #expect(try stage.account() == account)
        // The end of a halt does not measure a drawdown anew that has stopped nothing.
        try say(.tradingResumed(TradingSwitch(reason: "looked at")))
        #expect(try stage.account() == account)
        try say(.tradingHalted(TradingSwitch(reason: "by hand")))
        #expect(try stage.account().entriesStopped == "by hand")
        try say(.tradingResumed(TradingSwitch(reason: "looked at")))
        #expect(try stage.account().entriesStopped == nil)
        #expect(try stage.account().drawdownPeak == account.equity)
    }

    @Test func `the high-water mark is taken at the close and the broker is asked`() throws {
        let stage = self.stage()
        stage.put(Account.key, try Sample.account(cash: 10_000))
        var richer = try stage.account()
        richer.cash = Money(11_000)
        stage.put(Account.key, richer)
        let decision = try stage.judge(try self.closed())
        #expect(try stage.account().highWaterMark == Money(11_000))
        #expect(decision.calls.map(\.operation) == [.account])
    }
}
