package import TradingCore

/// Makes the calls of one lane: behind its breaker, each order at most once, unknown outcomes asked about.
///
/// Belongs to the lane's thread and blocks it.
package final class BrokerDesk {
    /// What a person has to see of a breaker.
    package typealias BreakerChanged = (_ from: BreakerState, _ to: BreakerState, _ reason: String) -> Void

    private let broker: any Broker
    private var breaker: CircuitBreaker
    private let now: () -> Duration
    private let pause: (Duration) -> Bool
    private let breakerChanged: BreakerChanged
    /// How long a cancelled order is watched for its terminal state.
    private let cancelPatience: Duration

    /// `now` reads a monotonic clock; `pause` blocks the thread for about that long, and is
    /// false when the process is to stop instead.
    package init(
        broker: any Broker,
        breaker: BreakerSettings = BreakerSettings(),
        cancelPatience: Duration = .seconds(2),
        now: @escaping () -> Duration,
        pause: @escaping (Duration) -> Bool,
        breakerChanged: @escaping BreakerChanged
    ) {
        self.broker = broker
        self.breaker = CircuitBreaker(settings: breaker)
        self.cancelPatience = cancelPatience
        self.now = now
        self.pause = pause
        self.breakerChanged = breakerChanged
    }

    /// `mayHaveBeenMade`: the call was handed out before and its worker died; an order is looked up before it is sent.
    package func perform(_ call: BrokerCall, mayHaveBeenMade: Bool) -> BrokerAnswer {
        do throws(BrokerError) {
            return BrokerAnswer(call, try self.outcome(of: call, mayHaveBeenMade: mayHaveBeenMade))
        } catch {
            switch error.kind {
            case .refused(let code): return BrokerAnswer(call, .refused(code: code, reason: error.reason))
            case .notExecuted:
                // This attempt did not reach the broker, but an earlier one may have.
                if mayHaveBeenMade, case .place = call.operation {
                    return BrokerAnswer(call, .unknown(reason: error.reason))
                }
                return BrokerAnswer(call, .unavailable(reason: error.reason))
            case .unknownOutcome: return BrokerAnswer(call, .unknown(reason: error.reason))
            }
        }
    }

    private func outcome(
        of call: BrokerCall,
        mayHaveBeenMade: Bool
    ) throws(BrokerError) -> BrokerAnswer.Outcome {
        switch call.operation {
        case .place(let terms):
            if mayHaveBeenMade,
                let known = try self.guarded({ () throws(BrokerError) in
                    try self.broker.order(terms.clientOrderID)
                })
            {
                return .orders([known])
            }
            return .orders([try self.guarded { () throws(BrokerError) in try self.broker.place(terms) }])
        case .cancel(let id): return try self.cancel(id)
        case .find(let id):
            let report = try self.guarded { () throws(BrokerError) in try self.broker.order(id) }
            return report.map { .orders([$0]) } ?? .notFound
        case .reconcile(let ids):
            var reports: [OrderReport] = []
            for id in ids {
                if let report = try self.guarded({ () throws(BrokerError) in try self.broker.order(id) }) {
                    reports.append(report)
                }
            }
            return .orders(reports)
        case .account:
            let account = try self.guarded { () throws(BrokerError) in try self.broker.account() }
            return .account(cash: account.cash, equity: account.equity)
        case .clock: return .clock(try self.guarded { () throws(BrokerError) in try self.broker.clock() })
        case .calendar(let start, let end):
            return .sessions(
                try self.guarded { () throws(BrokerError) in try self.broker.calendar(from: start, to: end) }
            )
        case .bars(let request):
            return .bars(try self.guarded { () throws(BrokerError) in try self.broker.bars(request) })
        case .latestQuotes(let symbols):
            return .quotes(try self.guarded { () throws(BrokerError) in try self.broker.latestQuotes(symbols) })
        }
    }

    /// Cancels and waits for the terminal state: until then fills still come and the shares are still held back.
    private func cancel(_ id: ClientOrderID) throws(BrokerError) -> BrokerAnswer.Outcome {
        let deadline = self.now() + self.cancelPatience
        var wait = Duration.milliseconds(2)
        var isRequested = false
        while true {
            guard let report = try self.guarded({ () throws(BrokerError) in try self.broker.order(id) }) else {
                return .notFound
            }
            if report.event.isTerminal { return .orders([report]) }
            if !isRequested {
                do throws(BrokerError) {
                    try self.guarded { () throws(BrokerError) in
                        try self.broker.requestCancel(brokerOrderID: report.brokerOrderID)
                    }
                } catch {
                    // Refused because it has just ended: the next look shows how.
                    guard case .refused = error.kind else { throw error }
                }
                isRequested = true
                continue
            }
            guard self.now() < deadline else {
                throw BrokerError(.unknownOutcome, "order \(id) is still not cancelled")
            }
            guard self.pause(wait) else {
                throw BrokerError(.unknownOutcome, "the process stops while order \(id) is being cancelled")
            }
            wait = min(wait * 2, .seconds(1))
        }
    }

    // Asks, calls and reports before anything else is asked on this thread: no report can be that of an older call.
    private func guarded<Result>(_ call: () throws(BrokerError) -> Result) throws(BrokerError) -> Result {
        let before = self.breaker.state
        if case .refused(let retryAfter) = self.breaker.request(now: self.now()) {
            throw BrokerError(
                .notExecuted,
                "the circuit breaker is open for another \(retryAfter.components.seconds + 1) s"
            )
        }
        do throws(BrokerError) {
            let result = try call()
            self.breaker.succeeded()
            self.report(before, "the broker answers")
            return result
        } catch {
            switch error.kind {
            case .refused: self.breaker.succeeded()
            case .notExecuted, .unknownOutcome: self.breaker.failed(.transient, now: self.now())
            }
            self.report(before, error.reason)
            throw error
        }
    }

    private func report(_ before: BreakerState, _ reason: String) {
        if self.breaker.state != before { self.breakerChanged(before, self.breaker.state, reason) }
    }
}
