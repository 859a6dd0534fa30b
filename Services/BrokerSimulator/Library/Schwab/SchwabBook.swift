import MarketSimulation
import TradingCore

/// What this dialect remembers beside the matching engine: the orders that were taken with a 201 and rejected at once,
/// and what the account's stream has yet to be told.
///
/// Every order of the account has one number, whichever dialect it came through: numbers ascend in the order of entry.
struct SchwabBook {
    private(set) var rejections: [SchwabRejection] = []
    private(set) var announcements: [SchwabActivity] = []

    private static let firstNumber: Int64 = 1_000_000_001
    /// An OCO has a number of its own, which follows from that of its first order.
    private static let pairOffset: Int64 = 5_000_000_000

    /// - Parameter sequence: Of an order in the engine.
    func number(ofSequence sequence: Int) -> Int64 {
        Self.firstNumber + Int64(sequence - 1 + self.rejections.count { $0.entered < sequence })
    }

    /// The place among the engine's orders that a number stands for, which may lie outside of them.
    func index(ofNumber number: Int64) -> Int? {
        guard number >= Self.firstNumber, !self.rejections.contains(where: { $0.number == number }) else { return nil }
        return Int(number - Self.firstNumber) - self.rejections.count { $0.number < number }
    }

    /// - Parameter sequence: Of the first exit that was entered.
    func pairNumber(ofSequence sequence: Int) -> Int64 { self.number(ofSequence: sequence) + Self.pairOffset }

    /// The place of the first exit of the OCO that a number stands for, which may not be one.
    func index(ofPairNumber number: Int64) -> Int? { self.index(ofNumber: number - Self.pairOffset) }

    func rejection(number: Int64) -> SchwabRejection? { self.rejections.first { $0.number == number } }

    /// - Parameter entered: How many orders the engine had been given before.
    mutating func reject(_ submission: OrderSubmission, reason: String, entered: Int, at: Timestamp) -> Int64 {
        let number = Self.firstNumber + Int64(entered + self.rejections.count)
        self.rejections.append(
            SchwabRejection(number: number, submission: submission, reason: reason, entered: entered, at: at)
        )
        for kind in [SchwabActivity.Kind.orderCreated, .orderAccepted, .cancelAccepted, .orderUROutCompleted] {
            self.announcements.append(SchwabActivity(kind, number: number, symbol: submission.symbol, at: at))
        }
        return number
    }

    mutating func announce(_ activity: SchwabActivity) {
        self.announcements.append(activity)
    }

    /// What to tell about these updates, after what was to be told before.
    mutating func takeActivities(for updates: [OrderUpdate], orders: [SimulatedOrder]) -> [SchwabActivity] {
        let activities = self.announcements + updates.flatMap { self.activities(for: $0, orders: orders) }
        self.announcements = []
        return activities
    }

    private func activities(for update: OrderUpdate, orders: [SimulatedOrder]) -> [SchwabActivity] {
        let order = update.order
        let kinds: [SchwabActivity.Kind]
        switch update.event {
        case .new: kinds = order.replaces == nil ? [.orderAccepted] : [.changeCreated, .changeAccepted]
        case .partialFill: kinds = [.executionCreated]
        case .fill: kinds = [.executionCreated, .orderFillCompleted]
        case .cancelled, .replaced: kinds = [.cancelAccepted, .executionCreated, .orderUROutCompleted]
        case .expired: kinds = [.orderExpired, .orderUROutCompleted]
        case .rejected: kinds = [.cancelAccepted, .orderUROutCompleted]
        }
        let parent = order.replaces.flatMap { id in orders.first { $0.id == id } }
        return kinds.map { kind in
            var activity = SchwabActivity(
                kind,
                number: self.number(ofSequence: order.sequence),
                symbol: order.symbol,
                at: update.timestamp
            )
            activity.parent = update.event == .new ? parent.map { self.number(ofSequence: $0.sequence) } : nil
            if kind == .executionCreated || kind == .orderFillCompleted {
                activity.execution = SchwabActivity.Execution(update)
            }
            return activity
        }
    }
}

/// An order that was taken and rejected: the engine never had it.
struct SchwabRejection: Hashable {
    let number: Int64
    let submission: OrderSubmission
    let reason: String
    /// How many orders the engine had been given before.
    let entered: Int
    let at: Timestamp
}

extension SimulatedMarket {
    /// Call it after every change of orders, before anybody else gets at the market.
    mutating func takeSchwabActivities(for updates: [OrderUpdate]) -> [SchwabActivity] {
        guard !updates.isEmpty || !self.schwab.announcements.isEmpty else { return [] }
        return self.schwab.takeActivities(for: updates, orders: self.engine.orders)
    }
}
