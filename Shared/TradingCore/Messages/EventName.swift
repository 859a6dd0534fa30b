/// The events on the wire: `<agent>.<action>.<status>`.
package enum EventName: String, Hashable, Sendable, CaseIterable {
    case quoteRequested = "market_data.quote.requested"
    case barsRequested = "market_data.bars.requested"
    case statusRequested = "market_data.status.requested"
    case quoteUpdated = "market_data.quote.updated"
    case barsReceived = "market_data.bars.received"
    case marketStatus = "market_data.market.status"

    case scanStarted = "strategy.scan.started"
    case candidateFound = "strategy.candidate.found"
    case entrySignal = "strategy.entry.signal"
    case exitSignal = "strategy.exit.signal"

    case tradeApproved = "risk.trade.approved"
    case tradeRejected = "risk.trade.rejected"
    case limitExceeded = "risk.limit.exceeded"

    case orderSubmitted = "order.submitted"
    case orderPartiallyFilled = "order.partially_filled"
    case orderFilled = "order.filled"
    case orderCancelled = "order.cancelled"
    case orderRejected = "order.rejected"
    case orderUnknown = "order.unknown"

    case positionOpened = "position.opened"
    case stopSet = "position.stop.set"
    case targetHit = "position.target.hit"
    case stopHit = "position.stop.hit"
    case positionUnprotected = "position.unprotected"
    case positionClosed = "position.closed"

    case breakerStateChanged = "circuit_breaker.state.changed"
    case tradingHalted = "system.trading.halted"
    case tradingResumed = "system.trading.resumed"

    // Private: not published. What an agent and its broker lanes say to each other rides on streams named after them;
    // what one agent asks of exactly one other, on a stream of its own like every event.
    case brokerCallRequested = "broker.call.requested"
    case brokerCallCompleted = "broker.call.completed"
    case exitRequested = "order.exit.requested"
    case ordersMoved = "broker.orders.moved"
    case abortRequested = "order.abort.requested"

    /// Spellings accepted wherever a name is read and never written.
    package static let olderSpellings: [String: EventName] = [
        "market_data.get_quote": .quoteRequested,
        "market_data.get_bars": .barsRequested,
        "market_data.check_status": .statusRequested,
        "market_data.quote_updated": .quoteUpdated,
        "market_data.bars_received": .barsReceived,
        "market_data.market_status": .marketStatus,
        "strategy.candidate_found": .candidateFound,
        "risk.trade_approved": .tradeApproved,
        "order.submit": .orderSubmitted,
        "order.submit.success": .orderSubmitted,
        "position.stop_set": .stopSet,
        "position.target_hit": .targetHit,
        "position.stop_hit": .stopHit,
    ]

    /// The event of that name, in today's or an older spelling.
    package init?(spelling: String) {
        guard let event = EventName(rawValue: spelling) ?? Self.olderSpellings[spelling] else { return nil }
        self = event
    }

    /// Private events are not published.
    package var isPrivate: Bool {
        switch self {
        case .brokerCallRequested, .brokerCallCompleted, .exitRequested, .abortRequested, .ordersMoved: true
        default: false
        }
    }

    /// The stream the event rides on, whatever it is but a broker call or its answer.
    package var stream: StreamName { StreamName(rawValue: self.rawValue) }
}
