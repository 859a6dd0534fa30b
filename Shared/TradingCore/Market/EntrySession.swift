/// The session for which an entry is meant. An order that rests past its session buys at a price nobody has decided on.
package enum EntrySession: String, Hashable, Sendable, CaseIterable, JSONCodable {
    /// The one that is open when the strategy says so.
    case current
    /// The one that opens next: decided while the market is closed, and sent before it opens.
    case next
}

extension EntrySession {
    /// Why an entry for this session may not go out now; nil if it may.
    ///
    /// - Parameters:
    ///   - clock: how far the market has come; nil if nobody has told yet.
    ///   - signaledAt: the market time of the bar or news that the entry follows from.
    package func objection(_ clock: MarketClock?, signaledAt: Timestamp) -> String? {
        guard let clock, let isOpen = clock.isOpen else { return "it is not known yet whether the market is open" }
        let boundary = clock.lastBoundary
        switch self {
        case .current:
            if !isOpen { return "meant for the session that was open at \(signaledAt), and the market is closed" }
            if boundary > signaledAt { return "signaled at \(signaledAt), before the session opened at \(boundary)" }
        case .next:
            if isOpen { return "meant for the session after \(signaledAt), which is open since \(boundary)" }
            // An intraday bar may end hours before its session does.
            if boundary > signaledAt, NewYorkTime.date(of: boundary) > NewYorkTime.date(of: signaledAt) {
                return "meant for the session after \(signaledAt), which has closed at \(boundary)"
            }
        }
        return nil
    }
}
