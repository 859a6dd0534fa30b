import MarketSimulation
import Testing
import TradingCore

struct MatchingEngineTests {
    // MARK: Rule 3, the opening tick

    @Test func `a buy limit crossed by the open fills at the open`() throws {
        var exchange = Exchange()
        #expect(try exchange.enter(.buy, .limit, limit: "20").order.status == .accepted)
        #expect(exchange.open("19.50") == ["new", "fill 10@19.5"])
        #expect(exchange.engine.cash == money("9805"))
    }

    @Test func `a sell limit crossed by the open fills at the open`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.enter(.sell, .limit, limit: "110", .goodTillCancelled)
        try exchange.close()
        #expect(exchange.open("115") == ["fill 10@115"])
    }

    @Test func `a stop crossed by the open fills at the open`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.enter(.sell, .stop, stop: "95", .goodTillCancelled)
        try exchange.close()
        #expect(exchange.open("90") == ["fill 10@90"])
        #expect(exchange.engine.cash == money("9900"))
    }

    @Test func `a buy stop crossed by the open fills at the open`() throws {
        var exchange = Exchange()
        try exchange.enter(.buy, .stop, stop: "95")
        #expect(exchange.open("96") == ["new", "fill 10@96"])
    }

    // MARK: Rule 3, every other tick

    @Test(arguments: [("20", ["fill 10@20"]), ("19", ["fill 10@20"]), ("20.01", [])])
    func `a limit crossed later fills at its limit`(_ tick: String, _ events: [String]) throws {
        var exchange = Exchange()
        try exchange.enter(.buy, .limit, limit: "20")
        exchange.open("21")
        #expect(exchange.tick(tick) == events)
    }

    @Test(arguments: [("95", ["fill 10@95"]), ("80", ["fill 10@95"]), ("95.01", [])])
    func `a stop crossed later fills at its stop price`(_ tick: String, _ events: [String]) throws {
        var exchange = try Exchange.holdingTen()
        try exchange.enter(.sell, .stop, stop: "95")
        #expect(exchange.tick(tick) == events)
    }

    @Test func `a market order fills at the current tick`() throws {
        var exchange = Exchange()
        exchange.open("100")
        exchange.tick("101.2345")
        #expect(try exchange.enter(.buy, .market).events == ["new", "fill 10@101.2345"])
        #expect(exchange.engine.cash == money("8987.655"))
    }

    @Test func `a stop limit waits when the price has run past its limit`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.enter(.sell, .stopLimit, limit: "94", stop: "95", .goodTillCancelled)
        try exchange.close()
        #expect(exchange.open("90") == [])
        #expect(exchange.tick("93") == [])
        #expect(exchange.tick("94.5") == ["fill 10@94"])
    }

    @Test func `a stop limit touched in the session fills at its stop`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.enter(.sell, .stopLimit, limit: "94", stop: "95")
        #expect(exchange.tick("90") == ["fill 10@95"])
    }

    @Test func `a trailing stop follows the market up and never down`() throws {
        var exchange = try Exchange.holdingTen()
        let id = try exchange.enter(.sell, .trailingStop, percent: "5").order.id
        #expect(exchange.engine.order(id: id)?.stopPrice == price("95"))
        #expect(exchange.tick("110") == [])
        #expect(exchange.tick("105") == [])
        #expect(exchange.engine.order(id: id)?.stopPrice == price("104.5"))
        #expect(exchange.tick("104") == ["fill 10@104.5"])
    }

    @Test func `a trailing stop by price starts when it is live`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.close()
        try exchange.enter(.sell, .trailingStop, trail: "3")
        #expect(exchange.open("90") == ["new"])
        #expect(exchange.tick("86") == ["fill 10@87"])
    }

    // MARK: Rule 4, between ticks

    @Test func `an order entered after the opening tick is matched by the opening rule`() throws {
        var exchange = Exchange()
        exchange.open("19")
        let (order, events) = try exchange.enter(.buy, .limit, limit: "20")
        #expect(order.status == .pendingNew)
        #expect(order.filledQuantity == .zero)
        #expect(events == ["new", "fill 10@19"])
    }

    @Test func `an order entered after a later tick fills at its own price`() throws {
        var exchange = Exchange()
        exchange.open("21")
        exchange.tick("19")
        #expect(try exchange.enter(.buy, .limit, limit: "20").events == ["new", "fill 10@20"])
    }

    @Test func `a stop entered below the market of an opening gap fills at the open`() throws {
        var exchange = Exchange()
        try exchange.enter(.buy, .limit, limit: "20")
        exchange.open("15")
        #expect(try exchange.enter(.sell, .stop, stop: "19", .goodTillCancelled).events == ["new", "fill 10@15"])
    }

    @Test func `an order on a symbol that has not ticked in the session waits for its opening tick`() throws {
        var exchange = Exchange()
        exchange.open("100")
        #expect(try exchange.enter(.buy, .limit, limit: "50", symbol: "B").order.status == .accepted)
        #expect(exchange.tick("101") == [])
        #expect(exchange.open("49", slot: 1) == ["new", "fill 10@49"])
    }

    @Test func `queued orders go live together and match in order of entry`() throws {
        var exchange = Exchange()
        try exchange.enter(.buy, .limit, 1, limit: "20", id: "first")
        try exchange.enter(.buy, .limit, 2, limit: "21", id: "second")
        #expect(exchange.open("19") == ["new", "new", "fill 1@19", "fill 2@19"])
    }

    // MARK: Rule 5, the close

    @Test func `day orders expire at the close and orders entered after it live on`() throws {
        var exchange = Exchange()
        exchange.open("21")
        try exchange.enter(.buy, .limit, limit: "20")
        #expect(try exchange.close() == ["expired"])
        try exchange.enter(.buy, .limit, limit: "20")
        #expect(exchange.open("22") == ["new"])
        #expect(try exchange.close() == ["expired"])
        #expect(exchange.open("10") == [])
        #expect(exchange.engine.openOrders.isEmpty)
    }

    @Test func `good till cancelled orders outlive the close`() throws {
        var exchange = Exchange()
        exchange.open("21")
        try exchange.enter(.buy, .limit, limit: "20", .goodTillCancelled)
        #expect(try exchange.close() == [])
        #expect(exchange.open("20") == ["fill 10@20"])
    }

    @Test func `a day order on a symbol that did not trade expires unseen`() throws {
        var exchange = Exchange()
        try exchange.enter(.buy, .limit, limit: "20", symbol: "B")
        exchange.open("100")
        #expect(try exchange.close() == ["expired"])
    }

    @Test func `immediate orders do not rest`() throws {
        var exchange = Exchange(fillFraction: Rate(raw: Rate.unit / 2))
        exchange.open("21")
        #expect(try exchange.enter(.buy, .limit, limit: "20", .immediateOrCancel).events == ["new", "canceled"])
        #expect(
            try exchange.enter(.buy, .limit, limit: "22", .immediateOrCancel).events
                == ["new", "partial_fill 5@21", "canceled"]
        )
        #expect(try exchange.enter(.buy, .limit, limit: "22", .fillOrKill).events == ["new", "fill 10@21"])
    }

    // MARK: Refusals

    @Test func `shares under an open sell order cannot be sold twice`() throws {
        var exchange = try Exchange.holdingTen()
        let stop = try exchange.enter(.sell, .stop, stop: "95").order
        let refusal = #expect(throws: OrderRefusal.self) { try exchange.enter(.sell, .market, 1) }
        #expect(
            refusal
                == .insufficientQuantity(
                    requested: Quantity(1),
                    available: .zero,
                    held: Quantity(10),
                    orders: [stop.id]
                )
        )
        _ = try exchange.engine.cancel(id: stop.id)
        #expect(try exchange.enter(.sell, .market).events == ["new", "fill 10@100"])
    }

    @Test func `nothing is sold short`() throws {
        var exchange = try Exchange.holdingTen()
        #expect(throws: OrderRefusal.shortSale) { try exchange.enter(.sell, .market, symbol: "B") }
        let refusal = #expect(throws: OrderRefusal.self) { try exchange.enter(.sell, .market, 11) }
        #expect(
            refusal
                == .insufficientQuantity(requested: Quantity(11), available: Quantity(10), held: .zero, orders: [])
        )
    }

    @Test func `open buys hold their cash`() throws {
        var exchange = Exchange(cash: Money(1000))
        try exchange.enter(.buy, .limit, 6, limit: "100")
        let refusal = #expect(throws: OrderRefusal.self) { try exchange.enter(.buy, .limit, 5, limit: "100") }
        #expect(refusal == .insufficientBuyingPower(available: Money(400), cost: Money(500)))
        try exchange.enter(.buy, .limit, 4, limit: "100")
        #expect(exchange.engine.buyingPower == .zero)
    }

    @Test func `a client order id is never used twice, not even after its order has ended`() throws {
        var exchange = Exchange()
        let order = try exchange.enter(.buy, .limit, limit: "20", id: "once").order
        _ = try exchange.engine.cancel(id: order.id)
        #expect(throws: OrderRefusal.duplicateClientOrderID) {
            try exchange.enter(.buy, .limit, limit: "20", id: "once")
        }
    }

    @Test func `a queued market order that the cash no longer covers is rejected`() throws {
        var exchange = Exchange(cash: Money(1000))
        exchange.open("100")
        try exchange.close()
        try exchange.enter(.buy, .market)
        #expect(exchange.open("101") == ["new", "rejected"])
        #expect(exchange.engine.cash == Money(1000))
    }

    @Test(
        arguments: [
            (SimulatedOrder.Kind.limit, nil, nil), (.limit, "10", "9"), (.market, "10", nil), (.stop, nil, nil),
            (.stopLimit, "10", nil), (.trailingStop, nil, nil), (.limit, "0", nil), (.limit, "-1", nil),
        ] as [(SimulatedOrder.Kind, String?, String?)]
    )
    func `prices that do not go with the type are refused`(
        _ kind: SimulatedOrder.Kind,
        _ limit: String?,
        _ stop: String?
    ) throws {
        var exchange = Exchange()
        exchange.open("10")
        let refusal = #expect(throws: OrderRefusal.self) {
            try exchange.enter(.buy, kind, limit: limit, stop: stop)
        }
        guard case .invalid = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(exchange.engine.orders.isEmpty)
    }

    @Test(arguments: [("10.001", true), ("10.01", false), ("0.12345", true), ("0.1234", false)])
    func `sub-penny prices are refused when configured`(_ limit: String, _ isRefused: Bool) throws {
        var strict = Exchange(refusesSubPennyPrices: true)
        var lenient = Exchange()
        try lenient.enter(.buy, .limit, limit: limit)
        if isRefused {
            #expect(throws: OrderRefusal.self) { try strict.enter(.buy, .limit, limit: limit) }
        } else {
            try strict.enter(.buy, .limit, limit: limit)
        }
    }

    // MARK: Cancel and replace

    @Test func `an order is cancelled once`() throws {
        var exchange = Exchange()
        let order = try exchange.enter(.buy, .limit, limit: "20").order
        #expect(try exchange.engine.cancel(id: order.id).map(\.event) == [.cancelled])
        #expect(throws: OrderRefusal.notCancellable(.cancelled)) { try exchange.engine.cancel(id: order.id) }
        #expect(throws: OrderRefusal.unknownOrder) { try exchange.engine.cancel(id: "nobody") }
        #expect(exchange.engine.buyingPower == Money(10_000))
    }

    @Test func `a replacement is a new order that may use what the old one held`() throws {
        var exchange = try Exchange.holdingTen()
        let stop = try exchange.enter(.sell, .stop, stop: "95").order
        let (order, updates) = try exchange.engine.replace(id: stop.id, with: OrderChange(stopPrice: price("98")))
        #expect(updates.map(\.event) == [.replaced, .new])
        #expect(order.replaces == stop.id)
        #expect(exchange.engine.order(id: stop.id)?.replacedBy == order.id)
        #expect(exchange.tick("97") == ["fill 10@98"])
    }

    @Test func `a queued or unchanged order is not replaced`() throws {
        var exchange = try Exchange.holdingTen()
        let stop = try exchange.enter(.sell, .stop, stop: "95").order
        #expect(throws: OrderRefusal.self) {
            try exchange.engine.replace(id: stop.id, with: OrderChange(stopPrice: price("95")))
        }
        let queued = try exchange.enter(.buy, .limit, limit: "5", symbol: "B").order
        #expect(throws: OrderRefusal.notReplaceable(.accepted)) {
            try exchange.engine.replace(id: queued.id, with: OrderChange(limitPrice: price("6")))
        }
        #expect(exchange.engine.openOrders.count == 2)
    }

    // MARK: Partial fills

    @Test func `configured partial fills spread an order over ticks`() throws {
        var exchange = Exchange(fillFraction: Rate(raw: Rate.unit * 4 / 10))
        try exchange.enter(.buy, .limit, limit: "20")
        #expect(exchange.open("19") == ["new", "partial_fill 4@19"])
        #expect(exchange.tick("21") == [])
        #expect(exchange.tick("19") == ["partial_fill 4@20"])
        #expect(exchange.tick("20") == ["fill 2@20"])
        let order = try #require(exchange.engine.orders.first)
        #expect(order.filledAveragePrice == price("19.6"))
        #expect(exchange.engine.cash == money("9804"))
        #expect(Set(exchange.engine.executions.map(\.id)).count == 3)
    }

    @Test func `the rest of a triggered stop sells at the market`() throws {
        var exchange = Exchange(fillFraction: Rate(raw: Rate.unit / 2))
        exchange.open("100")
        try exchange.enter(.buy, .market)
        exchange.tick("100")
        try exchange.enter(.sell, .stop, stop: "95")
        #expect(exchange.tick("94") == ["partial_fill 5@95"])
        #expect(exchange.tick("97") == ["fill 5@97"])
    }

    // MARK: The account

    @Test func `cash, basis and equity stay exact`() throws {
        var exchange = Exchange()
        exchange.open("19.3333")
        try exchange.enter(.buy, .market, 3)
        exchange.tick("19.6667")
        try exchange.enter(.buy, .market, 3)
        #expect(exchange.engine.cash == money("9883"))
        #expect(exchange.engine.position(slot: 0)?.averageEntryPrice == price("19.5"))
        try exchange.enter(.sell, .market, 2)
        #expect(exchange.engine.position(slot: 0)?.costBasis == money("78"))
        exchange.tick("20")
        #expect(exchange.engine.cash == money("9922.3334"))
        #expect(exchange.engine.equity == money("10002.3334"))
    }

    @Test func `equity is recorded at each close, with its peak and drawdown`() throws {
        var exchange = try Exchange.holdingTen()
        exchange.tick("150")
        try exchange.close()
        exchange.open("45")
        try exchange.close()
        exchange.open("100")
        try exchange.close()
        #expect(exchange.engine.equityCurve.map(\.equity) == [money("10500"), money("9450"), money("10000")])
        #expect(exchange.engine.peakEquity == money("10500"))
        #expect(exchange.engine.maximumDrawdown == Rate("0.1"))
    }

    @Test func `ids depend on the client's id alone`() throws {
        var first = Exchange()
        var second = Exchange()
        try second.enter(.buy, .limit, 1, limit: "1", id: "other")
        let ids = (
            try first.enter(.buy, .limit, limit: "20", id: "mine").order.id,
            try second.enter(.buy, .limit, limit: "20", id: "mine").order.id
        )
        #expect(ids.0 == ids.1)
        #expect(ids.0.split(separator: "-").map(\.count) == [8, 4, 4, 4, 12])
    }
}
