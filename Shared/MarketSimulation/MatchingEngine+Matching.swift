import TradingCore

/// Orders meet the current tick.
extension MatchingEngine {
    /// An order's next step after it was taken: it goes live, and the other exit of a pair with it.
    mutating func activate(_ index: Int, _ updates: inout [OrderUpdate]) {
        self.orders[index].status = .new
        if self.orders[index].kind == .trailingStop, let price = self.markets[self.orders[index].slot].lastPrice {
            self.trail(index, price)
        }
        self.report(.new, index, &updates)
        guard let group = self.orders[index].group, group.orderClass == .oneCancelsOther else { return }
        for other in self.openMembers(group.id) where self.orders[other].status == .held {
            self.activate(other, &updates)
        }
    }

    mutating func match(_ index: Int, _ updates: inout [OrderUpdate]) {
        let order = self.orders[index]
        let market = self.markets[order.slot]
        guard order.isOpen, order.status != .held, order.fate != .withheld, !market.isHalted, !market.reopens,
            let tick = market.lastPrice
        else { return }
        if let price = self.executionPrice(index, tick: tick, isOpening: market.isAtOpening) {
            self.fill(index, at: price, &updates)
        } else if order.kind == .trailingStop {
            self.trail(index, tick)
        }
        let isImmediate = order.timeInForce == .immediateOrCancel || order.timeInForce == .fillOrKill
        if isImmediate, self.orders[index].isOpen { self.cancel(index, &updates) }
    }

    /// Rule 3: at the opening tick a crossed order trades at the open, at any other at its own price.
    private mutating func executionPrice(_ index: Int, tick: Price, isOpening: Bool) -> Price? {
        let order = self.orders[index]
        switch order.kind {
        case .market:
            return tick
        case .limit:
            return Self.limitPrice(order, tick: tick, isOpening: isOpening)
        case .stop, .trailingStop:
            if order.isTriggered { return tick }
            guard let stop = order.stopPrice, Self.isTouched(stop, order.side, by: tick) else { return nil }
            self.orders[index].isTriggered = true
            return isOpening ? tick : stop
        case .stopLimit:
            if order.isTriggered { return Self.limitPrice(order, tick: tick, isOpening: isOpening) }
            guard let stop = order.stopPrice, let limit = order.limitPrice,
                Self.isTouched(stop, order.side, by: tick)
            else { return nil }
            self.orders[index].isTriggered = true
            let price = isOpening ? tick : stop
            return Self.isWithin(limit, order.side, price) ? price : nil
        }
    }

    private static func limitPrice(_ order: SimulatedOrder, tick: Price, isOpening: Bool) -> Price? {
        guard let limit = order.limitPrice, Self.isWithin(limit, order.side, tick) else { return nil }
        return isOpening ? tick : limit
    }

    private static func isWithin(_ limit: Price, _ side: SimulatedOrder.Side, _ price: Price) -> Bool {
        side == .buy ? price <= limit : price >= limit
    }

    private static func isTouched(_ stop: Price, _ side: SimulatedOrder.Side, by tick: Price) -> Bool {
        side == .buy ? tick >= stop : tick <= stop
    }

    /// Moves a trailing stop after the market, never back.
    private mutating func trail(_ index: Int, _ tick: Price) {
        let order = self.orders[index]
        let best = order.side == .sell ? max(order.bestPrice ?? tick, tick) : min(order.bestPrice ?? tick, tick)
        let sign: Int64 = order.side == .sell ? -1 : 1
        self.orders[index].bestPrice = best
        if let distance = order.trailPrice {
            self.orders[index].stopPrice = Price(raw: best.raw + sign * distance.raw)
        } else if let percent = order.trailPercent {
            self.orders[index].stopPrice = try? best.scaled(by: Rate(raw: Rate.unit + sign * percent.raw / 100))
        }
    }

    mutating func fill(_ index: Int, at price: Price, _ updates: inout [OrderUpdate]) {
        let index = self.orders[index].fate == .succeeded ? self.succeed(index, &updates) : index
        let order = self.orders[index]
        let quantity = self.fillQuantity(order)
        let value = Self.value(price, quantity)
        if order.side == .buy, value > self.cash - self.reservedCash(excluding: index) {
            // A queued market order or a stop can meet a price above the one its cash was reserved for.
            self.reject(index, nil, &updates)
            return
        }
        self.settle(order, quantity: quantity, value: value)
        self.orders[index].filledQuantity += quantity
        self.orders[index].filledValue += value
        let isComplete = self.orders[index].remainingQuantity == .zero
        self.orders[index].status = isComplete ? .filled : .partiallyFilled
        if isComplete { self.orders[index].filledAt = self.now }
        if case .partial = order.fate { self.orders[index].fate = .withheld }
        self.report(isComplete ? .fill : .partialFill, index, quantity: quantity, price: price, &updates)
        if order.group != nil { self.memberFilled(index, quantity, &updates) }
    }

    private func fillQuantity(_ order: SimulatedOrder) -> Quantity {
        if case .partial(let percent) = order.fate, order.quantity > Quantity(1) {
            let part = Quantity(raw: order.quantity.raw / 100 * percent).roundedTowardZero(toMultipleOf: Quantity(1))
            return max(part, Quantity(1))
        }
        guard order.timeInForce != .fillOrKill, self.configuration.fillFraction < .one else {
            return order.remainingQuantity
        }
        let share = Int128(order.quantity.raw) * Int128(self.configuration.fillFraction.raw) / Int128(Rate.unit)
        let whole = Quantity(raw: Int64(share)).roundedTowardZero(toMultipleOf: Quantity(1))
        return min(order.remainingQuantity, max(whole, Quantity(1)))
    }

    private mutating func settle(_ order: SimulatedOrder, quantity: Quantity, value: Money) {
        var position =
            self.markets[order.slot].position
            ?? SimulatedPosition(slot: order.slot, symbol: order.symbol, quantity: .zero, costBasis: .zero)
        switch order.side {
        case .buy:
            self.cash -= value
            position.quantity += quantity
            position.costBasis += value
        case .sell:
            precondition(quantity <= position.quantity, "a sell of \(quantity) exceeds the \(position.quantity) held")
            self.cash += value
            let cost = Int128(position.costBasis.raw) * Int128(quantity.raw) / Int128(position.quantity.raw)
            position.costBasis -= Money(raw: Int64(cost))
            position.quantity -= quantity
        }
        self.markets[order.slot].position = position.quantity == .zero ? nil : position
    }
}
