import TradingCore

/// Orders that depend on each other.
extension MatchingEngine {
    /// Enters a group: all of its orders, or none.
    ///
    /// - Returns: The orders as the broker answers them, in the order of ``OrderGroupRequest/members``, and what happened
    ///   to them since.
    package mutating func submit(
        _ request: OrderGroupRequest
    ) throws(OrderRefusal) -> (orders: [SimulatedOrder], updates: [OrderUpdate]) {
        let members = request.members
        let first = members[0].request
        guard let slot = self.slots[first.symbol] else { throw .unknownSymbol(first.symbol) }
        for member in members {
            if let problem = self.defect(of: member.request) { throw .invalid(problem) }
        }
        try self.checkGroup(request, slot: slot)
        let firstSequence = self.orders.count + 1
        var orders: [SimulatedOrder] = []
        for (offset, member) in members.enumerated() {
            let sequence = firstSequence + offset
            let id = try self.freeClientOrderID(member.request.clientOrderID, sequence: sequence)
            guard !orders.contains(where: { $0.clientOrderID == id }) else { throw .duplicateClientOrderID }
            orders.append(self.makeOrder(member.request, clientOrderID: id, sequence: sequence, slot: slot))
        }
        switch first.side {
        case .buy: try self.checkBuyingPower(first, slot: slot, excluding: nil)
        case .sell: try self.checkQuantity(first, slot: slot, excluding: nil)
        }
        let isLive = self.markets[slot].hasTickedThisSession
        let groupID = DerivedIdentifier.uuid("group \(orders[0].clientOrderID)")
        for index in orders.indices {
            orders[index].group = OrderGroup(id: groupID, orderClass: request.orderClass, role: members[index].role)
            orders[index].status = index > 0 ? .held : isLive ? .pendingNew : .accepted
        }
        orders[0].fate = self.takeNextOrderFate()
        let indices = orders.map { self.append($0) }
        var updates: [OrderUpdate] = []
        if isLive {
            self.activate(indices[0], &updates)
            let live = indices.filter { self.orders[$0].status != .held }
            for index in self.stopsFirst(live) { self.match(index, &updates) }
        }
        self.dropClosedOrders(slot: slot)
        return (orders, updates)
    }

    /// Those that hang under the order that stands for its group, in order of entry; replaced ones are left out. Empty
    /// for every other order.
    package func legs(of order: SimulatedOrder) -> [SimulatedOrder] {
        guard let group = order.group, !order.isLeg, self.order(id: order.id)?.status != .replaced else { return [] }
        return self.members(ofGroup: group.id).filter { $0.isLeg && $0.status != .replaced }
    }

    /// In order of entry, replaced ones included.
    package func members(ofGroup id: String) -> [SimulatedOrder] { (self.groups[id] ?? []).map { self.orders[$0] } }

    /// The order that stands for the group of this one; the order itself when it is in none.
    package func parent(of order: SimulatedOrder) -> SimulatedOrder {
        guard let group = order.group, order.isLeg else { return order }
        return self.members(ofGroup: group.id).last { !$0.isLeg } ?? order
    }

    private func checkGroup(_ request: OrderGroupRequest, slot: Int) throws(OrderRefusal) {
        let name = request.orderClass.rawValue
        let requests = request.members.map(\.request)
        let first = requests[0]
        switch (request.orderClass, first.side) {
        case (.oneCancelsOther, .sell), (.bracket, .buy), (.oneTriggersOther, .buy): break
        case (.oneCancelsOther, .buy): throw .invalid("oco orders must be exit orders")
        case (_, .sell):
            guard self.markets[slot].position != nil else { throw .shortSale }
            throw .invalid("\(name) orders must be entry orders")
        }
        for member in requests.dropFirst() {
            guard member.symbol == first.symbol else { throw .invalid("\(name) orders must be of one symbol") }
            guard member.quantity == first.quantity else { throw .invalid("\(name) orders must have one qty") }
            guard member.side == .sell else { throw .invalid("\(name) orders must end in exit orders") }
        }
        guard requests.allSatisfy({ [.day, .goodTillCancelled].contains($0.timeInForce) }) else {
            throw .invalid("\(name) orders must be DAY or GTC orders")
        }
        guard !requests.contains(where: \.extendedHours) else {
            throw .invalid("extended hours orders must be simple orders")
        }
    }

    // MARK: What becomes of the others

    func openMembers(_ groupID: String) -> [Int] {
        (self.groups[groupID] ?? []).filter { self.orders[$0].isOpen }
    }

    func boughtQuantity(ofGroup groupID: String) -> Quantity {
        (self.groups[groupID] ?? []).reduce(.zero) { sum, index in
            self.orders[index].side == .buy ? sum + self.orders[index].filledQuantity : sum
        }
    }

    mutating func cancelGroup(of index: Int, _ updates: inout [OrderUpdate]) {
        guard let group = self.orders[index].group else { return }
        for other in self.openMembers(group.id) where other != index { self.cancel(other, &updates) }
    }

    /// - Parameter quantity: Of this fill.
    mutating func memberFilled(_ index: Int, _ quantity: Quantity, _ updates: inout [OrderUpdate]) {
        guard let group = self.orders[index].group else { return }
        let isComplete = self.orders[index].status == .filled
        switch group.role {
        case .entry:
            if isComplete { self.release(group.id, &updates) }
        case .takeProfit, .stopLoss:
            if isComplete {
                self.cancelGroup(of: index, &updates)
            } else {
                for other in self.openMembers(group.id) where other != index {
                    self.orders[other].quantity -= quantity
                    self.orders[other].updatedAt = self.now
                }
            }
        }
    }

    /// The exits go live, all before one is matched.
    private mutating func release(_ groupID: String, _ updates: inout [OrderUpdate]) {
        let exits = self.openMembers(groupID)
        for index in exits { self.activate(index, &updates) }
        for index in self.stopsFirst(exits) { self.match(index, &updates) }
    }

    // MARK: Turns

    /// The orders a tick meets, in order of entry, but of two exits the stop-loss first: what one tick could do to both
    /// is taken as the worse.
    func matchingOrder(slot: Int) -> [Int] {
        let indices = self.markets[slot].openOrders
        guard !self.groups.isEmpty else { return indices }
        return self.stopsFirst(indices.filter { self.orders[$0].status != .held })
    }

    /// Moves each stop-loss to just before its take-profit.
    private func stopsFirst(_ indices: [Int]) -> [Int] {
        var ordered: [Int] = []
        for index in indices where !ordered.contains(index) {
            if let group = self.orders[index].group, group.role == .takeProfit {
                ordered += indices.filter {
                    self.orders[$0].group?.id == group.id && self.orders[$0].group?.role == .stopLoss
                        && !ordered.contains($0)
                }
            }
            ordered.append(index)
        }
        return ordered
    }
}
