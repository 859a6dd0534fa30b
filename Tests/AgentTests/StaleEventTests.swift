import OrderExecutionAgent
import PositionManagementAgent
import Testing
import TradingCore

/// What is said too late, or by somebody who may not say it, opens nothing.
@Suite struct StaleEventTests {
    private func position(_ trade: Trade) throws -> JudgementStage {
        let stage = JudgementStage(
            PositionManagementAgent(gapStopDistance: RiskLimits().stopDistance, tickRule: .usStocks)
        )
        stage.put(trade)
        return stage
    }

    private func fill(of trade: Trade) throws -> Input {
        let order = try Sample.order(.entry, trade, state: .filled, filled: 50)
        return Sample.message(.orderFilled(OrderNotice(order: order)), trade)
    }

    @Test func `a fill without an order sets no stop and has the approval aborted`() throws {
        let trade = try Sample.trade(.entryApproved)
        let stage = try self.position(trade)
        let decision = try stage.judge(try self.fill(of: trade))
        #expect(decision.changes.isEmpty)
        #expect(decision.notes.map(\.level) == [.error])
        #expect(decision.messages.count == 1)
        let request = try #require(decision.messages.first)
        guard case .abortRequested(let abort) = request.body else {
            Issue.record("the abort was not asked for")
            return
        }
        #expect(abort.reason.contains("InvalidTransition: ENTRY_APPROVED → FILLED"))

        let orders = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        orders.putCompared()
        orders.put(trade)
        orders.put(Account.key, try Sample.account(reserving: trade))
        orders.put(MarketClock.key, Sample.clock())
        let aborted = try orders.judge(.message(request))
        #expect(aborted.events == [.orderCancelled])
        #expect(aborted.calls.isEmpty)
        #expect(aborted.notes.map(\.level) == [.error])
        #expect(try orders.trade(trade.id).state == .cancelled)
        #expect(try orders.account().reservedCash == .zero)
        #expect(try orders.account().openTrades.isEmpty)
        // The approval itself comes later and sends nothing.
        let approval = TradeApproval(
            symbol: trade.symbol,
            quantity: Quantity(50),
            plan: try Sample.plan(),
            reservedCash: Money(983),
            expiresAt: Sample.now + .seconds(300)
        )
        #expect(try orders.judge(Sample.message(.tradeApproved(approval), trade)).calls.isEmpty)
    }

    @Test func `an entry that a lane has in hand is aborted and called back`() throws {
        let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        var trade = try Sample.trade(.entryApproved)
        var entry = try Sample.order(.entry, trade, state: .intent)
        entry.submittedAt = nil
        trade.replace(entry)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let abort = Sample.message(.abortRequested(ExitSignal(symbol: trade.symbol, reason: "stale")), trade)
        let decision = try stage.judge(abort)
        #expect(decision.calls.map(\.operation) == [.cancel(entry.id)])
        #expect(try stage.trade(trade.id).state == .cancelled)
        #expect(try stage.account().openTrades[trade.id] != nil, "it may still fill")
        // It had gone out all the same.
        let accepted = Sample.answer(.place(entry.terms), .orders([Sample.report(entry.id, .accepted)]), trade)
        #expect(try stage.judge(accepted).calls.map(\.operation) == [.cancel(entry.id)])
        #expect(try stage.trade(trade.id).state == .cancelled)
        // The broker has taken it back.
        let ended = Sample.answer(.cancel(entry.id), .orders([Sample.report(entry.id, .cancelled)]), trade)
        #expect(try stage.judge(ended).calls.isEmpty)
        #expect(try stage.account().openTrades.isEmpty && stage.account().reservedCash == .zero)
        #expect(try stage.judge(accepted).calls.isEmpty)
    }

    @Test(arguments: [
        BrokerAnswer.Outcome.refused(code: "void", reason: "cancelled by now"), .unavailable(reason: "halted"),
        .unknown(reason: "no answer"),
    ])
    func `symbol and cash of an aborted entry are free once it is certain that it was not sent`(
        outcome: BrokerAnswer.Outcome
    ) throws {
        let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        var trade = try Sample.trade(.entryApproved)
        let entry = try Sample.order(.entry, trade, state: .intent)
        trade.replace(entry)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        try stage.judge(Sample.message(.abortRequested(ExitSignal(symbol: trade.symbol, reason: "stale")), trade))
        let answered = try stage.judge(Sample.answer(.place(entry.terms), outcome, trade))
        if case .unknown = outcome {
            #expect(answered.calls.map(\.operation) == [.find(entry.id)])
            let absent = Sample.answer(.find(entry.id), .notFound, trade)
            #expect(try stage.judge(absent).calls.map(\.operation) == [.find(entry.id)], "it is looked for again")
            #expect(try stage.account().openTrades[trade.id] != nil && stage.account().reservedCash > .zero)
        } else {
            #expect(answered.calls.isEmpty)
            #expect(try stage.account().openTrades.isEmpty && stage.account().reservedCash == .zero)
            // The cancel that the abort has asked for finds nothing, and nothing more is asked.
            for operation in [BrokerCall.Operation.cancel(entry.id), .find(entry.id)] {
                #expect(try stage.judge(Sample.answer(operation, .notFound, trade)).calls.isEmpty)
            }
        }
        #expect(try stage.trade(trade.id).state == .cancelled)
    }

    @Test(arguments: [TradeState.setupDetected, .orderPlaced, .cancelled])
    func `in other states a stale fill changes nothing`(state: TradeState) throws {
        let trade = try Sample.trade(state)
        let stage = try self.position(trade)
        if state == .setupDetected {
            #expect(throws: InvalidTransition.self) { try stage.judge(try self.fill(of: trade)) }
        } else {
            let decision = try stage.judge(try self.fill(of: trade))
            #expect(decision.messages.isEmpty)
        }
        #expect(try stage.trade(trade.id) == trade)
    }

    @Test func `a quote from before the data stream was connected triggers nothing`() throws {
        var trade = try Sample.trade(.filled)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let stop = try Sample.order(.stop, trade, state: .intent)
        trade.replace(stop)
        let stage = try self.position(trade)
        try stage.judge(Sample.answer(.place(stop.terms), .orders([Sample.report(stop.id, .accepted)]), trade))
        #expect(try stage.trade(trade.id).state == .holding)
        var clock = Sample.clock(isOpen: true)
        clock.streamConnectedAt = Sample.now + .seconds(60)
        stage.put(MarketClock.key, clock)
        func quote(_ seconds: Int) -> Input {
            .quote(
                Quote(
                    symbol: trade.symbol,
                    bid: Price(23),
                    ask: Price(23),
                    timestamp: Sample.now + .seconds(seconds)
                )
            )
        }
        #expect(try stage.judge(quote(59)).events.isEmpty)
        #expect(try stage.judge(quote(60)).events == [.targetHit])
    }
}
