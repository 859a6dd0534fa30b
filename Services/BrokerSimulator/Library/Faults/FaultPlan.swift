import Synchronization

/// The faults that are ordered, and how often each was met. From any thread.
final class FaultPlan: Sendable {
    fileprivate struct Entry {
        let order: FaultOrder
        /// Requests, messages or sessions that it could have struck.
        var met = 0
        var struck = 0
        /// Until then it strikes everything.
        var lastsUntil: ContinuousClock.Instant?
    }

    private let entries: Mutex<[Entry]>
    private let now: @Sendable () -> ContinuousClock.Instant

    init(_ orders: [FaultOrder], now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.entries = Mutex(orders.map { Entry(order: $0) })
        self.now = now
    }

    /// What is to happen to the next one of its kind; nil for nothing. Of several, the one ordered first.
    ///
    /// - Parameter isSchwab: Whether the faults of that dialect alone count.
    func next(for target: FaultTarget, isSchwab: Bool = true) -> FaultOrder? {
        let now = self.now()
        return self.entries.withLock { entries in
            var struck: FaultOrder?
            for index in entries.indices where entries[index].order.target == target {
                let order = entries[index].order
                guard isSchwab || !order.fault.isOfSchwab else { continue }
                entries[index].met += 1
                guard struck == nil, entries[index].isDue(at: now) else { continue }
                entries[index].struck += 1
                if target == .connect, entries[index].lastsUntil == nil {
                    entries[index].lastsUntil = now + order.duration
                }
                struck = order
            }
            return struck
        }
    }

    func add(_ orders: [FaultOrder]) { self.entries.withLock { $0 += orders.map { Entry(order: $0) } } }

    /// Ends these, or all.
    ///
    /// - Returns: Whether there were any.
    func remove(_ orders: [FaultOrder]? = nil) -> Bool {
        self.entries.withLock { entries in
            let before = entries.count
            entries.removeAll { entry in orders?.contains(entry.order) ?? true }
            return entries.count < before
        }
    }

    /// Every order with the number of its strikes.
    var strikes: [(order: FaultOrder, count: Int)] {
        self.entries.withLock { $0.map { ($0.order, $0.struck) } }
    }
}

extension FaultPlan.Entry {
    fileprivate func isDue(at now: ContinuousClock.Instant) -> Bool {
        if let lastsUntil, now < lastsUntil { return true }
        let turn = self.met - self.order.after - 1
        return turn >= 0 && turn % self.order.every == 0 && self.struck < self.order.times
    }
}
