package import TradingCore

/// Makes the calls of one lane: behind its breaker, each order at most once, unknown outcomes asked about.
///
/// Belongs to the lane's thread and blocks it.
package final class BrokerDesk {
    /// What a person has to see of a breaker. `retryAfter`: when an open one lets a call through again.
    package typealias BreakerChanged = (
        _ from: BreakerState, _ to: BreakerState, _ reason: String, _ retryAfter: Duration?
    ) -> Void

    private let broker: any Broker
    private let gate: RateGate?
    private var breaker: CircuitBreaker
    private var openReason = ""
    private let now: () -> Duration
    private let pause: (Duration) -> Bool
    private let breakerChanged: BreakerChanged
    /// How long a cancelled order is watched for its terminal state. The first look comes at once.
    private let cancelPatience: Duration

    /// `gate`: the one that the broker's requests go through, if they do. `now` reads a monotonic clock; `pause` blocks
    /// the thread for about that long, and is false when the process is to stop instead.
    package init(
        broker: any Broker,
        gate: RateGate? = nil,
        breaker: BreakerSettings = BreakerSettings(),
        cancelPatience: Duration = .seconds(2),
        now: @escaping () -> Duration,
        pause: @escaping (Duration) -> Bool,
        breakerChanged: @escaping BreakerChanged
    ) {
        self.broker = broker
        self.gate = gate
        self.breaker = CircuitBreaker(settings: breaker)
        self.cancelPatience = cancelPatience
        self.now = now
        self.pause = pause
        self.breakerChanged = breakerChanged
    }

    /// `orders`: what the ledger says now of the orders that the call is about. `mayHaveBeenMade`: the call was handed
    /// out before and its worker died; an order is looked up before it is sent. `window`: how long from now its requests
    /// may leave; nil sets no end.
    package func perform(
        _ call: BrokerCall,
        orders: [OrderReference],
        mayHaveBeenMade: Bool,
        within window: Duration? = nil
    ) -> BrokerAnswer {
        self.gate?.begin(RequestUrgency(of: call), within: window)
        do throws(BrokerError) {
            return BrokerAnswer(call, try self.outcome(of: call, orders, mayHaveBeenMade: mayHaveBeenMade))
        } catch {
            switch error.kind {
            case .refused(let code): return BrokerAnswer(call, .refused(code: code, reason: error.reason))
            case .notExecuted, .withheld, .loginExpired:
                // This attempt did not reach the broker, but an earlier one may have.
                if mayHaveBeenMade, case .place = call.operation {
                    return BrokerAnswer(call, .unknown(reason: error.reason))
                }
                return BrokerAnswer(call, .unavailable(reason: error.reason))
            case .unknownOutcome, .unreadable: return BrokerAnswer(call, .unknown(reason: error.reason))
            }
        }
    }

    private func outcome(
        of call: BrokerCall,
        _ orders: [OrderReference],
        mayHaveBeenMade: Bool
    ) throws(BrokerError) -> BrokerAnswer.Outcome {
        switch call.operation {
        case .place(let terms):
            let order = try Self.order(terms.clientOrderID, in: orders)
            guard order.state == .intent || order.state == .unknown else {
                // Given up meanwhile, which says nothing of what the worker before had sent.
                let mayBeThere = mayHaveBeenMade && order.brokerOrderID == nil
                throw BrokerError(
                    mayBeThere ? .unknownOutcome : .refused(code: "void"),
                    "order \(order.id) is \(order.state.rawValue) by now and is not sent"
                )
            }
            if mayHaveBeenMade {
                if let known = try self.lookUp(order) { return .orders([known]) }
                guard self.broker.recognisesRepeatedOrders else {
                    throw BrokerError(.unknownOutcome, "order \(order.id) may have been sent and is not to be seen yet")
                }
            }
            // Call and ledger were written in one step, and an order's terms never change: somebody has spoilt one of them.
            guard order.terms == terms else {
                throw BrokerError(
                    .refused(code: "void"),
                    "order \(order.id) is not sent: the call says \(terms.summary), the ledger \(order.terms.summary)"
                )
            }
            return .orders([try self.guarded { () throws(BrokerError) in try self.broker.place(order) }])
        case .cancel(let id): return try self.cancel(try Self.order(id, in: orders))
        case .find(let id):
            let order = try Self.order(id, in: orders)
            return try self.look(at: order).map { .orders([$0]) } ?? .notFound
        case .reconcile(let ids):
            // One that the ledger does not show keeps no other from being asked about.
            let listed = ids.compactMap { id in orders.first { $0.id == id } }
            return .orders(try self.reconcile(listed))
        case .account:
            let account = try self.guarded { () throws(BrokerError) in try self.broker.account() }
            return .account(cash: account.cash, equity: account.equity)
        case .holdings(let since):
            // Executions last: what happens while the other questions are under way is among them.
            let openOrders = try self.guarded { () throws(BrokerError) in try self.broker.openOrders() }
            let positions = try self.guarded { () throws(BrokerError) in try self.broker.positions() }
            let executions = try self.guarded { () throws(BrokerError) in
                guard let since else { return [] as [BrokerExecution] }
                return try self.broker.executions(since: since)
            }
            return .holdings(BrokerHoldings(positions: positions, openOrders: openOrders, executions: executions))
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

    private func reconcile(_ orders: [OrderReference]) throws(BrokerError) -> [OrderReport] {
        guard !orders.isEmpty else { return [] }
        var reports: [OrderReport] = []
        do throws(BrokerError) {
            try self.guarded { () throws(BrokerError) in
                var failure: BrokerError?
                for (order, answer) in zip(orders, try self.broker.orders(orders)) {
                    switch answer {
                    case .success(let report?): reports.append(report)
                    case .success(nil): break
                    // It says nothing of the others.
                    case .failure(let error) where error.isAboutOneQuestion:
                        reports.append(.unanswered(order, reason: error.reason))
                    case .failure(let error): failure = failure ?? error
                    }
                }
                if let failure { throw failure }
            }
        } catch {
            // What was told before the broker stopped answering is good; the rest are looked for one by one. Where room
            // was wanting that would want still more of it: all are asked for again.
            if reports.isEmpty || error.kind == .withheld { throw error }
        }
        return reports
    }

    /// What became of an order that may have been sent. That the broker will not say is no refusal of the order.
    private func lookUp(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        do throws(BrokerError) {
            return try self.look(at: order)
        } catch {
            guard error.isAboutOneQuestion else { throw error }
            throw BrokerError(.unknownOutcome, error.reason)
        }
    }

    /// Nothing is done for an order that the ledger does not have.
    private static func order(
        _ id: ClientOrderID,
        in orders: [OrderReference]
    ) throws(BrokerError) -> OrderReference {
        guard let order = orders.first(where: { $0.id == id }) else {
            throw BrokerError(.refused(code: "void"), "order \(id) is not in the ledger")
        }
        return order
    }

    /// Cancels and waits for the terminal state: until then fills still come and the shares are still held back.
    private func cancel(_ order: OrderReference) throws(BrokerError) -> BrokerAnswer.Outcome {
        guard let report = try self.look(at: order) else { return .notFound }
        if report.event.isTerminal { return .orders([report]) }
        do throws(BrokerError) {
            try self.guarded { () throws(BrokerError) in
                try self.broker.requestCancel(brokerOrderID: report.brokerOrderID)
            }
        } catch {
            // Refused because it has just ended: the next look shows how.
            guard case .refused = error.kind else { throw error }
        }
        // The patience is with the broker, not with this call's turn in the rate budget.
        let deadline = self.now() + self.cancelPatience
        // What exits keep for themselves is not spent on watching.
        self.gate?.goOn(as: .orders)
        var wait = Duration.milliseconds(100)
        while true {
            do throws(BrokerError) {
                guard let report = try self.look(at: order) else { return .notFound }
                if report.event.isTerminal { return .orders([report]) }
            } catch {
                // There may be room for the next look.
                guard error.kind == .withheld else { throw error }
            }
            let rest = deadline - self.now()
            guard rest > .zero else {
                throw BrokerError(.unknownOutcome, "order \(order.id) is still not cancelled")
            }
            guard self.pause(min(wait, rest)) else {
                throw BrokerError(.unknownOutcome, "the process stops while order \(order.id) is being cancelled")
            }
            wait = min(wait * 2, .seconds(1))
        }
    }

    private func look(at order: OrderReference) throws(BrokerError) -> OrderReport? {
        try self.guarded { () throws(BrokerError) in try self.broker.order(order) }
    }

    // Asks, calls and reports before anything else is asked on this thread: no report can be that of an older call.
    private func guarded<Result>(_ call: () throws(BrokerError) -> Result) throws(BrokerError) -> Result {
        let before = self.breaker.state
        if case .refused(let retryAfter) = self.breaker.request(now: self.now()) {
            throw BrokerError(
                .notExecuted,
                "the circuit breaker is open for another \(retryAfter.components.seconds + 1) s: \(self.openReason)"
            )
        }
        self.report(before, "one call finds out whether the broker is back")
        let asked = self.breaker.state
        do throws(BrokerError) {
            let result = try call()
            self.breaker.succeeded()
            self.report(asked, "the broker answers")
            return result
        } catch {
            switch error.kind {
            case .refused, .unreadable: self.breaker.succeeded()
            case .notExecuted, .unknownOutcome: self.breaker.failed(.transient, now: self.now())
            case .loginExpired:
                self.breaker.failed(.loginExpired, now: self.now())
                self.gate?.loginExpired(error.reason, for: self.breaker.settings.openFor)
            case .withheld:
                self.breaker.withdrawn(now: self.now())
                // What other processes know counts as if it had happened here.
                if let quiet = self.gate?.quietFor { self.breaker.open(until: self.now() + quiet) }
            }
            self.report(asked, error.reason)
            throw error
        }
    }

    private func report(_ before: BreakerState, _ reason: String) {
        let state = self.breaker.state
        guard state != before else { return }
        if state == .open { self.openReason = reason }
        self.breakerChanged(before, state, reason, self.breaker.openUntil.map { $0 - self.now() })
    }
}

extension OrderReport {
    /// Nothing could be learned; the order is not missing for that.
    fileprivate static func unanswered(_ order: OrderReference, reason: String) -> OrderReport {
        OrderReport(
            clientOrderID: order.id,
            brokerOrderID: order.brokerOrderID ?? "",
            event: .outcomeUnknown,
            filledQuantity: .zero,
            averagePrice: nil,
            submittedAt: order.intendedAt,
            timestamp: order.intendedAt,
            reason: reason
        )
    }
}
