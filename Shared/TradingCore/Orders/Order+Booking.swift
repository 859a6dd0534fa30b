/// What booking a report changed.
package struct Booking: Hashable, Sendable {
    /// Shares filled that were not known before.
    package var newQuantity: Quantity
    /// What they cost or brought.
    package var newValue: Money
    /// The order's state changed, or shares were booked: somebody has to be told.
    package var isNews: Bool
    /// Shares were filled after the order had ended.
    package var isAlarming: Bool
}

extension Order {
    /// Books what the broker says. Fills are booked by cumulative quantity, so that the same execution told twice, by
    /// the stream and by a poll, counts once; out-of-order and repeated reports change nothing.
    ///
    /// Throws `JSONError` for a fill without a price, and `ArithmeticOverflow`; the order is then left as it was.
    package mutating func book(_ report: OrderReport) throws -> Booking {
        var newQuantity = Quantity.zero
        var newValue = Money.zero
        if report.filledQuantity > self.filledQuantity {
            newQuantity = report.filledQuantity - self.filledQuantity
            if let execution = report.execution, execution.quantity == newQuantity {
                newValue = try execution.price.times(newQuantity)
            } else if let average = report.averagePrice {
                // Some executions were missed: the average tells what all of them together came to.
                newValue = try average.times(report.filledQuantity).adding(-self.filledValue)
            } else {
                throw JSONError("the broker reports \(report.filledQuantity) filled of \(self.id) without a price")
            }
        }
        var event = report.event
        // A report that is late in everything but its quantity still tells of a fill.
        if newQuantity > .zero, event == .submitted || event == .accepted { event = .partiallyFilled }
        let before = self.state
        let step = OrderStateMachine.step(before, on: event)
        if newQuantity > .zero {
            self.filledValue = try self.filledValue.adding(newValue)
            self.filledQuantity = report.filledQuantity
            self.filledAt = report.timestamp
        }
        switch step {
        case .moves(let state): self.state = state
        case .alarmedFill(let state) where newQuantity > .zero: self.state = state
        case .alarmedFill, .absorbed: break
        }
        // Empty where we conclude something ourselves.
        if !report.brokerOrderID.isEmpty { self.brokerOrderID = report.brokerOrderID }
        if self.submittedAt == nil { self.submittedAt = report.submittedAt }
        return Booking(
            newQuantity: newQuantity,
            newValue: newValue,
            isNews: self.state != before || newQuantity > .zero,
            isAlarming: before.isTerminal && newQuantity > .zero
        )
    }
}
