import TradingCore

/// One order and those that followed it under other ids, each in the place of the one before.
struct AlpacaOrderLife {
    private var orders: [AlpacaOrder]
    /// Whether what goes on in its place is another order of the ledger's: then this one has ended.
    var endsReplaced = false

    init(_ order: AlpacaOrder) {
        self.orders = [order]
    }

    var count: Int { self.orders.count }

    /// The id of the order that goes on in the place of the last one; nil where none does.
    var successor: String? {
        guard !self.endsReplaced, let last = self.orders.last, last.isReplaced else { return nil }
        return last.replacedBy
    }

    mutating func goOn(as order: AlpacaOrder) { self.orders.append(order) }

    private var event: OrderEvent {
        guard let last = self.orders.last else { return .outcomeUnknown }
        if self.endsReplaced { return .cancelled }
        return !last.event.isTerminal && self.orders.contains { $0.filledQuantity > .zero }
            ? .partiallyFilled : last.event
    }

    /// Each order's fills are its own.
    private func fills(into shares: inout FilledShares) throws(ArithmeticOverflow) {
        for order in self.orders {
            if let price = order.filledAveragePrice { try shares.add(order.filledQuantity, at: price) }
        }
    }

    func report(_ id: ClientOrderID) throws(BrokerError) -> OrderReport {
        try Self.report(id, [self], event: { _ in self.event })
    }

    /// Several orders of which one cancels the others, as the one that they are in the ledger.
    static func report(
        _ id: ClientOrderID,
        _ lives: [AlpacaOrderLife],
        of quantity: Quantity
    ) throws(BrokerError) -> OrderReport {
        try Self.report(id, lives) { .ofAlternatives(lives.map(\.event), filled: $0, of: quantity) }
    }

    private static func report(
        _ id: ClientOrderID,
        _ lives: [AlpacaOrderLife],
        event: (Quantity) -> OrderEvent
    ) throws(BrokerError) -> OrderReport {
        let lasts = lives.compactMap(\.orders.last)
        guard let first = lives.first?.orders.first, let last = lasts.first else {
            throw BrokerError(.unreadable, "there is nothing to tell of order \(id)")
        }
        var shares = FilledShares()
        let averagePrice: Price?
        do throws(ArithmeticOverflow) {
            for life in lives { try life.fills(into: &shares) }
            averagePrice = try shares.averagePrice()
        } catch {
            throw BrokerError(.unreadable, "order \(id): \(error)")
        }
        var report = last.report(id)
        report.event = event(shares.quantity)
        report.filledQuantity = shares.quantity
        report.averagePrice = averagePrice
        report.submittedAt = first.submittedAt
        report.timestamp = lasts.map(\.changedAt).max() ?? last.changedAt
        return report
    }
}
