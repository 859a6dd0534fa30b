import MarketSimulation
import Testing
import TradingCore

/// The same numbers on every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

struct ConservationTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `whatever is ordered, cash and shares add up and nothing is sold that is not held`(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let symbols = ["A", "B", "C"].compactMap { Symbol($0) }
        let start = Money(10_000)
        var engine = MatchingEngine(
            symbols: symbols,
            configuration: .init(cash: start, fillFraction: seed % 2 == 0 ? .one : Rate(raw: Rate.unit / 3)),
            startingAt: Timestamp(seconds: 1_230_908_400)
        )
        var cash = start
        var shares = [Quantity](repeating: .zero, count: symbols.count)
        var open: [String: SimulatedOrder] = [:]

        func book(_ updates: [OrderUpdate]) throws {
            for update in updates {
                let order = update.order
                #expect(open[order.id]?.isOpen != false, "\(order.id) changed after its end")
                open[order.id] = order
                #expect(order.filledQuantity <= order.quantity)
                guard let quantity = update.quantity, let price = update.price else { continue }
                let value = try price.times(quantity)
                if order.side == .buy {
                    cash -= value
                    shares[order.slot] += quantity
                } else {
                    cash += value
                    shares[order.slot] -= quantity
                }
                if order.kind == .limit, let limit = order.limitPrice {
                    #expect(order.side == .buy ? price <= limit : price >= limit)
                }
                #expect(update.positionQuantity == shares[order.slot])
            }
        }

        var time: Int64 = 1_230_908_400
        var last = [Int64](repeating: 5000, count: symbols.count)
        for session in 0..<30 {
            for tick in 0..<4 {
                for slot in symbols.indices {
                    last[slot] = max(100, last[slot] + Int64.random(in: -400...400, using: &random))
                    time += 1
                    try book(
                        engine.tick(
                            ReplayTick(
                                slot: slot,
                                price: Price(raw: last[slot] * Price.cent.raw),
                                isOpening: tick == 0,
                                at: Timestamp(seconds: time)
                            )
                        )
                    )
                    try Self.act(&engine, symbols, last, &random, book)
                    #expect(engine.cash == cash)
                    #expect(engine.cash >= .zero)
                    for slot in symbols.indices {
                        #expect(shares[slot] >= .zero)
                        #expect((engine.position(slot: slot)?.quantity ?? .zero) == shares[slot])
                        #expect(engine.availableQuantity(slot: slot) >= .zero)
                        try Self.checkGroups(engine)
                    }
                }
            }
            time += 1
            let date = CalendarDate(dayNumber: 14_246 + session)
            try book(engine.closeSession(date: date, at: Timestamp(seconds: time)))
            let value = try symbols.indices.reduce(Money.zero) {
                $0 + (try Price(raw: last[$1] * Price.cent.raw).times(shares[$1]))
            }
            #expect(engine.equityCurve.last?.equity == cash + value)
        }
        #expect(engine.executions.count > 20)
    }

    /// Exits of a group are held before its entry is filled whole, and of two that are live each may sell the same.
    private static func checkGroups(_ engine: MatchingEngine) throws {
        for parent in engine.openOrders + engine.orders.suffix(3) where !parent.isLeg {
            let legs = engine.legs(of: parent)
            let open = legs.filter(\.isOpen)
            guard parent.group?.role == .entry, !legs.isEmpty else { continue }
            #expect(parent.status == .filled || legs.allSatisfy { $0.filledQuantity == .zero })
            #expect(parent.isOpen || parent.status == .filled || open.isEmpty)
            #expect(open.count < 2 || open[0].remainingQuantity == open[1].remainingQuantity)
        }
    }

    private static func act(
        _ engine: inout MatchingEngine,
        _ symbols: [Symbol],
        _ last: [Int64],
        _ random: inout SplitMix,
        _ book: ([OrderUpdate]) throws -> Void
    ) throws {
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            if Int.random(in: 0..<5, using: &random) == 0, let order = engine.openOrders.randomElement(using: &random) {
                try book(try engine.cancel(id: order.id))
                continue
            }
            let slot = Int.random(in: 0..<symbols.count, using: &random)
            if Int.random(in: 0..<20, using: &random) == 0 {
                if engine.isHalted(slot: slot) { engine.resume(slot: slot) } else { engine.halt(slot: slot) }
            }
            if Int.random(in: 0..<40, using: &random) == 0, let order = engine.openOrders.randomElement(using: &random)
            {
                try book(try engine.reject(id: order.id, reason: "random"))
            }
            if Bool.random(using: &random) {
                try Self.enterGroup(&engine, symbols[slot], last[slot], &random, book)
                continue
            }
            let near = Price(raw: (last[slot] + Int64.random(in: -300...300, using: &random)) * Price.cent.raw)
            let stop = Price(raw: (last[slot] + Int64.random(in: -300...300, using: &random)) * Price.cent.raw)
            let kind = SimulatedOrder.Kind.allCases.randomElement(using: &random) ?? .market
            let request = OrderRequest(
                symbol: symbols[slot],
                side: Bool.random(using: &random) ? .buy : .sell,
                kind: kind,
                timeInForce: SimulatedOrder.TimeInForce.allCases.randomElement(using: &random) ?? .day,
                quantity: Quantity(Int.random(in: 1...60, using: &random)),
                limitPrice: kind == .limit || kind == .stopLimit ? near : nil,
                stopPrice: kind == .stop || kind == .stopLimit ? stop : nil,
                trailPrice: kind == .trailingStop ? Price(1) : nil
            )
            try Self.booking(book) { try engine.submit(request).updates }
        }
    }

    /// Mostly exits about the last price, at times the wrong way round; and changes of those that rest.
    private static func enterGroup(
        _ engine: inout MatchingEngine,
        _ symbol: Symbol,
        _ last: Int64,
        _ random: inout SplitMix,
        _ book: ([OrderUpdate]) throws -> Void
    ) throws {
        func near(_ range: ClosedRange<Int64>) -> Price {
            Price(raw: max(1, last + Int64.random(in: range, using: &random)) * Price.cent.raw)
        }
        if Int.random(in: 0..<4, using: &random) == 0,
            let member = engine.openOrders.filter({ $0.group != nil }).randomElement(using: &random)
        {
            let change = OrderChange(
                limitPrice: member.limitPrice.map { _ in near(-300...300) },
                stopPrice: member.stopPrice.map { _ in near(-300...300) }
            )
            try Self.booking(book) { try engine.replace(id: member.id, with: change).updates }
            return
        }
        let quantity = Quantity(Int.random(in: 1...60, using: &random))
        let timeInForce = Bool.random(using: &random) ? SimulatedOrder.TimeInForce.day : .goodTillCancelled
        func order(_ side: SimulatedOrder.Side, _ kind: SimulatedOrder.Kind, limit: Price? = nil, stop: Price? = nil)
            -> OrderRequest
        {
            OrderRequest(
                symbol: symbol,
                side: side,
                kind: kind,
                timeInForce: timeInForce,
                quantity: quantity,
                limitPrice: limit,
                stopPrice: stop
            )
        }
        let isMarket = Bool.random(using: &random)
        let entry = order(.buy, isMarket ? .market : .limit, limit: isMarket ? nil : near(-200...100))
        let takeProfit = order(.sell, .limit, limit: near(-50...400))
        let isLimited = Bool.random(using: &random)
        let stopLoss = order(
            .sell,
            isLimited ? .stopLimit : .stop,
            limit: isLimited ? near(-400...0) : nil,
            stop: near(-400...50)
        )
        let requests: [OrderGroupRequest] = [
            .bracket(entry: entry, takeProfit: takeProfit, stopLoss: stopLoss),
            .oneTriggersOther(entry: entry, exit: stopLoss),
            .oneCancelsOther(takeProfit: takeProfit, stopLoss: stopLoss),
        ]
        guard let request = requests.randomElement(using: &random) else { return }
        try Self.booking(book) { try engine.submit(request).updates }
    }

    /// Refusals that a careless client earns are no news.
    private static func booking(
        _ book: ([OrderUpdate]) throws -> Void,
        _ body: () throws -> [OrderUpdate]
    ) throws {
        do {
            try book(try body())
        } catch let refusal as OrderRefusal {
            switch refusal {
            case .insufficientBuyingPower, .insufficientQuantity, .shortSale, .invalid, .notReplaceable: return
            default: Issue.record("refused as \(refusal)")
            }
        }
    }
}
