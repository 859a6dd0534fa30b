/// A login that a person has to renew, as it was looked up at one moment. Brokers whose keys do not end have none.
package struct BrokerLogin: Hashable, Sendable, CustomStringConvertible {
    package enum State: Hashable, Sendable {
        /// Lasts until then, or has ended then.
        case ending(Timestamp)
        /// Nobody has logged in; the text says what is missing and what to do.
        case missing(String)
    }

    package var state: State
    /// When this was looked up, by the wall clock: that is what logins end by, also in a replay.
    package var asOf: Timestamp
    /// What a person has to do, such as "log in with `tradectl schwab login`".
    package var remedy: String

    package init(_ state: State, asOf: Timestamp, remedy: String) {
        self.state = state
        self.asOf = asOf
        self.remedy = remedy
    }

    /// Negative when the login has ended; zero when there is none.
    package var timeLeft: Duration {
        switch self.state {
        case .ending(let end): end - self.asOf
        case .missing: .zero
        }
    }

    /// Nil when there is no login.
    package var endsAt: Timestamp? {
        if case .ending(let end) = self.state { end } else { nil }
    }

    /// Such as "the login ends in 2 days and 3 h, at 2026-11-30T14:30:00Z".
    package var description: String {
        switch self.state {
        case .missing(let problem): problem
        case .ending(let end) where self.timeLeft > .zero:
            "the login ends in \(Self.text(of: self.timeLeft)), at \(Timestamp(seconds: end.seconds))"
        case .ending(let end): "the login has ended, at \(Timestamp(seconds: end.seconds))"
        }
    }

    /// The state and what a person has to do about it, said once.
    package var advice: String {
        switch self.state {
        case .missing: self.description
        case .ending: "\(self): \(self.remedy)"
        }
    }

    /// In the units that matter to a person: days and hours, or hours and minutes. Rounded down.
    package static func text(of duration: Duration) -> String {
        let (hours, seconds) = duration.components.seconds.quotientAndRemainder(dividingBy: 3600)
        let minutes = seconds / 60
        switch hours {
        case ..<1: return "\(minutes) min"
        case ..<24: return minutes == 0 ? "\(hours) h" : "\(hours) h and \(minutes) min"
        default:
            let (days, rest) = hours.quotientAndRemainder(dividingBy: 24)
            return (days == 1 ? "1 day" : "\(days) days") + (rest == 0 ? "" : " and \(rest) h")
        }
    }
}
