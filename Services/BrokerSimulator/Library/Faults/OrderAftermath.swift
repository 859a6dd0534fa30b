import MarketSimulation

/// What is still to happen to an order after the broker has answered.
struct OrderAftermath: Hashable, Sendable {
    enum Outcome: Hashable {
        case rejected
        case cancelled
        case filled
        /// Of a replacement that came too late: the old order has filled, and this one is rejected.
        case overtaken(by: String)
    }

    let orderID: String
    let outcome: Outcome
    /// Real time, in which the replay stands still.
    let delay: Duration
}

extension FaultOrder {
    /// Of an order that is placed under this fault.
    var fate: OrderFate {
        switch self.fault {
        case .acceptThenReject: .withheld
        case .partialFill: .partial(percent: self.percent)
        case .filledSuccessor: .succeeded
        default: .ordinary
        }
    }
}

extension SimulatedMarket {
    /// Notes what is to become of an order that was just entered.
    mutating func follow(_ fault: FaultOrder?, on order: SimulatedOrder) {
        guard let fault else { return }
        let outcome: OrderAftermath.Outcome
        switch (fault.fault, order.replaces) {
        case (.acceptThenReject, _): outcome = .rejected
        case (.lateFill, let old?): outcome = .overtaken(by: old)
        case (.filledSuccessor, _):
            self.succeeding[order.id] = fault.duration
            return
        default: return
        }
        self.aftermaths.append(OrderAftermath(orderID: order.id, outcome: outcome, delay: fault.duration))
    }

    /// For how long the replay stands still after these, which came without a word that the client would understand.
    mutating func pauses(after updates: [OrderUpdate]) -> [Duration] {
        updates.compactMap { $0.event == .replaced ? self.succeeding.removeValue(forKey: $0.order.id) : nil }
    }

    mutating func replace(
        _ id: String,
        with change: OrderChange,
        _ fault: FaultOrder?
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        self.engine.nextOrderFate = fault?.fault == .lateFill ? .withheld : .ordinary
        defer { self.engine.nextOrderFate = .ordinary }
        let result = try self.engine.replace(id: id, with: change)
        self.follow(fault, on: result.order)
        return result
    }

    /// Cancels an order, at once or as the fault has it.
    mutating func cancel(_ id: String, _ fault: FaultOrder?) throws(OrderRefusal) -> [OrderUpdate] {
        let outcome: OrderAftermath.Outcome
        switch fault?.fault {
        case .slowCancel: outcome = .cancelled
        case .lateFill: outcome = .filled
        default: return try self.engine.cancel(id: id)
        }
        try self.engine.beginCancel(id: id)
        self.aftermaths.append(OrderAftermath(orderID: id, outcome: outcome, delay: fault?.duration ?? .zero))
        return []
    }

    mutating func complete(_ aftermath: OrderAftermath) -> [OrderUpdate] {
        let id = aftermath.orderID
        switch aftermath.outcome {
        case .rejected: return self.reject(id, "rejected by the exchange")
        // It may have ended meanwhile, and is then left as it is.
        case .cancelled: return (try? self.engine.cancel(id: id)) ?? []
        case .filled: return self.engine.fill(id: id)
        case .overtaken(let old):
            return self.reject(id, "the order to be replaced is filled") + self.engine.fill(id: old)
        }
    }

    private mutating func reject(_ id: String, _ reason: String) -> [OrderUpdate] {
        (try? self.engine.reject(id: id, reason: reason)) ?? []
    }
}
