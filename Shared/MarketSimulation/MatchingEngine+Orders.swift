import TradingCore

/// What clients ask of their orders.
extension MatchingEngine {
    /// Enters an order.
    ///
    /// - Returns: The order as the broker answers it (`pending_new` or `accepted`, nothing filled yet) and what happened
    ///   to it since.
    package mutating func submit(
        _ request: OrderRequest
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        try self.enter(request, replacing: nil)
    }

    /// Cancels an order, and with it every other open order of its group.
    package mutating func cancel(id: String) throws(OrderRefusal) -> [OrderUpdate] {
        guard let index = self.indexByID[id] else { throw .unknownOrder }
        guard self.orders[index].isOpen else { throw .notCancellable(self.orders[index].status) }
        var updates: [OrderUpdate] = []
        self.cancel(index, &updates)
        self.cancelGroup(of: index, &updates)
        return updates
    }

    /// The broker rejects an order it had taken, and cancels the rest of its group. What it has filled stays.
    package mutating func reject(id: String, reason: String) throws(OrderRefusal) -> [OrderUpdate] {
        guard let index = self.indexByID[id] else { throw .unknownOrder }
        guard self.orders[index].isOpen else { throw .notCancellable(self.orders[index].status) }
        var updates: [OrderUpdate] = []
        self.reject(index, reason, &updates)
        return updates
    }

    /// Replaces a live or held order by a new one with a new id, which holds what the old one has not filled and takes
    /// its part in the group. The members of a group share their quantity and time in force, which stay as they are.
    package mutating func replace(
        id: String,
        with change: OrderChange
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        guard let index = self.indexByID[id] else { throw .unknownOrder }
        let old = self.orders[index]
        guard [.new, .partiallyFilled, .held].contains(old.status) else { throw .notReplaceable(old.status) }
        let quantity = change.quantity ?? old.quantity
        if let group = old.group {
            guard quantity == old.quantity, (change.timeInForce ?? old.timeInForce) == old.timeInForce else {
                throw .invalid("qty and time_in_force of \(group.orderClass.rawValue) orders cannot be changed")
            }
        }
        guard quantity > old.filledQuantity else { throw .invalid("qty must exceed filled_qty") }
        let request = OrderRequest(
            symbol: old.symbol,
            side: old.side,
            kind: old.kind,
            timeInForce: change.timeInForce ?? old.timeInForce,
            quantity: quantity - old.filledQuantity,
            limitPrice: change.limitPrice ?? old.limitPrice,
            stopPrice: old.kind == .trailingStop ? change.stopPrice : change.stopPrice ?? old.stopPrice,
            trailPrice: old.trailPrice.map { price in change.trail.map { Price(raw: $0.raw) } ?? price },
            trailPercent: old.trailPercent.map { change.trail ?? $0 },
            clientOrderID: change.clientOrderID,
            extendedHours: old.extendedHours
        )
        let isSame =
            quantity == old.quantity && request.limitPrice == old.limitPrice
            && (old.kind == .trailingStop || request.stopPrice == old.stopPrice)
            && request.trailPrice == old.trailPrice && request.trailPercent == old.trailPercent
            && request.timeInForce == old.timeInForce
        guard !isSame else { throw .invalid("order parameters are not changed") }
        return try self.enter(request, replacing: index)
    }

    private mutating func enter(
        _ request: OrderRequest,
        replacing replaced: Int?
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        guard let slot = self.slots[request.symbol] else { throw .unknownSymbol(request.symbol) }
        if let problem = self.defect(of: request) { throw .invalid(problem) }
        let clientOrderID = try self.freeClientOrderID(request.clientOrderID, sequence: self.orders.count + 1)
        let awaitsEntry = replaced.map { self.orders[$0].awaitsEntry } ?? false
        switch request.side {
        case .buy: try self.checkBuyingPower(request, slot: slot, excluding: replaced)
        // What an exit will sell is not there before its entry has bought it.
        case .sell: if !awaitsEntry { try self.checkQuantity(request, slot: slot, excluding: replaced) }
        }
        let isLive = self.markets[slot].hasTickedThisSession
        let isHeld = replaced.map { self.orders[$0].status == .held } ?? false
        var order = self.makeOrder(request, clientOrderID: clientOrderID, sequence: self.orders.count + 1, slot: slot)
        order.status = isHeld ? .held : isLive ? .pendingNew : .accepted
        order.replaces = replaced.map { self.orders[$0].id }
        order.group = replaced.flatMap { self.orders[$0].group }
        order.fate = self.takeNextOrderFate()
        let isTooLate = replaced != nil && order.fate == .withheld
        var updates: [OrderUpdate] = []
        if let replaced, !isTooLate {
            self.orders[replaced].replacedBy = order.id
            self.orders[replaced].replacedAt = self.now
            self.finish(replaced, .replaced, .replaced, &updates)
        }
        let index = self.append(order)
        if isLive, !isHeld, !isTooLate {
            self.activate(index, &updates)
            self.match(index, &updates)
        }
        self.dropClosedOrders(slot: slot)
        return (order, updates)
    }

    /// The id a client gave, or else one made up.
    func freeClientOrderID(_ id: String?, sequence: Int) throws(OrderRefusal) -> String {
        let id = id ?? DerivedIdentifier.uuid("client order \(sequence)")
        guard self.indexByClientID[id] == nil else { throw .duplicateClientOrderID }
        return id
    }

    func makeOrder(_ request: OrderRequest, clientOrderID: String, sequence: Int, slot: Int) -> SimulatedOrder {
        SimulatedOrder(
            id: DerivedIdentifier.uuid("order \(clientOrderID)"),
            clientOrderID: clientOrderID,
            sequence: sequence,
            symbol: request.symbol,
            slot: slot,
            side: request.side,
            kind: request.kind,
            timeInForce: request.timeInForce,
            quantity: request.quantity,
            limitPrice: request.limitPrice,
            stopPrice: request.stopPrice,
            trailPrice: request.trailPrice,
            trailPercent: request.trailPercent,
            extendedHours: request.extendedHours,
            createdAt: self.now,
            status: .accepted,
            updatedAt: self.now
        )
    }

    /// - Returns: The order's place.
    mutating func append(_ order: SimulatedOrder) -> Int {
        let index = self.orders.count
        self.orders.append(order)
        self.indexByID[order.id] = index
        self.indexByClientID[order.clientOrderID] = index
        self.markets[order.slot].openOrders.append(index)
        if let group = order.group { self.groups[group.id, default: []].append(index) }
        return index
    }
}
