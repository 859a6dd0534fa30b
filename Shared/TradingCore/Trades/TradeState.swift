/// Where a trade stands in its life.
package enum TradeState: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case scanning = "SCANNING"
    case setupDetected = "SETUP_DETECTED"
    case entryApproved = "ENTRY_APPROVED"
    case orderPlaced = "ORDER_PLACED"
    case filled = "FILLED"
    case holding = "HOLDING"
    case exitTriggered = "EXIT_TRIGGERED"
    case orderClosing = "ORDER_CLOSING"
    case closed = "CLOSED"
    case cancelled = "CANCELLED"

    package var isTerminal: Bool { self == .closed || self == .cancelled }
}

/// What moves a trade from one state to the next. The raw value is the name of the event that did it.
package enum TradeTrigger: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case candidateFound = "strategy.candidate.found"
    case tradeApproved = "risk.trade.approved"
    case tradeRejected = "risk.trade.rejected"
    case orderSubmitted = "order.submitted"
    case orderFilled = "order.filled"
    case orderCancelled = "order.cancelled"
    case orderRejected = "order.rejected"
    case stopSet = "position.stop.set"
    case targetHit = "position.target.hit"
    case stopHit = "position.stop.hit"
    case exitSignal = "strategy.exit.signal"
    case unprotected = "position.unprotected"
}
