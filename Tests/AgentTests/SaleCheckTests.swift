import OrderExecutionAgent
import PositionManagementAgent
import Testing
import TradingCore

/// Sales that the broker refuses, stops that nobody here has cancelled, and shares that are gone.
@Suite struct SaleCheckTests {
    private let stage: JudgementStage
    private let positions = JudgementStage(
        PositionManagementAgent(gapStopDistance: RiskLimits().stopDistance, tickRule: .usStocks)
    )

    init() throws {
        self.stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        self.stage.putCompared()
        self.stage.put(MarketClock.key, Sample.clock(isOpen: true))
    }

    /// A position of 50 shares with `orders` besides its entry.
    private func hold(_ state: TradeState, _ orders: (role: OrderRole, state: OrderState)...) throws -> Trade {
        var trade = try Sample.trade(state)
        if state != .holding { trade.exitReason = .target }
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        for order in orders { trade.replace(try Sample.order(order.role, trade, state: order.state)) }
        self.stage.put(trade)
        var account = try Sample.account(cash: 9017)
        account.openTrades = [trade.id: trade.symbol]
        account.positions = [trade.symbol: Quantity(50)]
        self.stage.put(Account.key, account)
        return trade
    }

    @discardableResult
    private func refuse(_ order: Order, _ trade: Trade) throws -> Decision {
        try self.stage.judge(Sample.answer(.place(order.terms), .refused(code: "40310000", reason: "no"), trade))
    }

    private func latest(_ role: OrderRole, _ trade: Trade) throws -> Order {
        try #require(try self.stage.trade(trade.id).latest(role))
    }

