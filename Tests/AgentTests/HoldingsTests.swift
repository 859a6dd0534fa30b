import OrderExecutionAgent
import Testing
import TradingCore

/// What the broker holds, held against the ledger.
@Suite struct HoldingsTests {
    private let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))

    /// A position of 50 shares with its stop at the broker.
    private func hold() throws -> Trade {
        var trade = try Sample.trade(.holding)
        var entry = try Sample.order(.entry, trade, state: .filled, filled: 50)
        entry.brokerOrderID = "b-entry"
        trade.replace(entry)
        var stop = try Sample.order(.stop, trade, state: .accepted)
        stop.brokerOrderID = "b-stop"
        trade.replace(stop)
        self.stage.put(trade)
        var account = try Sample.account(reserving: trade, cash: 9017)
        account.positions = [trade.symbol: Quantity(50)]
        account.releaseReservation(of: trade.id)
        self.stage.put(Account.key, account)
        return trade
    }

    private func holdings(
        of trade: Trade,
        shares: Int = 50,
        strangers: [BrokerOrder] = [],
        executions: [BrokerExecution] = []
    ) -> BrokerHoldings {
        BrokerHoldings(
            positions: shares == 0 ? [] : [BrokerPosition(symbol: trade.symbol, quantity: Quantity(shares))],
            openOrders: [self.order("b-stop", in: trade.symbol)] + strangers,
            executions: executions
        )
    }

    private func order(_ id: String, _ clientOrderID: ClientOrderID? = nil, in symbol: Symbol) -> BrokerOrder {
        BrokerOrder(
            brokerOrderID: id,
            clientOrderID: clientOrderID,
            symbol: symbol,
            side: .sell,
            remainingQuantity: Quantity(50)
        )
    }

    /// The answer to the question about holdings that is among `decision`'s calls.
    private func answer(_ decision: Decision, _ outcome: BrokerAnswer.Outcome) throws -> Input {
        let request = try #require(
            decision.messages.first {
                guard case .brokerCallRequested(let call) = $0.body, case .holdings = call.operation else {
                    return false
                }
                return true
            },
            "nobody asked what the broker holds"
        )
        return Sample.answer(to: request, outcome)
    }

    private func pollUntilAsked() throws -> Decision {
        for _ in 0..<30 {
            let decision = try self.stage.judge(.poll)
            if decision.calls.contains(where: { $0.name == "holdings" }) { return decision }
        }
        throw NotYet("thirty polls have asked nothing")
    }

    @Test func `shares that change at every look are believed after a few`() throws {
        let trade = try self.hold()
        var asked = try self.stage.judge(.started)
        for shares in 51..<55 {
            asked = try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade, shares: shares))))
            #expect(try self.stage.account().frozenSymbols.isEmpty)
        }
        try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade, shares: 55))))
        #expect(try self.stage.account().frozenSymbols[trade.symbol] != nil)
        #expect(try self.stage.obstacle() == nil)
    }

    /// Somebody has spoilt the record of another open trade.
    private func spoil(another trade: Trade) throws -> Symbol {
        let symbol = try #require(Symbol("SPOILT"))
        let id = TradeID(symbol: symbol, signaledAt: trade.signaledAt)
        self.stage.put(Trade.key(id), JSONValue.string("x"))
        var account = try self.stage.account()
        account.openTrades[id] = symbol
        self.stage.put(Account.key, account)
        return symbol
    }

    @Test func `a trade that cannot be read freezes its symbol, and no other waits for it`() throws {
        let trade = try self.hold()
        let spoilt = try self.spoil(another: trade)
        let asked = try self.stage.judge(.started)
        let again = try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade))))
        #expect(try self.stage.obstacle() != nil)
        try self.stage.judge(try self.answer(again, .holdings(self.holdings(of: trade))))
        #expect(try self.stage.account().frozenSymbols.keys.map(\.self) == [spoilt])
        #expect(try self.stage.account().frozenSymbols[spoilt]?.contains("cannot be read") == true)
        #expect(try self.stage.obstacle() == nil)
    }

    @Test(arguments: [true, false])
    func `at the open and at the close the others go on`(isOpen: Bool) throws {
        var trade = try self.hold()
        trade.exitReason = .target
        if isOpen {
            let message = MessageID(derivedFrom: "target")
            _ = try trade.transition(to: .exitTriggered, on: .targetHit, at: Sample.now, message: message)
            self.stage.put(trade)
        }
        _ = try self.spoil(another: trade)
        var clock = MarketClock(since: Sample.now)
        clock.isOpen = isOpen
        self.stage.put(MarketClock.key, clock)
        let status = MarketStatus(
            isOpen: isOpen,
            isTransition: true,
            sessionDate: NewYorkTime.date(of: Sample.now),
            nextOpen: nil,
            nextClose: nil
        )
        let said = Speaker(.marketData).say(.marketStatus(status), at: Sample.now, about: "")
        let decision = try self.stage.judge(.message(said))
        if isOpen {
            #expect(decision.calls.map(\.name) == ["cancel"], "its stop, before it is sold")
        } else {
            #expect(decision.calls.map(\.name) == ["holdings"])
        }
    }

    @Test func `the first look of a new ledger asks for no history`() throws {
        self.stage.put(Account.key, try Sample.account())
        #expect(try self.stage.judge(.started).calls.map(\.operation) == [.holdings(since: nil)])
    }

    @Test func `a stream connected anew at the broker that has only one is a reconnect like any other`() throws {
        let trade = try self.hold()
        let asked = try self.stage.judge(.started)
        try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade))))
        let ring = Sample.message(.ordersMoved(OrdersMoved(ring: "connected", isReconnect: true)), trade)
        let again = try self.stage.judge(ring)
        #expect(again.calls.map(\.name).contains("holdings"))
        #expect(try self.stage.obstacle() != nil)
        let moved = Sample.message(.ordersMoved(OrdersMoved(ring: "OrderFillCompleted 7")), trade)
        try self.stage.judge(try self.answer(again, .holdings(self.holdings(of: trade))))
        try self.stage.judge(moved)
        #expect(try self.stage.obstacle() == nil)
    }

    @Test(arguments: [Input.started, .feed(.connected)])
    func `a start and a reconnect ask, and the agent is ready when both agree`(input: Input) throws {
        let trade = try self.hold()
        let asked = try self.stage.judge(input)
        #expect(asked.calls.map(\.name).sorted() == ["holdings", "reconcile"])
        #expect(asked.calls.first { $0.name == "holdings" }?.lane == .account)
        #expect(try self.stage.obstacle() != nil)
        let agreed = try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade))))
        #expect(agreed.calls.isEmpty)
        #expect(agreed.notes.isEmpty)
        #expect(try self.stage.obstacle() == nil)
        #expect(try self.stage.account().frozenSymbols.isEmpty)
    }

    @Test func `no entry is sent before the ledger was held against the broker`() throws {
        let trade = try Sample.trade(.entryApproved)
        self.stage.put(trade)
        self.stage.put(Account.key, try Sample.account(reserving: trade))
        let approval = TradeApproval(
            symbol: trade.symbol,
            quantity: Quantity(50),
            plan: try Sample.plan(),
            reservedCash: Money(983),
            expiresAt: Sample.now + .seconds(300)
        )
        self.stage.put(MarketClock.key, Sample.clock())
        let asked = try self.stage.judge(.started)
        #expect(throws: NotYet.self) { try self.stage.judge(Sample.message(.tradeApproved(approval), trade)) }
        let nothing = BrokerHoldings(positions: [], openOrders: [], executions: [])
        try self.stage.judge(try self.answer(asked, .holdings(nothing)))
        let sent = try self.stage.judge(Sample.message(.tradeApproved(approval), trade))
        #expect(sent.calls.map(\.name) == ["place"])
    }

    @Test(arguments: [0, 40, 60, -10])
    func `shares that do not agree freeze their symbol, at the second look`(shares: Int) throws {
        let trade = try self.hold()
        let strange = BrokerAnswer.Outcome.holdings(self.holdings(of: trade, shares: shares))
        let asked = try self.stage.judge(.started)
        let first = try self.stage.judge(try self.answer(asked, strange))
        #expect(first.calls.map(\.name) == ["holdings"])
        #expect(first.calls.first?.delaySeconds == 1)
        #expect(try self.stage.account().frozenSymbols.isEmpty)
        #expect(try self.stage.obstacle()?.contains(trade.symbol.rawValue) == true)

        let second = try self.stage.judge(try self.answer(first, strange))
        #expect(second.notes.map(\.level) == [.error])
        // Nothing is sold for it; a stop for more than the broker holds would end short. That it holds nothing may be
        // an answer gone wrong.
        let stop = try #require(trade.latest(.stop)).id
        #expect(second.calls.map(\.operation) == ((1..<50).contains(shares) ? [.cancel(stop)] : []))
        let reason = try #require(try self.stage.account().frozenSymbols[trade.symbol])
        #expect(reason.contains("holds \(shares) shares and the ledger 50"))
        #expect(try self.stage.obstacle() == nil)

        // Said once, looked at every now and then, and over when both agree.
        let polled = try self.pollUntilAsked()
        let third = try self.stage.judge(try self.answer(polled, strange))
        #expect(third.notes.isEmpty)
        let again = try self.pollUntilAsked()
        let over = try self.stage.judge(try self.answer(again, .holdings(self.holdings(of: trade))))
        #expect(over.notes.map(\.level) == [.info])
        #expect(try self.stage.account().frozenSymbols.isEmpty)
        #expect(try self.stage.judge(.poll).calls.map(\.name).contains("holdings") == false)
    }

    @Test func `a fill under way at the first look is no disagreement`() throws {
        let trade = try self.hold()
        let asked = try self.stage.judge(.started)
        let first = try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade, shares: 0))))
        let stop = try #require(try self.stage.trade(trade.id).latest(.stop))
        let filled = Sample.report(stop.id, .filled, filled: 50, price: "18.67")
        try self.stage.judge(.feed(.order(filled)))
        let gone = BrokerHoldings(positions: [], openOrders: [], executions: [])
        let second = try self.stage.judge(try self.answer(first, .holdings(gone)))
        #expect(second.notes.isEmpty)
        #expect(try self.stage.account().frozenSymbols.isEmpty)
    }

    @Test func `an order of no trade freezes its symbol, whoever entered it`() throws {
        let trade = try self.hold()
        let lost = ClientOrderID(
            trade: TradeID(symbol: trade.symbol, signaledAt: Sample.now + .seconds(1)),
            role: .stop,
            attempt: 1
        )
        for stranger in [self.order("b-9", in: trade.symbol), self.order("b-8", lost, in: trade.symbol)] {
            let strange = BrokerAnswer.Outcome.holdings(self.holdings(of: trade, strangers: [stranger]))
            let asked = try self.stage.judge(.started)
            let first = try self.stage.judge(try self.answer(asked, strange))
            try self.stage.judge(try self.answer(first, strange))
            let reason = try #require(try self.stage.account().frozenSymbols[trade.symbol])
            #expect(reason.contains(stranger.brokerOrderID))
            let polled = try self.pollUntilAsked()
            try self.stage.judge(try self.answer(polled, .holdings(self.holdings(of: trade))))
            #expect(try self.stage.account().frozenSymbols.isEmpty)
        }
    }

    @Test func `an order that waits for its broker's id is nobody's stranger`() throws {
        var trade = try self.hold()
        var stop = try #require(trade.latest(.stop))
        stop.brokerOrderID = nil
        trade.replace(stop)
        self.stage.put(trade)
        let asked = try self.stage.judge(.started)
        let answered = try self.stage.judge(try self.answer(asked, .holdings(self.holdings(of: trade))))
        #expect(answered.calls.isEmpty)
        #expect(try self.stage.obstacle() == nil)
    }

    @Test func `a frozen symbol takes no entry that was approved before`() throws {
        let trade = try Sample.trade(.entryApproved)
        self.stage.put(trade)
        var account = try Sample.account(reserving: trade)
        account.frozenSymbols[trade.symbol] = "60 shares"
        self.stage.put(Account.key, account)
        self.stage.putCompared()
        let approval = TradeApproval(
            symbol: trade.symbol,
            quantity: Quantity(50),
            plan: try Sample.plan(),
            reservedCash: Money(983),
            expiresAt: Sample.now + .seconds(300)
        )
        let decision = try self.stage.judge(Sample.message(.tradeApproved(approval), trade))
        #expect(decision.calls.isEmpty)
        #expect(decision.events == [.orderCancelled])
        #expect(try self.stage.trade(trade.id).state == .cancelled)
    }

    @Test func `an execution of an order that had ended is asked about`() throws {
        var trade = try self.hold()
        var ended = try Sample.order(.exit, trade, state: .cancelled)
        ended.brokerOrderID = "b-exit"
        trade.replace(ended)
        self.stage.put(trade)
        let execution = BrokerExecution(
            id: "x1",
            brokerOrderID: "b-exit",
            symbol: trade.symbol,
            side: .sell,
            quantity: Quantity(10),
            price: Price(19),
            timestamp: Sample.now
        )
        let asked = try self.stage.judge(.started)
        let holdings = self.holdings(of: trade, shares: 40, executions: [execution])
        let decision = try self.stage.judge(try self.answer(asked, .holdings(holdings)))
        #expect(decision.calls.map(\.operation).contains(.find(ended.id)))
        // It is booked, and then nothing is strange.
        let filled = Sample.report(ended.id, .cancelled, filled: 10, price: "19")
        try self.stage.judge(Sample.answer(.find(ended.id), .orders([filled]), trade))
        #expect(try self.stage.account().positions[trade.symbol] == Quantity(40))
        try self.stage.judge(try self.answer(decision, .holdings(self.holdings(of: trade, shares: 40))))
        #expect(try self.stage.account().frozenSymbols.isEmpty)
    }

    @Test func `a broker that cannot tell is asked again, and the agent is not ready`() throws {
        _ = try self.hold()
        let asked = try self.stage.judge(.started)
        let failed = try self.stage.judge(try self.answer(asked, .unavailable(reason: "the circuit breaker is open")))
        #expect(failed.calls.map(\.name) == ["holdings"])
        #expect(try self.stage.obstacle() != nil)
    }
}
