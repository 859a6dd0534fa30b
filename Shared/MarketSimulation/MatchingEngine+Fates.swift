import TradingCore

/// What the market has in store for an order.
package enum OrderFate: Hashable, Sendable {
    case ordinary
    /// Fills when somebody says so, whatever the ticks are. A replacement with this fate has come too late: the order
    /// that it was to replace stays open.
    case withheld
    /// So many percent of it fill when all of it should, 1 to 99, and nothing after.
    case partial(percent: Int64)
    /// When it fills, it turns out to have been replaced by an order of another id, and that one fills.
    case succeeded
}

/// Orders that go other ways than the ticks would have them go.
extension MatchingEngine {
    mutating func takeNextOrderFate() -> OrderFate {
        defer { self.nextOrderFate = .ordinary }
        return self.nextOrderFate
    }

    /// The order is to be cancelled: until it is, it can fill.
    package mutating func beginCancel(id: String) throws(OrderRefusal) {
        guard let index = self.indexByID[id] else { throw .unknownOrder }
        guard self.orders[index].isOpen, self.orders[index].status != .pendingCancel else {
            throw .notCancellable(self.orders[index].status)
        }
        self.orders[index].status = .pendingCancel
        self.orders[index].updatedAt = self.now
    }

    /// Fills an order at its own price, or at the last tick if it has none; nothing, if it has ended or there is no price.
    package mutating func fill(id: String) -> [OrderUpdate] {
        guard let index = self.indexByID[id], self.orders[index].isOpen else { return [] }
        let order = self.orders[index]
        var updates: [OrderUpdate] = []
        if let price = order.limitPrice ?? order.stopPrice ?? self.markets[order.slot].lastPrice {
            self.orders[index].fate = .ordinary
            self.fill(index, at: price, &updates)
        }
        self.dropClosedOrders(slot: order.slot)
        return updates
    }

    /// Puts another order in the place of one, without anybody's wish.
    ///
    /// - Returns: The place of the new one.
    mutating func succeed(_ index: Int, _ updates: inout [OrderUpdate]) -> Int {
        var order = self.orders[index]
        let request = OrderRequest(
            symbol: order.symbol,
            side: order.side,
            kind: order.kind,
            timeInForce: order.timeInForce,
            quantity: order.remainingQuantity,
            limitPrice: order.limitPrice,
            stopPrice: order.stopPrice,
            trailPrice: order.trailPrice,
            trailPercent: order.trailPercent,
            extendedHours: order.extendedHours
        )
        let sequence = self.orders.count + 1
        order = self.makeOrder(
            request,
            clientOrderID: DerivedIdentifier.uuid("client order \(sequence)"),
            sequence: sequence,
            slot: order.slot
        )
        order.replaces = self.orders[index].id
        order.group = self.orders[index].group
        order.status = .new
        self.orders[index].replacedBy = order.id
        self.orders[index].replacedAt = self.now
        self.finish(index, .replaced, .replaced, &updates)
        let successor = self.append(order)
        self.report(.new, successor, &updates)
        return successor
    }
}