    /// The answer to the comparison that `decision` asks for.
    @discardableResult
    private func compare(_ decision: Decision, _ trade: Trade, shares: Int) throws -> Decision {
        let request = try #require(
            decision.messages.first {
                guard case .brokerCallRequested(let call) = $0.body, case .holdings = call.operation else {
                    return false
                }
                return $0.tradeID == nil
            }
        )
        guard case .brokerCallRequested(let call) = request.body else { return decision }
        var message = request
        message.body = .brokerCallCompleted(BrokerAnswer(call, Sample.holdings(of: trade, shares: shares)))
        return try self.stage.judge(.message(message))
    }

    /// The two looks that it takes to believe what does not agree.
    @discardableResult
    private func compareTwice(_ decision: Decision, _ trade: Trade, shares: Int) throws -> Decision {
        try self.compare(try self.compare(decision, trade, shares: shares), trade, shares: shares)
    }

    private func pollUntilCompared() throws -> Decision {
        for _ in 0..<4 {
            let decision = try self.stage.judge(.poll)
            if decision.calls.contains(where: { $0.name == "holdings" }) { return decision }
        }
        throw NotYet("four polls have asked nothing")
    }

    @Test(arguments: [OrderEvent.cancelled, .expired, .rejected])
    func `a stop that somebody else has ended is replaced once the broker says that it holds the shares`(
        event: OrderEvent
    ) throws {
        let trade = try self.hold(.holding, (.stop, .accepted))
        let stop = try self.latest(.stop, trade)
        let ended = try self.stage.judge(.feed(.order(Sample.report(stop.id, event))))
        #expect(ended.calls == [BrokerCall(.holdings(since: nil), lane: .account)])
        #expect(ended.events.isEmpty)
        // Nothing that wants to be sold goes out before the broker has answered.
        let exit = ExitSignal(symbol: trade.symbol, reason: "40 sessions")
        #expect(try self.stage.judge(Sample.message(.exitRequested(exit), trade)).calls.isEmpty)

        let held = try self.stage.judge(Sample.holds(50, of: trade))
        #expect(held.events == [event == .rejected ? .orderRejected : .orderCancelled])
        self.positions.put(try self.stage.trade(trade.id))
        let replaced = try self.positions.judge(.message(try #require(held.messages.first)))
        #expect(replaced.calls.map(\.name) == (event == .rejected ? [] : ["place"]))
        #expect(replaced.events == (event == .rejected ? [.positionUnprotected] : []))
    }

    @Test func `shares that are gone are not sold, and their symbol is frozen with both numbers`() throws {
        let trade = try self.hold(.holding, (.stop, .accepted))
        let stop = try self.latest(.stop, trade)
        try self.stage.judge(.feed(.order(Sample.report(stop.id, .cancelled))))
        let gone = try self.stage.judge(Sample.holds(0, of: trade))
        #expect(gone.events.isEmpty)
        #expect(!gone.calls.contains { $0.name == "place" })
        let confirmed = try self.compareTwice(gone, trade, shares: 0)
        #expect(confirmed.notes.map(\.level) == [.error])
        let reason = try #require(try self.stage.account().frozenSymbols[trade.symbol])
        #expect(reason.contains("holds 0 shares and the ledger 50"))

        // Neither agent places anything for them, whatever happens.
        self.positions.put(try self.stage.trade(trade.id))
        let notice = OrderNotice(order: try self.latest(.stop, trade))
        #expect(try self.positions.judge(Sample.message(.orderCancelled(notice), trade)).calls.isEmpty)
        var exiting = try self.stage.trade(trade.id)
        _ = try exiting.transition(
            to: .exitTriggered,
            on: .exitSignal,
            at: Sample.now,
            message: MessageID(derivedFrom: "")
        )
        self.stage.put(exiting)
        let exit = ExitSignal(symbol: trade.symbol, reason: "40 sessions")
        #expect(try self.stage.judge(Sample.message(.exitRequested(exit), trade)).calls.isEmpty)

        // Somebody puts it right.
        let polled = try self.pollUntilCompared()
        let agreed = try self.compare(polled, trade, shares: 50)
        #expect(try self.stage.account().frozenSymbols.isEmpty)
        #expect(agreed.calls.map(\.operation) == [.place(try self.latest(.exit, trade).terms)])
    }

    @Test func `a part of the shares that is left is sold, and no more`() throws {
        let trade = try self.hold(.exitTriggered, (.stop, .cancelled), (.exit, .intent))
        let refused = try self.refuse(try self.latest(.exit, trade), trade)
        #expect(refused.calls.map(\.operation) == [.holdings(since: nil)])
        try self.stage.judge(Sample.holds(20, of: trade))
        let stop = try self.latest(.stop, trade)
        #expect(stop.terms.quantity == Quantity(20))
        try self.stage.judge(Sample.answer(.place(stop.terms), .orders([Sample.report(stop.id, .accepted)]), trade))
        // It fits: nobody takes it back.
        let again = Sample.answer(.find(stop.id), .orders([Sample.report(stop.id, .accepted)]), trade)
        #expect(try self.stage.judge(again).calls.isEmpty)
        // The rest of the ledger's shares is not sold after it.
        let filled = Sample.report(stop.id, .filled, filled: 20, price: "18.67")
        #expect(try self.stage.judge(.feed(.order(filled))).calls.map(\.operation) == [.holdings(since: nil)])
        #expect(try self.stage.judge(Sample.holds(0, of: trade)).calls.contains { $0.name == "place" } == false)
        #expect(try self.stage.trade(trade.id).sellableQuantity == .zero)
    }

    @Test func `only the last answer is from after everything that gave reason to ask`() throws {
        let trade = try self.hold(.exitTriggered, (.stop, .cancelled), (.exit, .intent))
        try self.refuse(try self.latest(.exit, trade), trade)
        try self.stage.judge(Sample.message(.positionUnprotected(try Self.notice(trade)), trade))
        #expect(try self.stage.judge(Sample.holds(50, of: trade)).calls.isEmpty)
        #expect(try self.stage.judge(Sample.holds(50, of: trade)).calls.map(\.name) == ["place"])
    }

    private static func notice(_ trade: Trade) throws -> PositionNotice {
        let plan = try Sample.plan()
        return PositionNotice(
            symbol: trade.symbol,
            quantity: Quantity(50),
            entryPrice: plan.entryPrice,
            stopPrice: plan.stopPrice,
            targetPrice: plan.targetPrice
        )
    }

    @Test func `a stop that nobody takes and a target that has been hit: sold only after the broker was asked`() throws
    {
        let trade = try self.hold(.exitTriggered, (.stop, .rejected))
        let told = try self.stage.judge(Sample.message(.positionUnprotected(try Self.notice(trade)), trade))
        #expect(told.calls.map(\.operation) == [.holdings(since: nil)])
        let held = try self.stage.judge(Sample.holds(50, of: trade))
        #expect(held.calls.map(\.operation) == [.place(try self.latest(.exit, trade).terms)])
    }

    @Test func `a broker that does not say what it holds is asked again, and nothing is sold`() throws {
        let trade = try self.hold(.exitTriggered, (.stop, .cancelled), (.exit, .intent))
        try self.refuse(try self.latest(.exit, trade), trade)
        let failed = try self.stage.judge(Sample.answer(.holdings(since: nil), .unavailable(reason: "breaker"), trade))
        #expect(failed.calls.map(\.operation) == [.holdings(since: nil)])
        #expect(failed.notes.contains { $0.level == .error })
        #expect(try self.stage.judge(Sample.holds(50, of: trade)).calls.map(\.name) == ["place"])
    }

    /// Everything is refused for hours: the waits grow, the record does not, and people are told now and then.
    @Test func `while both sale and stop are refused the pauses grow to a minute and the record stays small`() throws {
        let trade = try self.hold(.exitTriggered, (.stop, .cancelled), (.exit, .intent))
        var pauses: [Int] = []
        var alarms: [Int] = []
        var decision = try self.refuse(try self.latest(.exit, trade), trade)
        for attempt in 1...100 {
            pauses += decision.calls.map(\.delaySeconds)
            #expect(decision.calls.map(\.operation) == [.holdings(since: nil)])
            let placed = try self.stage.judge(Sample.holds(50, of: trade))
            let role = attempt.isMultiple(of: 2) ? OrderRole.exit : .stop
            let order = try self.latest(role, trade)
            #expect(placed.calls.map(\.operation) == [.place(order.terms)])
            #expect(!(placed.notes + decision.notes).contains { $0.text.contains("put back") })
            decision = try self.refuse(order, trade)
            if decision.notes.contains(where: { $0.text == "a position has no stop" && $0.level == .error }) {
                alarms.append(attempt)
            }
            #expect(try self.stage.trade(trade.id).orders.count <= 50)
        }
        // A stop follows a refused sale at once, a sale a refused stop.
        #expect(pauses.prefix(13) == [0, 0, 5, 0, 10, 0, 20, 0, 40, 0, 60, 0, 60])
        #expect(alarms.prefix(3) == [1, 10, 20])

        // Only what the broker has taken is put back.
        let stop = try self.latest(.stop, trade)
        try self.stage.judge(Sample.holds(50, of: trade))
        let next = try self.latest(.stop, trade)
        #expect(next.id != stop.id)
        let taken = try self.stage.judge(
            Sample.answer(.place(next.terms), .orders([Sample.report(next.id, .accepted)]), trade)
        )
        #expect(taken.notes.map(\.text) == ["the stop is put back"])
        // The next open begins anew.
        let open = MarketStatus(
            isOpen: true,
            isTransition: true,
            sessionDate: NewYorkTime.date(of: Sample.now),
            nextOpen: nil,
            nextClose: nil
        )
        try self.stage.judge(.message(Speaker(.marketData).say(.marketStatus(open), at: Sample.now, about: "")))
        #expect(try self.stage.trade(trade.id).sales == SaleCheck())
    }

    @Test func `holdings are compared every fourth poll while there are positions, and when a stranger's order moves`()
        throws
    {
        let trade = try self.hold(.holding, (.stop, .accepted))
        for _ in 0..<3 { #expect(try !self.stage.judge(.poll).calls.contains { $0.name == "holdings" }) }
        let polled = try self.stage.judge(.poll)
        #expect(polled.calls.contains { $0.name == "holdings" && $0.lane == .account })
        try self.compare(polled, trade, shares: 50)

        let moved = try self.stage.judge(.feed(.holdingsMoved(trade.symbol, isOurs: false)))
        #expect(moved.calls.map(\.name) == ["holdings"])
        try self.compareTwice(moved, trade, shares: 0)
        #expect(try self.stage.account().frozenSymbols[trade.symbol] != nil)
        // An empty answer may be wrong: the stop stays.
        #expect(try self.latest(.stop, trade) == trade.latest(.stop))
        let other = try #require(Symbol("IBM"))
        #expect(try self.stage.judge(.feed(.holdingsMoved(other, isOurs: false))).calls.isEmpty)
    }

    @Test func `a stop for more than the broker holds is replaced by one that fits`() throws {
        let trade = try self.hold(.holding, (.stop, .accepted))
        let stop = try self.latest(.stop, trade)
        let busted = try self.compareTwice(
            try self.stage.judge(.feed(.holdingsMoved(trade.symbol, isOurs: false))),
            trade,
            shares: 30
        )
        #expect(busted.calls.map(\.operation) == [.cancel(stop.id)])
        let gone = try self.stage.judge(
            Sample.answer(.cancel(stop.id), .orders([Sample.report(stop.id, .cancelled)]), trade)
        )
        #expect(gone.events == [.orderCancelled])
        self.positions.put(try self.stage.trade(trade.id))
        try self.positions.judge(.message(try #require(gone.messages.first)))
        #expect(try self.positions.trade(trade.id).latest(.stop)?.terms.quantity == Quantity(30))
    }

    @Test func `a stop that fits no more is not sent again`() throws {
        let trade = try self.hold(.holding, (.stop, .unknown))
        var stop = try self.latest(.stop, trade)
        stop.submittedAt = nil
        var unsent = trade
        unsent.replace(stop)
        self.stage.put(unsent)
        try self.compareTwice(
            try self.stage.judge(.feed(.holdingsMoved(trade.symbol, isOurs: false))),
            trade,
            shares: 30
        )
        self.positions.put(try self.stage.trade(trade.id))
        let absent = Sample.answer(.find(stop.id), .notFound, trade, misses: 60)
        #expect(try self.positions.judge(absent).calls.isEmpty)
        #expect(try self.stage.judge(absent).calls.isEmpty)
        #expect(try self.latest(.stop, trade).state == .cancelled)
    }

    @Test func `shares that are fewer each time are a fill under way, and lift no stop`() throws {
        let trade = try self.hold(.holding, (.stop, .accepted))
        var decision = try self.stage.judge(.feed(.holdingsMoved(trade.symbol, isOurs: false)))
        for shares in [48, 46, 44, 42, 40] { decision = try self.compare(decision, trade, shares: shares) }
        #expect(try self.stage.account().frozenSymbols[trade.symbol] != nil)
        #expect(try !self.latest(.stop, trade).isRecalled)
    }

    @Test func `an exit asked for while the broker's word is awaited is not forgotten`() throws {
        let trade = try self.hold(.exitTriggered, (.stop, .cancelled), (.exit, .intent))
        let asked = try self.refuse(try self.latest(.exit, trade), trade)
        #expect(asked.calls.map(\.name) == ["holdings"])
        let signal = ExitSignal(symbol: trade.symbol, reason: "test")
        #expect(try self.stage.judge(Sample.message(.exitRequested(signal), trade)).calls.isEmpty)
        let answered = try self.stage.judge(
            Sample.answer(.holdings(since: nil), Sample.holdings(of: trade, shares: 50), trade)
        )
        let order = try self.latest(.exit, trade)
        #expect(order.id.attempt == 2)
        #expect(answered.calls.map(\.operation) == [.place(order.terms)])
    }

    @Test func `a broker that does not say what it holds keeps no sale waiting for ever`() throws {
        let trade = try self.hold(.exitTriggered, (.stop, .cancelled), (.exit, .intent))
        let asked = try self.refuse(try self.latest(.exit, trade), trade)
        guard case .brokerCallRequested(var call)? = asked.messages.last?.body else {
            Issue.record("nothing was asked")
            return
        }
        for attempt in 1...30 {
            call.attempt = attempt
            var message = try #require(asked.messages.last)
            message.body = .brokerCallCompleted(BrokerAnswer(call, .unknown(reason: "timed out")))
            let decision = try self.stage.judge(.message(message))
            #expect(decision.calls.contains { $0.name == "place" } == (attempt == 30), "\(attempt)")
        }
        #expect(try self.latest(.stop, trade).state == .intent)
        #expect(try !self.stage.trade(trade.id).sales.isAsking)
    }

    @Test func `a fill of ours that is taken back after its trade has closed is looked into`() throws {
        _ = try self.hold(.holding, (.stop, .accepted))
        let other = try #require(Symbol("IBM"))
        let moved = try self.stage.judge(.feed(.holdingsMoved(other, isOurs: true)))
        #expect(moved.calls.map(\.name) == ["holdings"])
    }

    @Test func `fewer shares filled than are booked freeze the symbol, once the broker has said so twice`() throws {
        var trade = try Sample.trade(.orderPlaced)
        let entry = try Sample.order(.entry, trade, state: .partiallyFilled, filled: 10)
        trade.replace(entry)
        self.stage.put(trade)
        var account = try Sample.account(reserving: trade)
        account.positions = [trade.symbol: Quantity(10)]
        self.stage.put(Account.key, account)
        let fewer = Sample.report(entry.id, .partiallyFilled, filled: 6, price: "19.66")
        // The stream may lag behind: it proves nothing.
        #expect(try self.stage.judge(.feed(.order(fewer))).messages.isEmpty)
        try self.stage.judge(.poll)
        let polled = try self.stage.judge(Sample.answer(.reconcile([entry.id]), .orders([fewer]), trade))
        #expect(polled.calls == [BrokerCall(.find(entry.id), lane: .protective, delaySeconds: 1, attempt: 2)])
        #expect(polled.notes.isEmpty)
        let found = try self.stage.judge(Sample.answer(.find(entry.id), .orders([fewer]), trade, attempt: 2))
        #expect(found.notes.map(\.level) == [.error])
        #expect(found.calls.contains { $0.name == "holdings" })
        #expect(try self.stage.account().frozenSymbols[trade.symbol]?.contains("6") == true)
        #expect(try self.stage.trade(trade.id).heldQuantity == Quantity(10), "what is booked stays")
        // The holdings have the last word.
        try self.compareTwice(found, trade, shares: 6)
        #expect(try self.stage.trade(trade.id).sellableQuantity == Quantity(6))
    }
}
