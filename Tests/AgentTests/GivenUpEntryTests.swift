import OrderExecutionAgent
import Testing
import TradingCore

/// An entry that nobody knew of for a minute, and that may turn up all the same.
@Suite struct GivenUpEntryTests {
    private let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))

    private func giveUp() throws -> (trade: Trade, entry: Order) {
        self.stage.putCompared()
        self.stage.put(MarketClock.key, Sample.clock())
        var trade = try Sample.trade(.entryApproved)
        var entry = try Sample.order(.entry, trade, state: .unknown)
        entry.submittedAt = nil
        trade.replace(entry)
        self.stage.put(trade)
        self.stage.put(Account.key, try Sample.account(reserving: trade))
        let proved = try self.stage.judge(Sample.answer(.find(entry.id), .notFound, trade, misses: 60))
        #expect(proved.events == [.orderCancelled])
        return (try self.stage.trade(trade.id), try #require(try self.stage.trade(trade.id).entryOrder))
    }

    private func clock(isOpen: Bool, hoursLater: Int) throws {
        var clock = Sample.clock(isOpen: isOpen)
        clock.lastBoundary = Sample.now + .seconds(hoursLater * 3600)
        self.stage.put(MarketClock.key, clock)
    }

    @Test func `its symbol stays taken and it is asked about until the session that it was for has ended`() throws {
        let (trade, entry) = try self.giveUp()
        let absent = Sample.answer(.reconcile([entry.id]), .orders([]), trade)
        // Before, in and after the session.
        for (isOpen, hours) in [(false, 0), (true, 17), (false, 24)] {
            #expect(try self.stage.account().openTrades == [trade.id: trade.symbol])
            #expect(try self.stage.account().reservedCash > .zero)
            try self.clock(isOpen: isOpen, hoursLater: hours)
            #expect(try self.stage.judge(.poll).calls.map(\.operation) == [.reconcile([entry.id])])
            #expect(try self.stage.judge(absent).calls.isEmpty, "it is not looked for one by one")
        }
        #expect(try self.stage.account().openTrades.isEmpty)
        #expect(try self.stage.account().reservedCash == .zero)
        #expect(try self.stage.judge(.poll).calls.isEmpty)
    }

    @Test func `it is asked about at the close`() throws {
        let (_, entry) = try self.giveUp()
        try self.clock(isOpen: false, hoursLater: 24)
        let close = MarketStatus(
            isOpen: false,
            isTransition: true,
            sessionDate: NewYorkTime.date(of: Sample.now),
            nextOpen: nil,
            nextClose: nil
        )
        let closed = try self.stage.judge(
            .message(Speaker(.marketData).say(.marketStatus(close), at: Sample.now + .seconds(86_400), about: ""))
        )
        #expect(closed.calls.contains { $0.operation == .reconcile([entry.id]) })
    }

    @Test func `filled after all it is booked, an error, and a position that gets its stop`() throws {
        let (trade, entry) = try self.giveUp()
        try self.stage.judge(.poll)
        let filled = Sample.report(entry.id, .filled, filled: 50, price: "19.60")
        let told = try self.stage.judge(Sample.answer(.reconcile([entry.id]), .orders([filled]), trade))
        #expect(told.events == [.orderFilled])
        #expect(told.notes.map(\.level) == [.error])
        #expect(try self.stage.trade(trade.id).state == .filled)
        #expect(try self.stage.account().positions == [trade.symbol: Quantity(50)])
        #expect(try self.stage.account().openTrades == [trade.id: trade.symbol])
        #expect(try self.stage.account().reservedCash == .zero)
    }

    @Test func `resting after all it is cancelled until it is gone, and then its symbol is free`() throws {
        let (trade, entry) = try self.giveUp()
        for _ in 0..<2 {
            try self.stage.judge(.poll)
            let rests = Sample.report(entry.id, .accepted)
            let seen = try self.stage.judge(Sample.answer(.reconcile([entry.id]), .orders([rests]), trade))
            #expect(seen.calls.map(\.operation) == [.cancel(entry.id)])
            #expect(seen.notes.map(\.level) == [.error])
            #expect(try self.stage.account().openTrades == [trade.id: trade.symbol])
        }
        let cancelled = Sample.report(entry.id, .cancelled)
        try self.stage.judge(Sample.answer(.cancel(entry.id), .orders([cancelled]), trade))
        #expect(try self.stage.account().openTrades.isEmpty)
    }
}
