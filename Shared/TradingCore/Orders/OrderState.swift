/// Where one order stands.
package enum OrderState: String, Hashable, Sendable, CaseIterable, JSONCodable {
    /// Written down, not yet sent.
    case intent
    /// Sent and answered; the broker has it.
    case submitted
    /// Working, or queued for the next session.
    case accepted
    case partiallyFilled = "partially_filled"
    case filled
    case cancelled
    case rejected
    case expired
    /// Sent, and nobody knows what became of it: ask, never send again blindly.
    case unknown

    package var isTerminal: Bool {
        switch self {
        case .filled, .cancelled, .rejected, .expired: true
        case .intent, .submitted, .accepted, .partiallyFilled, .unknown: false
        }
    }
}

/// What happened to an order, as its broker or our own sending tells it.
package enum OrderEvent: String, Hashable, Sendable, CaseIterable {
    case submitted
    case accepted
    case partiallyFilled = "partially_filled"
    case filled
    case cancelled
    case rejected
    case expired
    case outcomeUnknown = "outcome_unknown"

    package var isTerminal: Bool {
        switch self {
        case .filled, .cancelled, .rejected, .expired: true
        case .submitted, .accepted, .partiallyFilled, .outcomeUnknown: false
        }
    }
}
