/// The state of a breaker as the world sees it.
package enum BreakerState: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case closed
    case open
    case halfOpen = "half_open"
}

/// What kind of failure a call met.
package enum BreakerFailure: Hashable, Sendable {
    /// Transport error, timeout, 5xx or 429.
    case transient
    /// The login is dead (Schwab's expired token): no number of tries will help, so the breaker opens at once.
    case loginExpired
}

package struct BreakerSettings: Hashable, Sendable {
    /// Consecutive failures that open it.
    package var failureThreshold = 3
    package var openFor: Duration = .seconds(60)

    package init() {}
}

/// Closed → open after consecutive failures → half-open after a rest, where one probe decides.
///
/// A value without a clock: every call is told the time as a reading of one monotonic clock. Reports carry no token of
/// their request, since callers make one call at a time: in half-open the next report is the probe's.
package struct CircuitBreaker: Hashable, Sendable {
    package enum Permit: Hashable, Sendable {
        case allowed
        /// The one call that finds out whether the broker is back.
        case probe
        case refused(retryAfter: Duration)
    }

    private enum State: Hashable, Sendable {
        case closed(failures: Int)
        case open(until: Duration)
        case halfOpen
    }

    package let settings: BreakerSettings
    private var current: State = .closed(failures: 0)

    package init(settings: BreakerSettings = BreakerSettings()) {
        self.settings = settings
    }

    package var state: BreakerState {
        switch self.current {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// When a probe is let through; nil unless it is open.
    package var openUntil: Duration? {
        guard case .open(let until) = self.current else { return nil }
        return until
    }

    /// Asks to make a call. Whoever is allowed must report with `succeeded`, `failed` or `withdrawn`.
    package mutating func request(now: Duration) -> Permit {
        switch self.current {
        case .closed: return .allowed
        case .open(let until) where now >= until:
            self.current = .halfOpen
            return .probe
        case .open(let until): return .refused(retryAfter: until - now)
        // The probe is under way: everybody else waits for its result.
        case .halfOpen: return .refused(retryAfter: self.settings.openFor)
        }
    }

    /// The broker answered; a business refusal is an answer too.
    package mutating func succeeded() {
        switch self.current {
        case .closed, .halfOpen: self.current = .closed(failures: 0)
        // A call that began before the breaker opened says nothing about now.
        case .open: break
        }
    }

    /// The call that was allowed was not made after all: another may take its place.
    package mutating func withdrawn(now: Duration) {
        if case .halfOpen = self.current { self.current = .open(until: now) }
    }

    /// Somebody else has found out that calls are in vain until then.
    package mutating func open(until: Duration) {
        if case .open(let earlier) = self.current, earlier > until { return }
        self.current = .open(until: until)
    }

    package mutating func failed(_ failure: BreakerFailure, now: Duration) {
        switch (self.current, failure) {
        case (.open, .transient): break
        case (.closed(let failures), .transient) where failures + 1 < self.settings.failureThreshold:
            self.current = .closed(failures: failures + 1)
        case (.closed, .transient), (.halfOpen, .transient), (_, .loginExpired):
            self.current = .open(until: now + self.settings.openFor)
        }
    }
}
