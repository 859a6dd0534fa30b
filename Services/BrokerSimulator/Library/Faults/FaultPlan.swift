import Synchronization

/// The faults that are ordered, and how often each was met. From any thread.
final class FaultPlan: Sendable {
    private struct Entry {
        let order: FaultOrder
        /// Requests or messages that it could have struck.
        var met = 0
        var struck = 0
    }

    private let entries: Mutex<[Entry]>

    init(_ orders: [FaultOrder]) {
        self.entries = Mutex(orders.map { Entry(order: $0) })
    }

    /// What is to happen to the next one of its kind; nil for nothing. Of several, the one ordered first.
    func next(for target: FaultTarget) -> Fault? {
        self.entries.withLock { entries in
            var fault: Fault?
            for index in entries.indices where entries[index].order.target == target {
                let order = entries[index].order
                entries[index].met += 1
                let turn = entries[index].met - order.after - 1
                guard fault == nil, turn >= 0, turn % order.every == 0, entries[index].struck < order.times else {
                    continue
                }
                entries[index].struck += 1
                fault = order.fault
            }
            return fault
        }
    }

    func add(_ orders: [FaultOrder]) { self.entries.withLock { $0 += orders.map { Entry(order: $0) } } }

    func clear() { self.entries.withLock { $0 = [] } }

    /// Every order with the number of its strikes.
    var strikes: [(order: FaultOrder, count: Int)] {
        self.entries.withLock { $0.map { ($0.order, $0.struck) } }
    }
}
