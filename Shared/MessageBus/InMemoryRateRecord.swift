import TradingCore

/// What is kept of one rate budget: when its requests left in the last minute, and the notice that stands. Behaves like
/// `RedisScript.takeRequest` and its companions, microsecond by microsecond.
struct InMemoryRateRecord: Sendable {
    private struct Notice {
        var notice: BrokerNotice
        /// In microseconds, as all times here.
        var end: Int64
        /// When the next protective request may leave.
        var spare: Int64
        var forgottenAt: Int64
    }

    private var departures: [Int64] = []
    private var notice: Notice?

    mutating func take(
        _ urgency: RequestUrgency,
        of budget: RateBudget,
        goesOn: Bool,
        now: Int64
    ) -> RateAnswer {
        self.forget(now)
        if let standing = self.notice, now < standing.end, !goesOn {
            let next = urgency.isProtective ? standing.spare : standing.end
            if now < next { return .noticed(standing.notice, retryAfter: .microseconds(next - now)) }
        }
        let window = RateBudget.window.microseconds
        self.departures.removeAll { $0 + window <= now || $0 > now }
        let excess = self.departures.count - budget.limit(for: urgency)
        if excess >= 0 { return .full(retryAfter: .microseconds(self.departures[excess] + window - now)) }
        self.departures.append(now)
        let left = max(budget.requestsPerMinute - self.departures.count, 0)
        guard let standing = self.notice else { return .admitted(left: left, probe: nil) }
        self.notice?.spare = now + BrokerNotice.spareInterval.microseconds
        guard now >= standing.end else { return .admitted(left: left, probe: nil) }
        let end = now + BrokerNotice.probeTime.microseconds
        self.notice?.end = end
        self.notice?.forgottenAt = end + BrokerNotice.memory.microseconds
        return .admitted(left: left, probe: end)
    }

    mutating func post(_ notice: BrokerNotice, for duration: Duration, now: Int64) {
        self.forget(now)
        let end = now + duration.microseconds
        if let standing = self.notice, standing.end >= end { return }
        self.notice = Notice(
            notice: notice,
            end: end,
            spare: now + BrokerNotice.spareInterval.microseconds,
            forgottenAt: end + BrokerNotice.memory.microseconds
        )
    }

    mutating func end(probe: Int64) {
        if self.notice?.end == probe { self.notice = nil }
    }

    private mutating func forget(_ now: Int64) {
        if let notice, now >= notice.forgottenAt { self.notice = nil }
    }
}
