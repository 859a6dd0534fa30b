import TradingCore

/// Ends of orders, reports of them, and what open orders hold.
extension MatchingEngine {
    /// Leaves the rest of its group alone.
    mutating func cancel(_ index: Int, _ updates: inout [OrderUpdate]) {
        self.orders[index].cancelledAt = self.now
        self.finish(index, .cancelled, .cancelled, &updates)
    }

    mutating func expire(_ index: Int, _ updates: inout [OrderUpdate]) {
        self.orders[index].expiredAt = self.now
        self.finish(index, .expired, .expired, &updates)
        // An exit's day may be over before its sibling's.
        if self.orders[index].group?.role == .entry { self.cancelGroup(of: index, &updates) }
    }

    /// - Parameter reason: Nil when the cash does not cover it.
    mutating func reject(_ index: Int, _ reason: String?, _ updates: inout [OrderUpdate]) {
        self.orders[index].failedAt = self.now
        self.orders[index].rejectionReason = reason
        self.finish(index, .rejected, .rejected, &updates)
        self.cancelGroup(of: index, &updates)
    }

    mutating func finish(
        _ index: Int,
        _ status: SimulatedOrder.Status,
        _ event: OrderUpdate.Event,
        _ updates: inout [OrderUpdate]
    ) {
        self.orders[index].status = status
        self.report(event, index, &updates)
        self.dropClosedOrders(slot: self.orders[index].slot)
    }

    mutating func report(
        _ event: OrderUpdate.Event,
        _ index: Int,
        quantity: Quantity? = nil,
        price: Price? = nil,
        _ updates: inout [OrderUpdate]
    ) {
        self.orders[index].updateCount += 1
        self.orders[index].updatedAt = self.now
        let order = self.orders[index]
        let executionID = DerivedIdentifier.uuid("update \(order.updateCount) of \(order.id)")
        if let quantity, let price {
            self.executions.append(
                SimulatedExecution(
                    id: executionID,
                    orderID: order.id,
                    symbol: order.symbol,
                    side: order.side,
                    quantity: quantity,
                    price: price,
                    cumulativeQuantity: order.filledQuantity,
                    remainingQuantity: order.remainingQuantity,
                    at: self.now
                )
            )
        }
        updates.append(
            OrderUpdate(
                event: event,
                order: order,
                executionID: executionID,
                quantity: quantity,
                price: price,
                positionQuantity: self.markets[order.slot].position?.quantity ?? .zero,
                timestamp: self.now
            )
        )
    }

    var openOrderIndices: [Int] { self.markets.flatMap(\.openOrders).sorted() }

    mutating func dropClosedOrders(slot: Int) {
        self.markets[slot].openOrders.removeAll { !self.orders[$0].isOpen }
    }

    /// - Parameter excluding: The place of an order that is left out, with the rest of its group.
    func openSells(slot: Int, excluding: Int?) -> [SimulatedOrder] {
        let excludedGroup = excluding.flatMap { self.orders[$0].group?.id }
        return self.markets[slot].openOrders.filter { index in
            let order = self.orders[index]
            guard order.side == .sell, order.isOpen, index != excluding else { return false }
            return excludedGroup == nil || order.group?.id != excludedGroup
        }.map { self.orders[$0] }
    }

    /// What open sales hold together: each what it has not sold yet; the exits of a group the same shares, and before
    /// they are live those that its entry has bought.
    func reservedShares(_ sells: [SimulatedOrder]) -> Quantity {
        var sum = Quantity.zero
        var counted: Set<String> = []
        for order in sells {
            guard let group = order.group else {
                sum += order.remainingQuantity
                continue
            }
            guard counted.insert(group.id).inserted else { continue }
            sum += order.awaitsEntry ? self.boughtQuantity(ofGroup: group.id) : order.remainingQuantity
        }
        return sum
    }

    func reservedCash(excluding: Int?) -> Money {
        var sum = Money.zero
        for market in self.markets {
            for index in market.openOrders where index != excluding {
                let order = self.orders[index]
                guard order.side == .buy, order.isOpen,
                    let bound = self.boundPrice(limit: order.limitPrice, stop: order.stopPrice, slot: order.slot)
                else { continue }
                sum += Self.value(bound, order.remainingQuantity)
            }
        }
        return sum
    }

    /// The price a buy is reckoned with while it is open: its limit, else its stop, else the last tick.
    func boundPrice(limit: Price?, stop: Price?, slot: Int) -> Price? {
        limit ?? stop ?? self.markets[slot].lastPrice
    }

    static func value(_ price: Price, _ quantity: Quantity) -> Money {
        guard let value = try? price.times(quantity) else {
            preconditionFailure("\(quantity) shares at \(price) are worth more than the account can count")
        }
        return value
    }
}
