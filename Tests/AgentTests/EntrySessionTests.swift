import OrderExecutionAgent
import PositionManagementAgent
import StrategyAgent
import Testing
import TradingCore

/// An entry goes out in the session it was meant for, or not at all.
@Suite struct EntrySessionTests {
    private func stage() -> JudgementStage {
        let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        stage.putCompared()
        return stage
    }

    private func approval(_ session: EntrySession) throws -> MessageBody {
        var plan = try Sample.plan()
        plan.session = session
        return .tradeApproved(
            TradeApproval(
                symbol: try Sample.symbol(),
                quantity: Quantity(50),
                plan: plan,
                reservedCash: Money(983),
                expiresAt: Sample.now + .seconds(86_400)
            )
        )
    }

    /// What becomes of an approval that OrderExecution sees when the market stands like this.
    private func outcome(_ session: EntrySession, _ clock: MarketClock) throws -> Decision {
        let stage = self.stage()
        let trade = try Sample.trade(.entryApproved)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        stage.put(MarketClock.key, clock)
        let decision = try stage.judge(Sample.message(try self.approval(session), trade))
        if decision.calls.isEmpty {
            #expect(try stage.trade(trade.id).state == .cancelled)
            #expect(try stage.account().reservedCash == .zero)
        }
        return decision
    }

    @Test func `an entry for the open session is not sent after its close, nor in the next session`() throws {
        var clock = Sample.clock(isOpen: true)
        clock.nextBoundary = Sample.now + .seconds(60)
        let sent = try self.outcome(.current, clock)
        #expect(sent.calls.map(\.name) == ["place"])
        #expect(sent.calls.first?.sendBefore == Sample.now + .seconds(60))
        clock.isOpen = false
        clock.lastBoundary = Sample.now + .seconds(60)
        #expect(try self.outcome(.current, clock).events == [.orderCancelled])
        clock.isOpen = true
        clock.lastBoundary = Sample.now + .seconds(63_000)
        #expect(try self.outcome(.current, clock).events == [.orderCancelled])
    }

    @Test func `an entry for the next session is not sent once that is open or over`() throws {
        var clock = Sample.clock()
        clock.nextBoundary = Sample.now + .seconds(63_000)
        #expect(try self.outcome(.next, clock).calls.map(\.name) == ["place"])
        clock.isOpen = true
        clock.lastBoundary = Sample.now + .seconds(63_000)
        #expect(try self.outcome(.next, clock).events == [.orderCancelled])
        clock.isOpen = false
        clock.lastBoundary = Sample.now + .seconds(86_400)
        #expect(try self.outcome(.next, clock).events == [.orderCancelled])
    }

    @Test func `no entry is sent while the market's hours are unknown or this machine's clock is off`() throws {
        #expect(try self.outcome(.next, MarketClock(since: Sample.now)).events == [.orderCancelled])
        var clock = Sample.clock()
        clock.clockSkew = 3000
        #expect(try self.outcome(.next, clock).events == [.orderCancelled])
    }

    @Test(arguments: EntrySession.allCases, [OrderState.accepted, .filled])
    func `an entry that rests after the close of its session is cancelled`(
        session: EntrySession,
        state: OrderState
    ) throws {
        var trade = try Sample.trade(.orderPlaced)
        trade.plan?.session = session
        let entry = try Sample.order(.entry, trade, state: state)
        trade.replace(entry)
        let isRecalled = session == .current && state == .accepted

        let closing = self.stage()
        closing.put(trade)
        closing.put(Account.key, try Sample.account(reserving: trade))
        let status = MarketStatus(
            isOpen: false,
            isTransition: true,
            sessionDate: NewYorkTime.date(of: Sample.now),
            nextOpen: nil,
            nextClose: nil
        )
        let message = Speaker(.marketData).say(.marketStatus(status), at: Sample.now, about: "close")
        let atClose = try closing.judge(.message(message)).calls.map(\.operation)
        #expect(atClose.contains(.cancel(entry.id)) == isRecalled)

        // Accepted after the close, which a poll finds.
        let late = self.stage()
        late.put(trade)
        late.put(Account.key, try Sample.account(reserving: trade))
        late.put(MarketClock.key, Sample.clock())
        let answered = try late.judge(Sample.answer(.reconcile([entry.id]), .orders([]), trade))
        #expect(answered.calls.map(\.operation).contains(.cancel(entry.id)) == isRecalled)
    }

    @Test(arguments: [("1Day", false, EntrySession.next), ("5Min", true, .current), ("5Min", false, .next)])
    func `a strategy's entries say for which session they are`(
        timeframe: String,
        isOpen: Bool,
        session: EntrySession
    ) throws {
        for nextSessionEntries in [true, false] {
            let stage = JudgementStage(
                try StrategyRegistry.agent(
                    named: "ma-rsi-volume",
                    parameters: StrategyParameters(["next_session_entries": nextSessionEntries ? "1" : "0"]),
                    timeframe: try #require(Timeframe(timeframe)),
                    seed: ""
                )
            )
            stage.put(MarketClock.key, Sample.clock(isOpen: isOpen))
            var trade = try Sample.trade(.setupDetected)
            trade.plan = nil
            stage.put(trade)
            let scan = ScanResult(
                symbol: trade.symbol,
                strategy: "ma-rsi-volume",
                barTimestamp: Sample.now,
                close: Price(20)
            )
            let decision = try stage.judge(Sample.message(.candidateFound(scan), trade))
            guard case .entrySignal(let signal)? = decision.messages.first?.body else {
                Issue.record("no signal came")
                return
            }
            #expect(signal.plan.session == (nextSessionEntries || timeframe == "1Day" ? session : .current))
        }
    }
}
