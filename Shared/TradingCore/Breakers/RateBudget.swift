/// How many requests the processes that share an API key may send to one part of its API, all together.
///
/// Counted over the last minute rather than in a bucket that fills up: a bucket lets through what it holds on top of
/// what flows in, and half of the allowance would have to be given away to keep any minute below the limit.
package struct RateBudget: Hashable, Sendable {
    /// The same for all processes that share the key, without telling what the key is.
    package let id: String
    /// What of the API it is for, such as `trading`.
    package let part: String
    /// In any `window`, whatever the requests are for. At least 1.
    package let requestsPerMinute: Int
    /// What is kept for stops, exits and cancels, 0...1.
    package let reservedShare: Rate

    package static let window = Duration.seconds(60)

    /// `key` names broker and API key; it goes no further than a hash.
    package init(key: [String], part: String, requestsPerMinute: Int, reservedShare: Rate) {
        self.id = "\(StableHash.hexadecimal(["api key"] + key)):\(part)"
        self.part = part
        self.requestsPerMinute = max(requestsPerMinute, 1)
        self.reservedShare = min(max(reservedShare, .zero), .one)
    }

    /// A request of this urgency may leave while fewer than so many have left in the last minute. At least 1.
    package func limit(for urgency: RequestUrgency) -> Int {
        let reserved = self.reservedShare.raw
        let kept =
            switch urgency {
            case .exit: Int64(0)
            case .orders: reserved / 2
            case .entry: reserved
            // A tenth of what is left over is the entries'.
            case .data: reserved + (Rate.unit - reserved) / 10
            }
        return max(Int(Int128(self.requestsPerMinute) * Int128(Rate.unit - kept) / Int128(Rate.unit)), 1)
    }
}

/// What a request is for, the most urgent first.
package enum RequestUrgency: Int, Hashable, Sendable, CaseIterable {
    /// Stops, exits and every cancel.
    case exit
    /// What has become of orders.
    case orders
    case entry
    /// Account and market data.
    case data

    /// Goes on, sparingly, while a notice keeps the others quiet.
    package var isProtective: Bool { self == .exit || self == .orders }
}

/// What one process has learned of an API key that concerns all of them: until its end, requests would be in vain.
package struct BrokerNotice: Hashable, Sendable {
    package enum Cause: String, Hashable, Sendable {
        case loginExpired = "login_expired"
        case rateLimited = "rate_limited"
    }

    package let cause: Cause
    /// For people; never holds a credential.
    package let reason: String

    package init(_ cause: Cause, _ reason: String) {
        self.cause = cause
        self.reason = reason
    }

    /// Between two protective requests while a notice stands, all processes together.
    package static let spareInterval = Duration.seconds(5)
    /// After a notice's end one request finds out whether it is over; so long it has for that, before the next one is
    /// let through. Longer than a request takes.
    package static let probeTime = Duration.seconds(15)
    /// A notice that nobody has asked about for so long after its end is forgotten.
    package static let memory = Duration.seconds(600)
}

/// Whether a request may leave now.
package enum RateAnswer: Hashable, Sendable {
    /// It may, and is counted. `left`: how many protective requests more there are now. `probe`: if it finds out
    /// whether a notice is over, that notice's name for `endNotice`.
    case admitted(left: Int, probe: Int64?)
    /// Too many have left in the last minute.
    case full(retryAfter: Duration)
    /// A notice stands. `retryAfter`: when the next request of this urgency may be let through.
    case noticed(BrokerNotice, retryAfter: Duration)
}

/// Where the processes that share an API key count their requests and leave each other notices.
package protocol RateLedger {
    /// Asks for one request to be let through, and counts it if it is. Durations are precise to a microsecond.
    /// `goesOn`: it belongs to a protective call of which a request was let through before, so that no notice holds it
    /// back.
    func takeRequest(_ urgency: RequestUrgency, of budget: RateBudget, goesOn: Bool) throws -> RateAnswer
    /// Keeps every process quiet for `duration` from now, or for longer if an earlier notice says so.
    func postNotice(_ notice: BrokerNotice, on budget: RateBudget, for duration: Duration) throws
    /// The probe was answered: the notice is over, unless there is a newer one.
    func endNotice(probe: Int64, on budget: RateBudget) throws
}

extension RateLedger {
    /// Asks for a call's first request.
    package func takeRequest(_ urgency: RequestUrgency, of budget: RateBudget) throws -> RateAnswer {
        try self.takeRequest(urgency, of: budget, goesOn: false)
    }
}
