import MarketSimulation
import Testing
import TradingCore

struct OrderGroupTests {
    private static let third = Rate(raw: Rate.unit * 4 / 10)

    /// An open session at 100, then a bracket around it.
    private static func bracket(
        fillFraction: Rate = .one,
        entry: String? = "99",
        stopLimit: String? = nil
    ) throws -> (exchange: Exchange, orders: [SimulatedOrder]) {
        var exchange = Exchange(fillFraction: fillFraction)
        exchange.open("100")
        exchange.tick("100")
        let orders = try exchange.enterGroup(
            .bracket,
            entry: entry,
            target: "110",
            stop: "95",
            stopLimit: stopLimit
        ).orders
        return (exchange, orders)
    }

    // MARK: Bracket

    @Test func `exits are held until the entry has filled, then live`() throws {
        var (exchange, orders) = try Self.bracket()
        #expect(orders.map(\.status) == [.pendingNew, .held, .held])
        #expect(exchange.statuses(orders) == ["entry new", "take_profit held", "stop_loss held"])
        // Prices that would fill the exits do not touch them.
        #expect(exchange.memberTick("120") == [])
        #expect(exchange.memberTick("98") == ["entry fill 10@99", "take_profit new", "stop_loss new"])
    }

    @Test func `the exits reserve the same shares once`() throws {
        var (exchange, orders) = try Self.bracket()
        exchange.tick("98")
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
        let refusal = #expect(throws: OrderRefusal.self) { try exchange.enter(.sell, .market, 1) }
        #expect(
            refusal
                == .insufficientQuantity(
                    requested: Quantity(1),
                    available: .zero,
                    held: Quantity(10),
                    orders: orders.dropFirst().map(\.id)
                )
        )
        try exchange.enter(.buy, .market, 5)
        #expect(exchange.engine.availableQuantity(slot: 0) == Quantity(5))
    }

    @Test(
        arguments: [
            ("111", ["take_profit fill 10@110", "stop_loss canceled"]),
            ("94", ["stop_loss fill 10@95", "take_profit canceled"]),
            ("96", []),
        ]
    )
    func `one exit's fill cancels the other`(_ tick: String, _ events: [String]) throws {
        var (exchange, _) = try Self.bracket()
        exchange.tick("98")
        #expect(exchange.memberTick(tick) == events)
        #expect(exchange.engine.openOrders.count == (events.isEmpty ? 2 : 0))
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
    }

    @Test func `an exit crossed by the tick that filled the entry is matched at once, by the rules of that tick`()
        throws
    {
        var gap = Exchange()
        try gap.enterGroup(.bracket, entry: "99", target: "110", stop: "95")
        #expect(
            gap.memberTick("90", opening: true) == [
                "entry new", "entry fill 10@90", "take_profit new", "stop_loss new", "stop_loss fill 10@90",
                "take_profit canceled",
            ]
        )
        var (exchange, _) = try Self.bracket()
        #expect(
            exchange.memberTick("90") == [
                "entry fill 10@99", "take_profit new", "stop_loss new", "stop_loss fill 10@95",
                "take_profit canceled",
            ]
        )
    }

    @Test func `a market entry's exits are live with the answer`() throws {
        var exchange = Exchange()
        exchange.open("100")
        let (orders, events) = try exchange.enterGroup(.bracket, target: "110", stop: "95")
        #expect(events == ["entry new", "entry fill 10@100", "take_profit new", "stop_loss new"])
        #expect(orders.map(\.status) == [.pendingNew, .held, .held])
    }

    @Test func `a stop-limit leg waits for its limit and stays paired`() throws {
        var (exchange, _) = try Self.bracket(stopLimit: "94")
        exchange.tick("98")
        try exchange.close()
        #expect(exchange.memberTick("90", opening: true) == [])
        #expect(exchange.memberTick("94.5") == ["stop_loss fill 10@94", "take_profit canceled"])
    }

    // MARK: One tick that could fill both

    @Test func `of two exits that one tick could fill the stop-loss fills`() throws {
        // A triggered stop-limit is a limit order: above both limits either exit could sell.
        var (exchange, _) = try Self.bracket(stopLimit: "94")
        exchange.tick("98")
        try exchange.close()
        #expect(exchange.memberTick("93", opening: true) == [])
        #expect(exchange.memberTick("112") == ["stop_loss fill 10@94", "take_profit canceled"])

        // Exits the wrong way round are both crossed by every price between them.
        var odd = try Exchange.holdingTen()
        let events = try odd.enterGroup(.oneCancelsOther, target: "90", stop: "105").events
        #expect(
            events == ["take_profit new", "stop_loss new", "stop_loss fill 10@105", "take_profit canceled"]
        )
        #expect(odd.engine.positions.isEmpty)
    }

    @Test(arguments: [(["94", "111"], "stop_loss fill 10@95"), (["111", "94"], "take_profit fill 10@110")])
    func `of a bar's low and high the one that ticks first decides`(_ ticks: [String], _ first: String) throws {
        var (exchange, _) = try Self.bracket()
        exchange.tick("98")
        let events = ticks.flatMap { exchange.memberTick($0) }
        #expect(events.first == first)
        #expect(events.count == 2)
    }

    // MARK: Partial fills

    @Test func `a partly filled entry's exits stay held and keep what it has bought`() throws {
        var (exchange, orders) = try Self.bracket(fillFraction: Self.third)
        #expect(exchange.memberTick("99") == ["entry partial_fill 4@99"])
        #expect(exchange.statuses(orders) == ["entry partially_filled", "take_profit held", "stop_loss held"])
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
        #expect(throws: OrderRefusal.self) { try exchange.enter(.sell, .market, 1) }
        #expect(exchange.memberTick("99") == ["entry partial_fill 4@99"])
        #expect(exchange.memberTick("99") == ["entry fill 2@99", "take_profit new", "stop_loss new"])
    }

    @Test func `a partly filled entry that is cancelled leaves its shares without exits`() throws {
        var (exchange, orders) = try Self.bracket(fillFraction: Self.third)
        exchange.tick("99")
        _ = try exchange.engine.cancel(id: orders[0].id)
        #expect(exchange.statuses(orders) == ["entry canceled", "take_profit canceled", "stop_loss canceled"])
        #expect(exchange.engine.availableQuantity(slot: 0) == Quantity(4))
        #expect(exchange.engine.openOrders.isEmpty)
    }

    @Test func `a partial fill of one exit takes its shares off the other`() throws {
        var (exchange, orders) = try Self.bracket(fillFraction: Self.third)
        for _ in 0..<3 { exchange.tick("99") }
        #expect(exchange.memberTick("110") == ["take_profit partial_fill 4@110"])
        #expect(exchange.engine.order(id: orders[2].id)?.quantity == Quantity(6))
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
        #expect(exchange.memberTick("95") == ["stop_loss partial_fill 2@95"])
        #expect(exchange.engine.order(id: orders[1].id)?.remainingQuantity == Quantity(4))
        // The stop is a market order now; the tick that reaches the target too sells by the stop first.
        #expect(
            exchange.memberTick("110") == [
                "stop_loss partial_fill 2@110", "take_profit fill 2@110", "stop_loss canceled",
            ]
        )
        #expect(exchange.engine.positions.isEmpty)
    }

    // MARK: Ends

    @Test(arguments: 0...2)
    func `cancelling any member cancels the group`(_ member: Int) throws {
        for isFilled in [false, true] {
            var (exchange, orders) = try Self.bracket()
            if isFilled { exchange.tick("99") }
            guard exchange.engine.order(id: orders[member].id)?.isOpen == true else { continue }
            let updates = try exchange.engine.cancel(id: orders[member].id)
            #expect(updates.first?.order.id == orders[member].id)
            #expect(updates.map(\.event) == Array(repeating: .cancelled, count: isFilled ? 2 : 3))
            #expect(exchange.engine.openOrders.isEmpty)
            #expect(exchange.memberTick("90") == [])
        }
    }

    @Test func `an entry that expires or is rejected cancels its exits`() throws {
        var exchange = Exchange(cash: Money(1000))
        exchange.open("100")
        try exchange.enterGroup(.bracket, entry: "99", target: "110", stop: "95", .day)
        #expect(try exchange.close() == ["expired", "canceled", "canceled"])
        let orders = try exchange.enterGroup(.bracket, target: "110", stop: "95", .day).orders
        #expect(
            exchange.memberTick("101", opening: true)
                == ["entry new", "entry rejected", "take_profit canceled", "stop_loss canceled"]
        )
        #expect(exchange.statuses(orders) == ["entry rejected", "take_profit canceled", "stop_loss canceled"])
    }

    @Test func `live exits expire with their day`() throws {
        var exchange = Exchange()
        exchange.open("100")
        try exchange.enterGroup(.bracket, target: "110", stop: "95", .day)
        #expect(try exchange.close() == ["expired", "expired"])
        #expect(exchange.engine.availableQuantity(slot: 0) == Quantity(10))
    }

    // MARK: Other classes

    @Test func `an entry with one exit`() throws {
        var exchange = Exchange()
        exchange.open("100")
        let (orders, events) = try exchange.enterGroup(.oneTriggersOther, stop: "95")
        #expect(events == ["entry new", "entry fill 10@100", "stop_loss new"])
        #expect(exchange.engine.legs(of: orders[0]).map(\.id) == [orders[1].id])
        #expect(exchange.memberTick("95") == ["stop_loss fill 10@95"])
        #expect(
            try exchange.enterGroup(.oneTriggersOther, target: "110").orders.map { $0.group?.role }
                == [.entry, .takeProfit]
        )
    }

    @Test func `two exits for shares that are held`() throws {
        var exchange = try Exchange.holdingTen()
        let (orders, events) = try exchange.enterGroup(.oneCancelsOther, target: "110", stop: "95")
        #expect(orders.map(\.status) == [.pendingNew, .held])
        #expect(events == ["take_profit new", "stop_loss new"])
        #expect(exchange.engine.parent(of: orders[1]).id == orders[0].id)
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
        #expect(throws: OrderRefusal.self) {
            try exchange.enterGroup(.oneCancelsOther, target: "110", stop: "95")
        }
        #expect(exchange.memberTick("95") == ["stop_loss fill 10@95", "take_profit canceled"])
    }

    @Test func `exits entered in a closed market go live together at the open`() throws {
        var exchange = try Exchange.holdingTen()
        try exchange.close()
        let orders = try exchange.enterGroup(.oneCancelsOther, target: "110", stop: "95", .day).orders
        #expect(orders.map(\.status) == [.accepted, .held])
        #expect(
            exchange.memberTick("90", opening: true)
                == ["take_profit new", "stop_loss new", "stop_loss fill 10@90", "take_profit canceled"]
        )
        try exchange.close()
        exchange.open("100")
        try exchange.enter(.buy, .market)
        try exchange.close()
        try exchange.enterGroup(.oneCancelsOther, target: "110", stop: "95", .day)
        #expect(try exchange.close() == ["expired", "expired"])
    }

    // MARK: Replacing

    @Test func `a replaced member keeps its part in the group`() throws {
        var (exchange, orders) = try Self.bracket()
        let held = try exchange.engine.replace(id: orders[2].id, with: OrderChange(stopPrice: price("96")))
        #expect(held.order.status == .held)
        #expect(held.updates.map(\.event) == [.replaced])
        let entry = try exchange.engine.replace(id: orders[0].id, with: OrderChange(limitPrice: price("98")))
        #expect(exchange.memberTick("98") == ["entry fill 10@98", "take_profit new", "stop_loss new"])
        #expect(exchange.engine.legs(of: orders[0]).map(\.id) == [])
        #expect(exchange.engine.legs(of: entry.order).map(\.id) == [orders[1].id, held.order.id])
        let live = try exchange.engine.replace(id: held.order.id, with: OrderChange(stopPrice: price("97")))
        #expect(live.updates.map(\.event) == [.replaced, .new])
        #expect(live.order.group == orders[2].group)
        for change in [OrderChange(quantity: Quantity(5)), OrderChange(timeInForce: .day)] {
            #expect(throws: OrderRefusal.self) { try exchange.engine.replace(id: live.order.id, with: change) }
        }
        #expect(exchange.memberTick("97") == ["stop_loss fill 10@97", "take_profit canceled"])
    }

    @Test func `a partly filled entry that is replaced releases exits for all that both bought`() throws {
        var (exchange, orders) = try Self.bracket(fillFraction: Self.third)
        exchange.tick("99")
        let rest = try exchange.engine.replace(id: orders[0].id, with: OrderChange(limitPrice: price("98"))).order
        #expect(rest.quantity == Quantity(6))
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
        for _ in 0..<2 { #expect(exchange.memberTick("98") == ["entry partial_fill 2@98"]) }
        #expect(exchange.memberTick("98") == ["entry fill 2@98", "take_profit new", "stop_loss new"])
        #expect(exchange.engine.position(slot: 0)?.quantity == Quantity(10))
        #expect(exchange.engine.availableQuantity(slot: 0) == .zero)
    }

    // MARK: Refusals

    @Test func `groups that make no sense are refused whole`() throws {
        var exchange = Exchange()
        exchange.open("100")
        #expect(throws: OrderRefusal.shortSale) {
            try exchange.enterGroup(.oneCancelsOther, target: "110", stop: "95")
        }
        #expect(throws: OrderRefusal.self) {
            try exchange.enterGroup(.bracket, entry: "99", target: "110", stop: "95", .immediateOrCancel)
        }
        #expect(throws: OrderRefusal.self) { try exchange.enterGroup(.bracket, entry: "9999", target: "1", stop: "1") }
        var sale = OrderRequest(
            symbol: try #require(Symbol("A")),
            side: .sell,
            kind: .market,
            timeInForce: .day,
            quantity: Quantity(10)
        )
        var stop = sale
        stop.kind = .stop
        stop.stopPrice = price("95")
        #expect(throws: OrderRefusal.shortSale) {
            try exchange.engine.submit(.oneTriggersOther(entry: sale, exit: stop))
        }
        try exchange.enter(.buy, .market)
        #expect(throws: OrderRefusal.invalid("oto orders must be entry orders")) {
            try exchange.engine.submit(.oneTriggersOther(entry: sale, exit: stop))
        }
        sale.side = .buy
        sale.quantity = Quantity(9)
        #expect(throws: OrderRefusal.invalid("oto orders must have one qty")) {
            try exchange.engine.submit(.oneTriggersOther(entry: sale, exit: stop))
        }
        sale.quantity = Quantity(10)
        sale.clientOrderID = "same"
        stop.clientOrderID = "same"
        #expect(throws: OrderRefusal.duplicateClientOrderID) {
            try exchange.engine.submit(.oneTriggersOther(entry: sale, exit: stop))
        }
        #expect(exchange.engine.orders.count == 1)
    }
}
