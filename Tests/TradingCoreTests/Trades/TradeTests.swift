import Testing
import TradingCore

@Suite struct TradeTests {
    private let start = Timestamp(seconds: 1_761_661_800)

    private func makeTrade() throws -> Trade {
        let symbol = try #require(Symbol("AAPL"))
        let id = TradeID(symbol: symbol, signaledAt: self.start)
        return Trade(
            id: id,
            symbol: symbol,
            strategy: "ma-rsi-volume",
            traceID: TraceID(seed: "test", trade: id),
            signaledAt: self.start
        )
    }

    private func makeOrder(
        _ trade: Trade,
        _ role: OrderRole,
        _ state: OrderState,
        quantity: Int,
        filled: Int = 0
    ) -> Order {
        var order = Order(
            terms: OrderTerms(
                clientOrderID: trade.nextID(role),
                symbol: trade.symbol,
                side: role == .entry ? .buy : .sell,
                type: .market,
                quantity: Quantity(quantity),
                timeInForce: .day
            ),
            intendedAt: self.start,
            state: state
        )
        order.filledQuantity = Quantity(filled)
        return order
    }

    @Test func `a step is taken and told`() throws {
        var trade = try self.makeTrade()
        let message = try #require(MessageID("m-1"))
        let steps: [(TradeState, TradeTrigger)] = [
            (.setupDetected, .candidateFound), (.entryApproved, .tradeApproved), (.orderPlaced, .orderSubmitted),
            (.filled, .orderFilled), (.holding, .stopSet), (.exitTriggered, .targetHit),
            (.orderClosing, .orderSubmitted), (.exitTriggered, .orderRejected), (.orderClosing, .orderSubmitted),
            (.closed, .orderFilled),
        ]
        for (offset, (state, trigger)) in steps.enumerated() {
            let before = trade.state
            let instant = self.start + .seconds(offset)
            let transition = try trade.transition(to: state, on: trigger, at: instant, message: message)
            #expect(trade.state == state)
            #expect(
                transition
                    == Transition(from: before, to: state, trigger: trigger, timestamp: instant, messageID: message)
            )
            #expect(try Transition(json: try JSONValue(parsing: JSONWriter.bytes(transition))) == transition)
        }
    }

    @Test func `a refused step leaves the trade as it was`() throws {
        var trade = try self.makeTrade()
        let message = try #require(MessageID("m-1"))
        _ = try trade.transition(to: .setupDetected, on: .candidateFound, at: self.start, message: message)
        trade.orders = [self.makeOrder(trade, .entry, .accepted, quantity: 5)]
        let before = trade
        for state in TradeState.allCases {
            for trigger in TradeTrigger.allCases where trigger != .tradeApproved && trigger != .tradeRejected {
                #expect(throws: InvalidTransition.self) {
                    try trade.transition(to: state, on: trigger, at: self.start, message: message)
                }
                #expect(trade == before)
            }
        }
    }

    @Test func `counts attempts by role`() throws {
        var trade = try self.makeTrade()
        #expect(trade.nextID(.stop).attempt == 1)
        trade.replace(self.makeOrder(trade, .entry, .filled, quantity: 5, filled: 5))
        trade.replace(self.makeOrder(trade, .stop, .cancelled, quantity: 5))
        var second = self.makeOrder(trade, .stop, .submitted, quantity: 5)
        trade.replace(second)
        #expect(trade.latest(.stop) == second)
        #expect(trade.nextID(.stop).attempt == 3)
        #expect(trade.nextID(.exit).attempt == 1)
        second.step(on: .accepted)
        trade.replace(second)
        #expect(trade.orders.count == 3)
        #expect(trade.order(second.id) == second)
        #expect(trade.order(trade.nextID(.stop)) == nil)
        #expect(trade.entryOrder?.id.role == .entry)
    }

    @Test func `counts the shares held and the shares a stop covers`() throws {
        var trade = try self.makeTrade()
        #expect(trade.heldQuantity == .zero)
        trade.replace(self.makeOrder(trade, .entry, .filled, quantity: 10, filled: 10))
        #expect(trade.heldQuantity == Quantity(10))
        #expect(trade.protectedQuantity == .zero)
        for (state, covered) in [
            (OrderState.intent, 0), (.submitted, 0), (.unknown, 0), (.accepted, 7), (.partiallyFilled, 7), (.filled, 0),
            (.cancelled, 0), (.rejected, 0), (.expired, 0),
        ] {
            var copy = trade
            copy.replace(self.makeOrder(trade, .stop, state, quantity: 10, filled: 3))
            #expect(copy.protectedQuantity == Quantity(covered), "\(state)")
            #expect(copy.heldQuantity == Quantity(7))
        }
    }

    @Test func `reads back as it was written`() throws {
        var trade = try self.makeTrade()
        #expect(try Trade(json: try JSONValue(parsing: JSONWriter.bytes(trade))) == trade)
        trade.plan = MessageTests.plan
        trade.quantity = Quantity(5)
        var order = self.makeOrder(trade, .entry, .partiallyFilled, quantity: 5, filled: 3)
        order.filledValue = Money(raw: 52_650_000_001)
        order.brokerOrderID = "b-1"
        order.submittedAt = self.start
        order.filledAt = self.start
        order.terms.limitPrice = .cent
        trade.orders = [order, self.makeOrder(trade, .stop, .intent, quantity: 3)]
        trade.exitReason = .unprotected
        trade.pnl = Money(raw: -1)
        _ = try trade.transition(
            to: .setupDetected,
            on: .candidateFound,
            at: self.start,
            message: try #require(MessageID("m"))
        )
        #expect(try Trade(json: try JSONValue(parsing: JSONWriter.bytes(trade))) == trade)
    }

    @Test func `an order that does not fit its trade is refused with its place`() throws {
        let trade = try self.makeTrade()
        let own = self.makeOrder(trade, .exit, .unknown, quantity: 1)
        var bought = own
        bought.terms.side = .buy
        var sold = self.makeOrder(trade, .entry, .intent, quantity: 1)
        sold.terms.side = .sell
        var foreign = own
        foreign.terms.symbol = try #require(Symbol("MSFT"))
        var another = own
        let other = TradeID(symbol: trade.symbol, signaledAt: self.start + .seconds(1))
        another.terms.clientOrderID = ClientOrderID(trade: other, role: .exit, attempt: 1)
        for order in [bought, sold, foreign, another] {
            var forged = trade
            forged.orders = [own, order]
            let text = JSONWriter.bytes(forged)
            let refusal = #expect(throws: JSONError.self) { try Trade(json: try JSONValue(parsing: text)) }
            #expect(refusal?.path == ["orders", "1"])
        }
    }

    @Test(arguments: [
        ("100", "95", "115", "3"), ("175.5", "166.72", "201.82", "2.99772209"), ("100", "100", "115", "0"),
        ("100", "101", "115", "0"), ("100", "99.99999999", "115", "1500000000"), ("100", "95", "90", "-2"),
        ("100", "99.99999999", "10000", "0"),
    ])
    func `reward over risk is exact`(entry: String, stop: String, target: String, ratio: String) throws {
        let plan = EntryPlan(
            entryPrice: try #require(Price(entry)),
            stopPrice: try #require(Price(stop)),
            targetPrice: try #require(Price(target))
        )
        #expect(plan.rewardRiskRatio.description == ratio)
    }
}
