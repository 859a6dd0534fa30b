import MarketSimulation
import Testing
import TradingCore

/// Drives an engine by hand: prices for the symbols A and B.
struct Exchange {
    var engine: MatchingEngine
    private var clock: Int64 = 1_230_908_400

    init(cash: Money = Money(10_000), fillFraction: Rate = .one, refusesSubPennyPrices: Bool = false) {
        self.engine = MatchingEngine(
            symbols: ["A", "B"].compactMap { Symbol($0) },
            configuration: .init(
                cash: cash,
                fillFraction: fillFraction,
                refusesSubPennyPrices: refusesSubPennyPrices
            ),
            startingAt: Timestamp(seconds: self.clock)
        )
    }

    @discardableResult
    mutating func tick(_ text: String, slot: Int = 0, opening: Bool = false) -> [String] {
        self.clock += 60
        return self.engine.tick(
            ReplayTick(slot: slot, price: price(text), isOpening: opening, at: Timestamp(seconds: self.clock))
        ).map(Self.line)
    }

    @discardableResult
    mutating func open(_ text: String, slot: Int = 0) -> [String] { self.tick(text, slot: slot, opening: true) }

    @discardableResult
    mutating func close() throws -> [String] {
        self.clock += 60
        let time = Timestamp(seconds: self.clock)
        return self.engine.closeSession(date: NewYorkTime.date(of: time), at: time).map(Self.line)
    }

    @discardableResult
    mutating func enter(
        _ side: SimulatedOrder.Side,
        _ kind: SimulatedOrder.Kind,
        _ quantity: Int = 10,
        limit: String? = nil,
        stop: String? = nil,
        trail: String? = nil,
        percent: String? = nil,
        _ timeInForce: SimulatedOrder.TimeInForce = .day,
        id: String? = nil,
        symbol: String = "A"
    ) throws -> (order: SimulatedOrder, events: [String]) {
        let (order, updates) = try self.engine.submit(
            OrderRequest(
                symbol: try #require(Symbol(symbol)),
                side: side,
                kind: kind,
                timeInForce: timeInForce,
                quantity: Quantity(quantity),
                limitPrice: limit.map(price),
                stopPrice: stop.map(price),
                trailPrice: trail.map(price),
                trailPercent: percent.flatMap { Rate($0) },
                clientOrderID: id
            )
        )
        return (order, updates.map(Self.line))
    }

    /// Enters a group of ten shares of A; returns its orders and what happened, each as `role event`.
    @discardableResult
    mutating func enterGroup(
        _ orderClass: OrderGroup.OrderClass,
        entry: String? = nil,
        target: String? = nil,
        stop: String? = nil,
        stopLimit: String? = nil,
        _ timeInForce: SimulatedOrder.TimeInForce = .goodTillCancelled
    ) throws -> (orders: [SimulatedOrder], events: [String]) {
        func order(
            _ side: SimulatedOrder.Side,
            _ kind: SimulatedOrder.Kind,
            limit: String? = nil,
            stop: String? = nil
        ) throws -> OrderRequest {
            OrderRequest(
                symbol: try #require(Symbol("A")),
                side: side,
                kind: kind,
                timeInForce: timeInForce,
                quantity: Quantity(10),
                limitPrice: limit.map(price),
                stopPrice: stop.map(price)
            )
        }
        let buy = try order(.buy, entry == nil ? .market : .limit, limit: entry)
        let takeProfit = try target.map { try order(.sell, .limit, limit: $0) }
        let stopLoss = try stop.map {
            try order(.sell, stopLimit == nil ? .stop : .stopLimit, limit: stopLimit, stop: $0)
        }
        let request: OrderGroupRequest =
            switch orderClass {
            case .bracket:
                .bracket(entry: buy, takeProfit: try #require(takeProfit), stopLoss: try #require(stopLoss))
            case .oneTriggersOther: .oneTriggersOther(entry: buy, exit: try #require(takeProfit ?? stopLoss))
            case .oneCancelsOther:
                .oneCancelsOther(takeProfit: try #require(takeProfit), stopLoss: try #require(stopLoss))
            }
        let (orders, updates) = try self.engine.submit(request)
        return (orders, updates.map(Self.memberLine))
    }

    /// As `tick`, but each event with its order's role.
    mutating func memberTick(_ text: String, opening: Bool = false) -> [String] {
        self.clock += 60
        return self.engine.tick(
            ReplayTick(slot: 0, price: price(text), isOpening: opening, at: Timestamp(seconds: self.clock))
        ).map(Self.memberLine)
    }

    static func memberLine(_ update: OrderUpdate) -> String {
        "\(update.order.group?.role.rawValue ?? "simple") \(Self.line(update))"
    }

    /// Role and status of each order of a group.
    func statuses(_ orders: [SimulatedOrder]) -> [String] {
        orders.map { order in
            "\(order.group?.role.rawValue ?? "simple") \(self.engine.order(id: order.id)?.status.rawValue ?? "")"
        }
    }

    /// Holds ten shares of A bought at 100, in an open session past its opening tick.
    static func holdingTen() throws -> Exchange {
        var exchange = Exchange()
        exchange.open("100")
        try exchange.enter(.buy, .market)
        exchange.tick("100")
        return exchange
    }

    static func line(_ update: OrderUpdate) -> String {
        guard let quantity = update.quantity, let price = update.price else { return update.event.rawValue }
        return "\(update.event.rawValue) \(quantity)@\(price)"
    }
}
