import OrderExecutionAgent
import PositionManagementAgent
import Testing
import TradingCore

/// Fills that the broker reports of orders that had ended: real, alarming, and never without a stop.
@Suite struct LateFillTests {
    private func stage(_ trade: Trade, held: Int) throws -> JudgementStage {
        let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        stage.put(trade)
        var account = try Sample.account()
        if !trade.state.isTerminal { account.openTrades = [trade.id: trade.symbol] }
        if held != 0 { account.positions = [trade.symbol: Quantity(held)] }
        stage.put(Account.key, account)
        return stage
    }

    @Test func `a fill after its entry was given up revives the trade`() throws {
        var trade = try Sample.trade(.cancelled)
        let entry = try Sample.order(.entry, trade, state: .cancelled)
        trade.replace(entry)
        let stage = try self.stage(trade, held: 0)
        let fill = Sample.report(entry.id, .filled, filled: 50, price: "19.60")
        let decision = try stage.judge(.feed(.order(fill)))
        #expect(decision.events == [.orderFilled])
        #expect(decision.notes.map(\.level) == [.error])
        let revived = try stage.trade(trade.id)
        #expect(revived.state == .filled)
        #expect(try stage.account().openTrades == [trade.id: trade.symbol])
        #expect(try stage.account().positions == [trade.symbol: Quantity(50)])
        #expect(try stage.judge(.feed(.order(fill))).messages.isEmpty, "told twice, booked once")

        // From here on it is a fill like any other.
        let positions = JudgementStage(
            PositionManagementAgent(gapStopDistance: RiskLimits().stopDistance, tickRule: .usStocks)
        )
        positions.put(revived)
        let told = try positions.judge(.message(try #require(decision.messages.first)))
        #expect(told.calls.map(\.name) == ["place"])
        #expect(try positions.trade(trade.id).latest(.stop)?.terms.quantity == Quantity(50))
    }

    @Test func `shares that come to a held position get a stop that covers them`() throws {
        var trade = try Sample.trade(.holding)
        let entry = try Sample.order(.entry, trade, state: .cancelled, filled: 20)
        trade.replace(entry)
        let stop = try Sample.order(.stop, trade, state: .accepted, quantity: 20)
        trade.replace(stop)
        let stage = try self.stage(trade, held: 20)
        let late = try stage.judge(.feed(.order(Sample.report(entry.id, .filled, filled: 50, price: "19.66"))))
        #expect(late.events == [.orderFilled])
        #expect(late.calls.map(\.operation) == [.cancel(stop.id)])
        // Cancelled in vain, it is cancelled again.
        let rests = Sample.answer(.find(stop.id), .orders([Sample.report(stop.id, .accepted)]), trade)
        #expect(try stage.judge(rests).calls.map(\.operation) == [.cancel(stop.id)])
        let gone = try stage.judge(.feed(.order(Sample.report(stop.id, .cancelled))))
        #expect(gone.events == [.orderCancelled])

        let positions = JudgementStage(
            PositionManagementAgent(gapStopDistance: RiskLimits().stopDistance, tickRule: .usStocks)
        )
        positions.put(try stage.trade(trade.id))
        try positions.judge(.message(try #require(gone.messages.first)))
        #expect(try positions.trade(trade.id).latest(.stop)?.terms.quantity == Quantity(50))
        #expect(try positions.trade(trade.id).state == .holding)
    }

    @Test func `shares that come to a position while it is sold are sold after it`() throws {
        var trade = try Sample.trade(.orderClosing)
        trade.exitReason = .strategy
        let entry = try Sample.order(.entry, trade, state: .cancelled, filled: 20)
        trade.replace(entry)
        let exit = try Sample.order(.exit, trade, state: .accepted, quantity: 20)
        trade.replace(exit)
        let stage = try self.stage(trade, held: 20)
        let late = try stage.judge(.feed(.order(Sample.report(entry.id, .filled, filled: 50, price: "19.66"))))
        #expect(late.calls.map(\.operation) == [.cancel(exit.id)])
        // The sale was faster than its cancellation.
        let sold = try stage.judge(.feed(.order(Sample.report(exit.id, .filled, filled: 20, price: "20"))))
        #expect(sold.events == [.orderFilled])
        let rest = try #require(try stage.trade(trade.id).latest(.exit))
        #expect(rest.id.attempt == 2)
        #expect(sold.calls.map(\.operation) == [.place(rest.terms)])
        #expect(rest.terms.quantity == Quantity(30))
        #expect(try stage.trade(trade.id).state == .orderClosing)
        let done = try stage.judge(.feed(.order(Sample.report(rest.id, .filled, filled: 30, price: "20"))))
        #expect(done.events == [.orderFilled])
        #expect(try stage.trade(trade.id).state == .closed)
        #expect(try stage.account().positions.isEmpty)
    }

    @Test func `a sale cancelled because it no longer fits is followed by one that does`() throws {
        var trade = try Sample.trade(.orderClosing)
        trade.exitReason = .strategy
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        var exit = try Sample.order(.exit, trade, state: .accepted, quantity: 20)
        exit.isRecalled = true
        trade.replace(exit)
        let stage = try self.stage(trade, held: 50)
        let gone = try stage.judge(.feed(.order(Sample.report(exit.id, .cancelled))))
        let next = try #require(try stage.trade(trade.id).latest(.exit))
        #expect(gone.calls.map(\.operation) == [.place(next.terms)])
        #expect(next.terms.quantity == Quantity(50))
    }

    @Test func `a sale that fills after its cancellation closes the trade and takes the restored stop away`() throws {
        var trade = try Sample.trade(.exitTriggered)
        trade.exitReason = .strategy
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let exit = try Sample.order(.exit, trade, state: .cancelled)
        trade.replace(exit)
        let stop = try Sample.order(.stop, trade, state: .accepted)
        trade.replace(stop)
        let stage = try self.stage(trade, held: 50)
        let late = try stage.judge(.feed(.order(Sample.report(exit.id, .filled, filled: 50, price: "20"))))
        #expect(late.events == [.orderSubmitted, .orderFilled])
        #expect(late.calls.map(\.operation) == [.cancel(stop.id)])
        #expect(try stage.trade(trade.id).state == .closed)
        #expect(try stage.account().openTrades.isEmpty)
    }

    @Test(arguments: ["sold twice", "bought after the close"])
    func `what leaves shares that no trade accounts for stops all entries`(what: String) throws {
        var trade = try Sample.trade(.closed)
        trade.exitReason = .strategy
        let entry = try Sample.order(.entry, trade, state: .cancelled, filled: 20)
        trade.replace(entry)
        let stop = try Sample.order(.stop, trade, state: .cancelled, quantity: 20)
        trade.replace(stop)
        trade.replace(try Sample.order(.exit, trade, state: .filled, quantity: 20, filled: 20))
        let stage = try self.stage(trade, held: 0)
        let isSold = what == "sold twice"
        let report = Sample.report(isSold ? stop.id : entry.id, .filled, filled: isSold ? 20 : 50, price: "19")
        let decision = try stage.judge(.feed(.order(report)))
        #expect(decision.notes.contains { $0.text == "entries stopped until an operator resumes them" })
        #expect(try stage.account().entriesStopped?.contains(trade.id.rawValue) == true)
        #expect(try stage.account().positions[trade.symbol] == Quantity(isSold ? -20 : 30))
        #expect(try stage.trade(trade.id).state == .closed)
    }
}
