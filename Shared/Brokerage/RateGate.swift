import HTTPTransport
package import TradingCore

/// Lets the requests of one lane through when the API key's budget has room for them, and shares with all other
/// processes what the broker says about the key: nothing but exits and questions about orders leaves while a login has
/// expired or a rate limit is exceeded, and these sparingly. Of a protective call all requests go or none: a cancel
/// that could look and not cancel would be for nothing.
///
/// Belongs to the lane's thread and blocks it while it waits for room.
package final class RateGate {
    private let ledger: any RateLedger
    private let budgets: RateBudgets
    private let now: () -> Duration
    private let pause: (Duration) -> Bool
    private var urgency = RequestUrgency.data
    /// How long the present call may still wait for room, all its requests together.
    private var patience = Duration.zero
    /// Whether a request of the present call was let through before.
    private var hasBegun = false
    /// By the monotonic clock: from then on nothing of the present call may leave.
    private var deadline: Duration?
    /// How long the notice that held the last request back keeps requests like it quiet; nil if that was not why.
    private(set) var quietFor: Duration?

    /// After an answer that says no more than that there were too many requests: both brokers count by the minute.
    private static let longestQuiet = Duration.seconds(60)

    /// `now` reads a monotonic clock; `pause` blocks the thread for about that long, and is false when the process is
    /// to stop instead.
    package init(
        ledger: any RateLedger,
        budgets: RateBudgets,
        now: @escaping () -> Duration,
        pause: @escaping (Duration) -> Bool
    ) {
        self.ledger = ledger
        self.budgets = budgets
        self.now = now
        self.pause = pause
    }

    /// What leaves from now on belongs to a call of this urgency. `window`: how long its requests may leave at all; nil
    /// sets no end.
    func begin(_ urgency: RequestUrgency, within window: Duration? = nil) {
        self.hasBegun = false
        self.deadline = window.map { self.now() + $0 }
        self.goOn(as: urgency)
    }

    /// The rest of the present call is of this urgency.
    func goOn(as urgency: RequestUrgency) {
        self.urgency = urgency
        // A call that waits is a call that is not answered: another replica would take it over in the end, so that what
        // concerns orders is rather asked for again. Exits wait behind a question about orders on the same thread, so
        // that it does not wait at all. Data may come in many pages, which all have to be waited for.
        self.patience =
            switch urgency {
            case .exit: .seconds(6)
            case .orders: .zero
            case .entry: .seconds(3)
            case .data: RateBudget.window
            }
    }

    /// Waits for room. Returns the probe that the request is, if it is one.
    func admit(_ part: RateBudgets.Part) throws(HTTPTransportError) -> Int64? {
        self.quietFor = nil
        try self.checkDeadline()
        guard let budget = self.budgets[part] else { return nil }
        if self.urgency == .data { self.patience = RateBudget.window }
        while true {
            let wait: Duration
            let reason: String
            switch try self.take(budget) {
            case .admitted(_, let probe):
                // Asking and waiting take time.
                try self.checkDeadline()
                self.hasBegun = true
                return probe
            case .full(let retryAfter):
                wait = retryAfter
                reason =
                    "the rate budget of \(budget.limit(for: self.urgency)) requests a minute is used up for another "
                    + "\(Self.seconds(wait))"
            case .noticed(let notice, let retryAfter):
                wait = retryAfter
                reason = "\(notice.reason); for another \(Self.seconds(wait)) nothing like it is sent"
                guard self.urgency.isProtective else {
                    self.quietFor = wait
                    throw .withheld(reason)
                }
            }
            guard wait <= self.patience else { throw .withheld(reason) }
            if let deadline, self.now() + wait >= deadline {
                throw .withheld("\(reason), and by then the time in which it may be sent is over")
            }
            let start = self.now()
            guard self.pause(wait) else { throw .withheld("the process stops; \(reason)") }
            // Clocks are not as fine as the ledger's.
            self.patience -= max(self.now() - start, .milliseconds(1))
        }
    }

    /// What the answer to a request that was let through says about the key.
    func answered(_ response: HTTPResponse, _ part: RateBudgets.Part, probe: Int64?, at time: Timestamp) {
        guard let budget = self.budgets[part] else { return }
        // The answer counts whatever becomes of the notice: a ledger that is out of reach now is found so at the
        // commit, too.
        switch response.status {
        case 429:
            let notice = BrokerNotice(.rateLimited, "the broker's rate limit is exceeded (HTTP 429)")
            try? self.ledger.postNotice(notice, on: budget, for: response.quietPeriod(at: time) ?? Self.longestQuiet)
        case 401, 500...: break
        default: if let probe { try? self.ledger.endNotice(probe: probe, on: budget) }
        }
    }

    /// Nothing will be answered until a person has logged in; looked at again after `duration`.
    func loginExpired(_ reason: String, for duration: Duration) {
        for budget in self.budgets.all {
            try? self.ledger.postNotice(BrokerNotice(.loginExpired, reason), on: budget, for: duration)
        }
    }

    private func checkDeadline() throws(HTTPTransportError) {
        guard let deadline, self.now() >= deadline else { return }
        throw .withheld("the time in which it may be sent is over")
    }

    private func take(_ budget: RateBudget) throws(HTTPTransportError) -> RateAnswer {
        do {
            let goesOn = self.hasBegun && self.urgency.isProtective
            return try self.ledger.takeRequest(self.urgency, of: budget, goesOn: goesOn)
        } catch {
            throw .withheld("the rate budget cannot be asked, so nothing is sent: \(error)")
        }
    }

    private static func seconds(_ duration: Duration) -> String { "\(duration.components.seconds + 1) s" }
}

extension RequestUrgency {
    package init(of call: BrokerCall) {
        switch call.operation {
        case .place: self = call.lane == .protective ? .exit : .entry
        case .cancel: self = .exit
        // A sale waits to know what is held now.
        case .find, .reconcile, .holdings(since: nil): self = .orders
        case .account, .holdings, .clock, .calendar, .bars, .latestQuotes: self = .data
        }
    }
}

extension HTTPTransportError {
    fileprivate static func withheld(_ reason: String) -> HTTPTransportError {
        HTTPTransportError(code: .withheld, message: reason, requestMayHaveBeenSent: false)
    }
}

extension HTTPResponse {
    /// `Retry-After` in seconds, or `X-RateLimit-Reset` in seconds since 1970 by the broker's clock; 1 s to 60 s.
    fileprivate func quietPeriod(at time: Timestamp) -> Duration? {
        func seconds(_ name: String) -> Int64? { self.header(name).flatMap { Int64($0) } }
        var period: Duration?
        if let retryAfter = seconds("Retry-After") {
            period = .seconds(min(retryAfter, 3600))
        } else if let reset = seconds("X-RateLimit-Reset") {
            let brokerTime = self.header("Date").flatMap { Timestamp(httpDate: $0) } ?? time
            period = Timestamp(seconds: reset) - brokerTime
        }
        return period.map { min(max($0, .seconds(1)), .seconds(60)) }
    }
}
