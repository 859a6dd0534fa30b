package import Brokerage
import CoreMetrics
package import Logging
package import MessageBus
import Telemetry
package import TradingCore

/// One broker lane's thread: takes calls from the lane's stream, makes them, and commits each answer together with the
/// acknowledgement of its call. A call whose worker died is found again and looked up before it is repeated.
package final class LaneWorker {
    private let agent: AgentName
    private let lane: BrokerLane
    private let instance: String
    private let bus: any MessageBus
    private let stop: StopSignal
    private let readiness: ReadinessBoard
    private let heartbeat: Heartbeat
    private let logger: Logger
    private let claimIdle: Duration
    private let makeBroker: (RateGate) -> any Broker
    private let breakerSettings: BreakerSettings
    private let rates: RateBudgets
    private let breakerGauge: Gauge
    private let marketTime: MarketTime
    private let now: () -> Duration
    private let wallNow: () -> Timestamp
    private let brokerGate: BrokerGate?
    private let brokerName: String
    private let journal: Journal
    private var breakerState = BreakerState.closed
    private var repetitions = RepetitionFilter()

    /// Calls that have to wait for their time, and when it comes.
    private var delayed: [(due: Duration, delivery: Delivery, mayHaveBeenMade: Bool)] = []
    private var breakerChanges: [BreakerChange] = []
    private var nextClaim: Duration = .zero
    /// Entries found among what was owed at the last look. A read that was under way meanwhile hands them out too.
    private var owed: Set<String> = []

    /// By how much a call may be late and still be this worker's alone; less than the idle time after which others
    /// claim it.
    private static let longestDelay = Duration.seconds(5)

    package init(
        agent: AgentName,
        lane: BrokerLane,
        instance: String,
        bus: any MessageBus,
        stop: StopSignal,
        readiness: ReadinessBoard,
        heartbeat: Heartbeat,
        logger: Logger,
        claimIdle: Duration,
        breaker: BreakerSettings,
        rates: RateBudgets = RateBudgets(),
        marketTime: MarketTime,
        now: @escaping () -> Duration = MonotonicClock.now,
        wallNow: @escaping () -> Timestamp = WallClock.now,
        brokerGate: BrokerGate? = nil,
        brokerName: String = "broker",
        isTraced: Bool = true,
        makeBroker: @escaping (RateGate) -> any Broker
    ) {
        self.agent = agent
        self.lane = lane
        self.instance = instance
        self.bus = bus
        self.stop = stop
        self.readiness = readiness
        self.heartbeat = heartbeat
        self.logger = logger
        self.claimIdle = claimIdle
        self.breakerSettings = breaker
        self.rates = rates
        self.breakerGauge = Gauge(
            label: MetricName.breakerState.rawValue,
            dimensions: [("lane", lane.rawValue)]
        )
        self.marketTime = marketTime
        self.now = now
        self.wallNow = wallNow
        self.brokerGate = brokerGate
        self.brokerName = brokerName
        self.journal = Journal(agent: agent, instance: instance, isTraced: isTraced)
        self.makeBroker = makeBroker
    }

    private var stream: StreamName { self.agent.callStream(self.lane) }

    /// Runs until the stop signal is given. No call is taken while the broker gate is closed.
    package func run() {
        self.waitForBrokerGate()
        let desk = self.makeDesk()
        var backOff = BackOff()
        while !self.stop.isGiven {
            do {
                try self.synchronise(desk)
                backOff.reset()
                self.repetitions = RepetitionFilter()
                while !self.stop.isGiven {
                    try self.turn(desk)
                    self.waitForBrokerGate()
                }
            } catch let error as MessageBusError where error.code == .ledgerReplaced {
                LedgerLoss.waitForStop(
                    error,
                    stop: self.stop,
                    readiness: self.readiness,
                    heartbeat: self.heartbeat,
                    logger: self.logger
                )
            } catch {
                if self.repetitions.isWorthSaying("\(error)", now: MonotonicClock.now()) {
                    self.logger.warning("Redis cannot be used, trying again: \(error)")
                }
                backOff.wait(stop: self.stop, heartbeat: self.heartbeat)
            }
        }
    }

    private var isBrokerGateOpen: Bool { self.brokerGate?.isOpen(for: self.lane) ?? true }

    private func waitForBrokerGate() { self.brokerGate?.wait(for: self.lane, beating: self.heartbeat) }

    package func makeDesk() -> BrokerDesk {
        let stop = self.stop
        let heartbeat = self.heartbeat
        let monotonicNow = self.now
        let now = {
            // The time is asked for before each request to the broker, of which one call may need many.
            heartbeat.beat()
            return monotonicNow()
        }
        let pause = { (duration: Duration) in !stop.wait(for: duration, beating: heartbeat) }
        let rateGate = RateGate(
            ledger: self.bus,
            budgets: self.rates,
            now: now,
            pause: pause
        )
        self.show(.closed, reason: "no call has failed", retryAfter: nil)
        return BrokerDesk(
            broker: self.makeBroker(rateGate),
            gate: rateGate,
            breaker: self.breakerSettings,
            now: now,
            pause: pause,
            breakerChanged: { [self] from, to, reason, retryAfter in
                let name = "\(self.agent.rawValue)/\(self.lane.rawValue)"
                self.breakerChanges.append(BreakerChange(breaker: name, from: from, to: to, reason: reason))
                self.show(to, reason: reason, retryAfter: retryAfter)
                self.logger.warning(
                    "circuit breaker changed",
                    metadata: [
                        "circuit_breaker.name": "\(name)", "circuit_breaker.state": "\(to.rawValue)",
                        "reason": "\(reason)",
                    ]
                )
            }
        )
    }

    private func show(_ state: BreakerState, reason: String, retryAfter: Duration?) {
        let now = WallClock.now()
        self.breakerState = state
        self.breakerGauge.record(state.gaugeValue)
        self.readiness.setBreaker(
            self.lane.rawValue,
            BreakerStatus(state, since: now, until: retryAfter.map { now + $0 }, reason: reason)
        )
    }

    /// What a worker that died left behind comes first.
    package func synchronise(_ desk: BrokerDesk) throws {
        self.delayed = []
        try self.bus.createGroup(self.agent.rawValue, on: self.stream)
        try self.takeOwed(desk)
    }

    /// Everything this consumer was handed and has not answered, but for what waits for its time.
    private func takeOwed(_ desk: BrokerDesk) throws {
        let owed = try self.bus.pending(
            group: self.agent.rawValue,
            consumer: self.instance,
            streams: [self.stream],
            limit: 1000
        )
        self.owed = Set(owed.map(\.id))
        for delivery in owed where !self.stop.isGiven && !self.isDelayed(delivery) {
            try self.take(delivery, desk, mayHaveBeenMade: true)
        }
    }

    private func isDelayed(_ delivery: Delivery) -> Bool {
        self.delayed.contains { $0.delivery.isSameEntry(as: delivery) }
    }

    /// Makes the calls that are due and waits for the next, a quarter of a second at most.
    package func turn(_ desk: BrokerDesk) throws {
        self.heartbeat.beat()
        let now = self.now()
        if now >= self.nextClaim {
            self.nextClaim = now + .seconds(2)
            let left = try self.bus.claim(
                group: self.agent.rawValue,
                consumer: self.instance,
                streams: [self.stream],
                idle: self.claimIdle,
                limit: 16
            )
            for delivery in left where !self.isDelayed(delivery) {
                try self.take(delivery, desk, mayHaveBeenMade: true)
            }
            // Redis may still have handed something to this consumer's connection after it had broken.
            try self.takeOwed(desk)
        }
        let due = self.delayed.filter { $0.due <= now }
        self.delayed.removeAll { $0.due <= now }
        for call in due {
            // Who is so late may have left the call for dead to another replica, which has made it.
            let isLate = self.now() - call.due > Self.longestDelay
            try self.make(call.delivery, desk, mayHaveBeenMade: call.mayHaveBeenMade || isLate)
        }
        let next = self.delayed.map { $0.due - now }.min() ?? .milliseconds(250)
        let reception = try self.bus.receive(
            group: self.agent.rawValue,
            consumer: self.instance,
            streams: [self.stream],
            limit: 1,
            timeout: min(max(next, .zero), .milliseconds(250))
        )
        for delivery in reception.deliveries where !self.stop.isGiven && !self.owed.contains(delivery.id) {
            try self.take(delivery, desk, mayHaveBeenMade: false)
        }
    }

    private func take(_ delivery: Delivery, _ desk: BrokerDesk, mayHaveBeenMade: Bool) throws {
        guard let call = Self.call(in: delivery)?.call, call.delaySeconds > 0 else {
            return try self.make(delivery, desk, mayHaveBeenMade: mayHaveBeenMade)
        }
        self.delayed.append((self.now() + .seconds(call.delaySeconds), delivery, mayHaveBeenMade))
    }

    private func make(_ delivery: Delivery, _ desk: BrokerDesk, mayHaveBeenMade: Bool) throws {
        // Left owed, and found again once the gate is open.
        guard self.isBrokerGateOpen else { return }
        guard let (request, call) = Self.call(in: delivery) else {
            let letter = DeadLetter(agent: self.agent, delivery: delivery, reason: "this is no broker call")
            return try letter.send(on: self.bus, logger: self.logger)
        }
        var commit = Commit()
        commit.acknowledge = delivery.input(of: self.agent)
        let started = ContinuousClock.now
        let start = WallClock.now()
        let orders: [OrderReference]
        let halt: TradingHalt?
        do {
            (orders, halt) = try self.read(for: call)
        } catch let error as JSONError {
            // Left owed: once the trade is restored the broker is asked first whether the call was made.
            let text = "a call waits for its trade, which cannot be read"
            guard self.repetitions.isWorthSaying(text, about: "\(call.subject)", now: MonotonicClock.now()) else {
                return
            }
            return self.logger.error("\(text)", metadata: ["call": "\(call.subject)", "reason": "\(error)"])
        }
        let isTold = MessageHead(request).isTold
        let requests = SpanCollector()
        let scope = LogScope(traceID: request.traceID, spanID: Self.spanID(request), tradeID: request.tradeID)
        let answer = self.journal.tracing(into: requests, logging: isTold ? scope : nil) {
            halt.map { self.withhold(call, orders, desk, mayHaveBeenMade: mayHaveBeenMade, because: $0) }
                ?? self.perform(call, orders, desk, mayHaveBeenMade: mayHaveBeenMade)
        }
        self.measure(call, answer, since: started)
        var message = request
        message.body = .brokerCallCompleted(answer)
        message.id = MessageID(derivedFrom: "completed", request.id.rawValue)
        message.causationID = request.id
        commit.messages = [OutboundMessage(stream: self.agent.inbox, channel: nil, body: message.encoded())]
        for change in self.breakerChanges {
            let event = Speaker(self.agent).say(
                .breakerStateChanged(change),
                at: request.timestamp,
                about: "\(self.instance) \(change.breaker) \(change.to.rawValue) \(delivery.id)",
                causedBy: request
            )
            commit.messages.append(OutboundMessage(event))
        }
        let toldChanges = self.breakerChanges.count
        let end = WallClock.now()
        let spans = self.spans(
            of: answer,
            to: request,
            by: requests.spans,
            answeredBy: message,
            from: start,
            to: end
        )
        let cause = MessageHead(request)
        // What has failed is everybody's news.
        let hasFailed = answer.failureReason != nil && self.breakerState != .open
        if isTold || toldChanges > 0 || hasFailed {
            self.journal.append(isTold ? spans : [], causedBy: cause, to: &commit, at: end)
        }
        if !isTold { self.journal.append(call: spans, causedBy: cause, to: &commit, at: end) }
        // An answer that cannot be committed now is not lost: the call is still owed, and is looked up next time.
        _ = try self.bus.commit(commit)
        self.breakerChanges.removeFirst(toldChanges)
    }

    private func perform(
        _ call: BrokerCall,
        _ orders: [OrderReference],
        _ desk: BrokerDesk,
        mayHaveBeenMade: Bool
    ) -> BrokerAnswer {
        guard self.marketTime == .wall else {
            return desk.perform(call, orders: orders, mayHaveBeenMade: mayHaveBeenMade)
        }
        let start = self.wallNow()
        if let end = call.sendBefore, start >= end {
            let reason = "it was to be sent before \(end)"
            return BrokerAnswer(call, mayHaveBeenMade ? .unknown(reason: reason) : .unavailable(reason: reason))
        }
        var answer = desk.perform(
            call,
            orders: orders,
            mayHaveBeenMade: mayHaveBeenMade,
            within: call.sendBefore.map { $0 - start }
        )
        if case .clock(let told) = answer.outcome {
            answer.clockSkew = Self.skew(of: told, askedAt: start, answeredAt: self.wallNow())
            if let skew = answer.clockSkew {
                let gauge = Gauge(label: MetricName.clockSkew.rawValue, dimensions: [("to", "broker")])
                gauge.record(Double(skew) / 1000)
            }
        }
        return answer
    }

    /// Of the real call.
    private static func spanID(_ request: Message) -> SpanID { SpanID(derivedFrom: "call", request.id.rawValue) }

    /// The real call, below what it was asked for in, its requests, and the sending of its answer.
    private func spans(
        of answer: BrokerAnswer,
        to request: Message,
        by requests: [TraceSpan],
        answeredBy message: Message,
        from start: Timestamp,
        to end: Timestamp
    ) -> [TraceSpan] {
        var call = TraceSpan(
            OperationName.calling(answer.call, at: self.brokerName),
            .client,
            traceID: request.traceID,
            id: Self.spanID(request),
            parent: SpanID(sending: request.id),
            start: start,
            end: end,
            attributes: answer.call.traceAttributes
        )
        call.attributes.merge(MessageHead(request).traceAttributes(operation: "process")) { $1 }
        call.attributes["broker.name"] = .text(self.brokerName)
        call.attributes["broker.outcome"] = .text(answer.outcomeName)
        call.attributes["circuit_breaker.state"] = .text(self.breakerState.rawValue)
        if let reason = answer.failureReason { call.fail(answer.outcomeName, reason) }
        if case .orders(let reports) = answer.outcome, let report = reports.first {
            call.attributes["order.broker_id"] = .text(report.brokerOrderID)
            call.attributes["order.filled_quantity"] = .text("\(report.filledQuantity)")
        }
        let sending = TraceSpan(
            "send \(message.event.rawValue)",
            .producer,
            traceID: message.traceID,
            id: SpanID(sending: message.id),
            parent: call.id,
            start: end,
            end: end,
            attributes: MessageHead(message).traceAttributes(operation: "send")
        )
        return [call] + requests.map { $0.below(call.id, in: call.traceID) } + [sending]
    }

    /// In milliseconds; nil where the answer took too long to tell.
    private static func skew(of told: Timestamp, askedAt start: Timestamp, answeredAt end: Timestamp) -> Int? {
        let duration = end - start
        guard duration >= .zero, duration < .seconds(2) else { return nil }
        return Int((start + duration / 2).milliseconds - told.milliseconds)
    }

    /// While trading is halted no entry is sent. One that may have been sent before is looked for.
    private func withhold(
        _ call: BrokerCall,
        _ orders: [OrderReference],
        _ desk: BrokerDesk,
        mayHaveBeenMade: Bool,
        because halt: TradingHalt
    ) -> BrokerAnswer {
        guard mayHaveBeenMade, let id = call.orders.first else {
            return BrokerAnswer(call, .unavailable(reason: "\(halt)"))
        }
        let search = BrokerCall(.find(id), lane: call.lane)
        let found = self.perform(search, orders, desk, mayHaveBeenMade: true).outcome
        if case .orders = found { return BrokerAnswer(call, found) }
        return BrokerAnswer(call, .unknown(reason: "it may have been sent before, and is not sent again: \(halt)"))
    }

    /// The call's orders as the ledger has them now, which may be later than the call; of an entry that is to be sent,
    /// also the halt that forbids it.
    private func read(for call: BrokerCall) throws -> (orders: [OrderReference], halt: TradingHalt?) {
        guard !call.orders.isEmpty else { return ([], nil) }
        var keys = Set(call.orders.map(\.trade)).sorted().map(Trade.key)
        if call.isEntry { keys.append(TradingHalt.key) }
        let documents = try self.bus.documents(keys)
        let orders = try call.orders.compactMap { id in
            do {
                return try documents.find(Trade.key(id.trade), as: Trade.self).flatMap {
                    OrderReference(id, in: $0.value)
                }
            } catch  where call.orders.count > 1 {
                // The others are asked about all the same.
                return nil
            }
        }
        return (orders, documents.halt)
    }

    private func measure(_ call: BrokerCall, _ answer: BrokerAnswer, since started: ContinuousClock.Instant) {
        let dimensions = [("lane", self.lane.rawValue), ("call", call.name), ("outcome", answer.outcomeName)]
        Counter(label: MetricName.brokerCalls.rawValue, dimensions: dimensions).increment()
        let elapsed = started.duration(to: ContinuousClock.now).components
        CoreMetrics.Timer(label: MetricName.brokerCallTime.rawValue, dimensions: dimensions)
            .recordNanoseconds(elapsed.seconds * 1_000_000_000 + elapsed.attoseconds / 1_000_000_000)
    }

    private static func call(in delivery: Delivery) -> (request: Message, call: BrokerCall)? {
        guard let message = try? Message(decoding: delivery.body), case .brokerCallRequested(let call) = message.body
        else { return nil }
        return (message, call)
    }
}
