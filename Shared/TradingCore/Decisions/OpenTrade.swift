/// A trade under change, with the steps it has taken.
package struct OpenTrade: Sendable {
    private let document: Versioned<Trade>
    package var trade: Trade
    private var steps: [Transition] = []

    package init(_ document: Versioned<Trade>) {
        self.document = document
        self.trade = document.value
    }

    package mutating func step(
        to state: TradeState,
        on trigger: TradeTrigger,
        at timestamp: Timestamp,
        message: MessageID
    ) throws(InvalidTransition) {
        self.steps.append(try self.trade.transition(to: state, on: trigger, at: timestamp, message: message))
    }

    /// Adds the change to the decision, if there is one.
    package func write(to decision: inout Decision) {
        guard self.trade != self.document.value else { return }
        var changed = self.document
        changed.value = self.trade
        decision.write(changed, history: self.steps)
    }
}
