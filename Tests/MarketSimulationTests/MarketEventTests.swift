import MarketSimulation
import Testing
import TradingCore

/// What a broker and an exchange do on their own account.
struct MarketEventTests {
    // MARK: Rejection after acceptance

    @Test func `an order that was taken and then rejected executes nothing, whatever the ticks`() throws {
        var exchange = Exchange()
        exchange.open("100")
        let live = try exchange.enter(.buy, .limit, limit: "50").order
        #expect(try exchange.engine.reject(id: live.id, reason: "no borrow").map(\.event) == [.rejected])
        #expect(exchange.engine.order(id: live.id)?.rejectionReason == "no borrow")
        #expect(exchange.tick("40") == [])

        try exchange.close()
        let waiting = try exchange.enter(.buy, .limit, limit: "50").order
        #expect(waiting.status == .accepted)
        #expect(try exchange.engine.reject(id: waiting.id, reason: "no borrow").map(\.event) == [.rejected])
        #expect(exchange.open("40") == [])
        #expect(exchange.engine.executions.isEmpty)
        #expect(try exchange.enter(.buy, .market).events == ["new", "fill 10@40"])
    }

    @Test func `a rejected entry takes its exits with it`() throws {
        var exchange = Exchange()
        exchange.open("100")
        let orders = try exchange.enterGroup(.bracket, entry: "90", target: "110", stop: "85").orders
        let updates = try exchange.engine.reject(id: orders[0].id, reason: "no borrow")
        #expect(updates.map(\.event) == [.rejected, .cancelled, .cancelled])
        #expect(updates.map(\.order.id) == orders.map(\.id))
        #expect(exchange.tick("80") == [])
    }

    @Test func `a live order is rejected with what it has filled, and frees what it held`() throws {
        var exchange = Exchange(fillFraction: Rate(raw: Rate.unit / 2))
        exchange.open("100")
        let order = try exchange.enter(.buy, .limit, limit: "100").order
        let updates = try exchange.engine.reject(id: order.id, reason: "reviewed")
        #expect(updates.map(\.event) == [.rejected])
        #expect(updates.first?.order.filledQuantity == Quantity(5))
        #expect(exchange.engine.buyingPower == exchange.engine.cash)
        #expect(throws: OrderRefusal.notCancellable(.rejected)) {
            try exchange.engine.reject(id: order.id, reason: "again")
        }
        #expect(throws: OrderRefusal.unknownOrder) { try exchange.engine.reject(id: "nobody", reason: "") }
    }

    // MARK: Halts

    @Test func `nothing of a halted symbol matches, and the first tick after it is a gap`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.enter(.sell, .stop, stop: "95")
        try exchange.enter(.buy, .limit, 1, limit: "99", symbol: "B")
        exchange.engine.halt(slot: 0)
        #expect(exchange.engine.isHalted(slot: 0))
        #expect(exchange.tick("90") == [])
        #expect(try exchange.enter(.buy, .market, 1).events == ["new"])
        #expect(exchange.open("98", slot: 1) == ["new", "fill 1@98"])
        exchange.engine.resume(slot: 0)
        #expect(try exchange.enter(.buy, .market, 1).events == ["new"])
        #expect(exchange.tick("80") == ["fill 10@80", "fill 1@80", "fill 1@80"])
        #expect(try exchange.enter(.sell, .stop, 2, stop: "75").events == ["new"])
        #expect(exchange.tick("70") == ["fill 2@75"])
    }

    @Test func `orders of a symbol halted over its open wait for its first tick after it`() throws {
        var exchange = Exchange()
        try exchange.enter(.buy, .limit, limit: "100")
        exchange.engine.halt(slot: 0)
        #expect(exchange.open("90") == [])
        #expect(exchange.engine.openOrders.first?.status == .accepted)
        exchange.engine.resume(slot: 0)
        #expect(exchange.tick("95") == ["new", "fill 10@95"])
    }

    @Test func `an order can be cancelled in a halt, and its day ends in one`() throws {
        var exchange = Exchange()
        exchange.open("100")
        let first = try exchange.enter(.buy, .limit, limit: "90").order
        try exchange.enter(.buy, .limit, limit: "90")
        exchange.engine.halt(slot: 0)
        #expect(try exchange.engine.cancel(id: first.id).map(\.event) == [.cancelled])
        #expect(try exchange.close() == ["expired"])
    }
}
