/// A step the state machine's table does not have. Whatever was to take it is left as it was.
package struct InvalidTransition: Error, Hashable, CustomStringConvertible {
    package let from: String
    package let to: String
    package let trigger: String

    package init(from: String, to: String, trigger: String) {
        self.from = from
        self.to = to
        self.trigger = trigger
    }

    package var description: String {
        "InvalidTransition: \(self.from) → \(self.to) on \(self.trigger) is no step of the state machine"
    }
}

/// Every step a trade may take. CLOSED and CANCELLED are its ends, with one alarmed exception: a fill that the broker
/// reports of an entry already given up is real, and makes a position that needs its stop like any other.
package enum TradeStateMachine {
    /// The state `trigger` leads to; nil where the table has no such row. A state and a trigger have at most one row.
    package static func next(_ state: TradeState, on trigger: TradeTrigger) -> TradeState? {
        switch (state, trigger) {
        case (.scanning, .candidateFound): .setupDetected
        case (.setupDetected, .tradeApproved): .entryApproved
        case (.setupDetected, .tradeRejected): .scanning
        case (.entryApproved, .orderSubmitted): .orderPlaced
        case (.entryApproved, .orderCancelled), (.entryApproved, .orderRejected): .cancelled
        case (.orderPlaced, .orderFilled), (.cancelled, .orderFilled): .filled
        case (.orderPlaced, .orderCancelled), (.orderPlaced, .orderRejected): .cancelled
        case (.filled, .stopSet): .holding
        case (.filled, .unprotected), (.holding, .unprotected): .exitTriggered
        case (.holding, .targetHit), (.holding, .stopHit), (.holding, .exitSignal): .exitTriggered
        case (.exitTriggered, .orderSubmitted): .orderClosing
        case (.orderClosing, .orderFilled): .closed
        case (.orderClosing, .orderCancelled), (.orderClosing, .orderRejected): .exitTriggered
        default: nil
        }
    }

    /// Throws `InvalidTransition` unless the table leads from `from` to `to` on `trigger`.
    package static func check(
        from: TradeState,
        to: TradeState,
        on trigger: TradeTrigger
    ) throws(InvalidTransition) {
        guard Self.next(from, on: trigger) == to else {
            throw InvalidTransition(from: from.rawValue, to: to.rawValue, trigger: trigger.rawValue)
        }
    }
}
