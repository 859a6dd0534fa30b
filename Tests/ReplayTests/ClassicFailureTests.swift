import AgentRuntime
import Brokerage
import Glibc
import HTTPTransport
import Logging
import MessageBus
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Three failures that everybody who trades by program meets, over real processes.
    @Suite struct ClassicFailureTests {
        /// A real simulator that is stopped answers nobody, and the clock alone is not real.
        @Test func `three time-outs open the breaker, and a minute later one probe closes it`() async throws {
            let redis = try RedisServer()
            let bars = try SampleBars.small(sessions: 2).folder()
            let simulator = try SimulatorProcess(bars: bars.path)
            let root = "http://127.0.0.1:\(try await simulator.port())"
            let pid = simulator.pid
            try await DedicatedThread.run {
                let bench = try LaneBench(redis: redis.endpoint, broker: root)
                let answer = try bench.call()
                guard case .account(let cash, _) = answer.outcome else {
                    Issue.record("the simulator was not reached: \(answer.outcome)")
                    return
                }
                #expect(cash == Money(10_000))

                kill(pid, SIGSTOP)
                defer { kill(pid, SIGCONT) }
                for _ in 0..<3 { #expect(try bench.call().isUnavailable) }
                #expect(try bench.requests() == 4)
                #expect(try bench.breakerChanges() == [BreakerState.open])

                bench.advance(by: .milliseconds(59_999))
                let start = ContinuousClock.now
                for _ in 0..<5 { #expect(try bench.call().isUnavailable) }
                // Five time-outs would take longer than the patience of one.
                #expect(ContinuousClock.now - start < LaneBench.patience)
                #expect(try bench.requests() == 4)

                kill(pid, SIGCONT)
                bench.advance(by: .milliseconds(1))
                guard case .account = try bench.call().outcome else {
                    Issue.record("the probe was not made")
                    return
                }
                #expect(try bench.requests() == 5)
                #expect(try bench.breakerChanges() == [BreakerState.open, .closed])
            }
        }

        @Test func `a stale fill of an approved trade aborts it, and nothing is opened`() async throws {
            let bars = try SampleBars.small(sessions: 60).folder()
            let run = try ReplayRunner(bars: bars.path)
            let held = try await HeldReplay(run, afterTick: 200)
            let trade = try held.approveTrade()
            #expect(try held.account().reservedCash >= ApprovedTrade.reservedCash)

            try held.say(try trade.staleFill)
            let aborted = try await awaited("the trade's end") {
                try held.trade(trade.trade.id).state == .cancelled ? try held.trade(trade.trade.id) : nil
            }
            #expect(aborted.heldQuantity == .zero)
            #expect(aborted.orders.map(\.id.role) == [.entry])
            #expect(aborted.orders.map(\.state) == [.cancelled])
            #expect(aborted.entryOrder?.submittedAt == nil)
            let account = try held.account()
            #expect(account.reservations[trade.trade.id] == nil)
            #expect(account.openTrades[trade.trade.id] == nil)
            #expect(account.positions[trade.trade.symbol] == nil)
            let reasons = try held.notices(.orderCancelled).filter { $0.order.id.trade == trade.trade.id }.map(\.reason)
            #expect(reasons.count == 1)
            #expect(reasons.first??.contains("InvalidTransition: ENTRY_APPROVED → FILLED") == true)
            // The alarm.
            for agent in [AgentName.positionManagement, .orderExecution] {
                let log = try #require(Files.text("\(run.directory)/logs/\(agent)-1.log"))
                let lines = log.split(separator: "\n").filter { $0.contains("InvalidTransition") }
                #expect(lines.contains { $0.contains("\"error\"") }, "\(agent): \(log.suffix(500))")
            }

            held.release()
            let report = try await run.report()
            let undisturbed = try await ReplayRunner(bars: bars.path).report()
            #expect(report.trades == undisturbed.trades)
            #expect(report.openTrades == undisturbed.openTrades)
            #expect(report.deadLetters == 0)
            let cancelled = (report.json["cancelled"]?.integer ?? 0) - (undisturbed.json["cancelled"]?.integer ?? 0)
            #expect(cancelled == 1)
        }

        @Test func `a target hit in a closed market waits and exits at the open`() async throws {
            let bars = try SampleBars.small(sessions: 90).folder()
            let run = try ReplayRunner(bars: bars.path)
            let held = try await HeldReplay(run, afterTick: 200)
            let (position, close) = try await held.untilClosedWithPosition()
            let plan = try #require(position.plan)
            let after = close + .seconds(3600)
            try held.quote(position.symbol, plan.targetPrice, at: after)
            let triggered = try await awaited("the target's hit") {
                try held.trade(position.id).state == .exitTriggered ? try held.trade(position.id) : nil
            }
            try await held.awaitOthers()
            // Still in its place, and nothing is sold into the closed market.
            let waiting = try held.trade(position.id)
            #expect(waiting.state == .exitTriggered)
            #expect(waiting.exitReason == .target)
            #expect(waiting.latest(.exit) == nil)
            #expect(waiting.latest(.stop)?.state == .accepted)
            #expect(waiting == triggered)

            held.release()
            let open = MarketCalendar.nextOpen(after: after)
            let exit = try await awaited("the exit's order") {
                try held.trade(position.id).orders.first { $0.id.role == .exit }
            }
            #expect(exit.intendedAt == open)
            _ = try await run.report()
        }
    }
}

/// The broker simulator by itself.
private final class SimulatorProcess: Sendable {
    private let folder: TemporaryFolder
    private let process: ChildProgram

    init(bars: String) throws {
        self.folder = try TemporaryFolder()
        self.process = try ChildProgram(
            try Programs.path(of: "broker-simulator"),
            environment: Programs.environment([
                "BARS": bars, "HTTP_PORT": "0", "CONTROL_PORT": "0", "PORT_FILE": self.folder.path + "/ports",
                "LOG_LEVEL": "warning",
            ]),
            output: self.folder.path + "/log"
        )
    }

    var pid: pid_t { self.process.pid }

    func port() async throws -> Int {
        let ports = try await awaited("the simulator's ports") {
            try Files.text(self.folder.path + "/ports").map { try JSONValue(parsing: Array($0.utf8)) }
        }
        return try #require(ports["port"]?.integer)
    }
}

/// One broker lane as an agent runs it, over real Redis and real HTTP, but for its clock. Belongs to one thread.
private final class LaneBench {
    /// How long a request waits for its answer.
    static let patience = Duration.milliseconds(300)

    private final class Clock {
        var now = Duration.seconds(1000)
    }

    /// Gives up sooner than the agents do, and counts.
    private final class ImpatientClient: HTTPClient {
        private let client = CurlHTTPClient()
        private(set) var requests = 0

        func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
            self.requests += 1
            var request = request
            request.totalTimeout = LaneBench.patience
            return try self.client.perform(request)
        }
    }

    private let agent = AgentName.riskManagement
    private let lane = BrokerLane.account
    private let bus: RedisMessageBus
    private let worker: LaneWorker
    private let desk: BrokerDesk
    private let clock = Clock()
    private let client = ImpatientClient()
    private var calls = 0

    init(redis: RedisEndpoint, broker: String) throws {
        self.bus = RedisMessageBus(endpoint: redis)
        let (client, clock) = (self.client, self.clock)
        self.worker = LaneWorker(
            agent: self.agent,
            lane: self.lane,
            instance: "bench",
            bus: self.bus,
            stop: StopSignal(),
            readiness: ReadinessBoard(waitingFor: []),
            heartbeat: Heartbeat(),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            claimIdle: .seconds(3600),
            breaker: BreakerSettings(),
            marketTime: .simulated,
            now: { clock.now },
            makeBroker: {
                AlpacaBroker(
                    endpoints: AlpacaEndpoints(
                        trading: broker,
                        data: broker,
                        stream: "",
                        feed: "iex",
                        keyID: "key",
                        secretKey: "secret"
                    ),
                    client: client
                )
            }
        )
        self.desk = self.worker.makeDesk()
        try self.worker.synchronise(self.desk)
    }

    func advance(by duration: Duration) { self.clock.now += duration }

    /// Has the account asked for, and returns the answer that the agent would find in its inbox.
    func call() throws -> BrokerAnswer {
        self.calls += 1
        var commit = Commit()
        let request = Speaker(self.agent).say(
            .brokerCallRequested(BrokerCall(.account, lane: self.lane)),
            at: Timestamp(seconds: 0),
            about: "\(self.calls)"
        )
        commit.messages = [
            OutboundMessage(stream: self.agent.callStream(self.lane), channel: nil, body: request.encoded())
        ]
        _ = try self.bus.commit(commit)
        while try self.bus.appendedCount(of: self.agent.inbox) < self.calls { try self.worker.turn(self.desk) }
        let body = try #require(try self.bus.tail(of: self.agent.inbox, limit: 1).last?.body)
        guard case .brokerCallCompleted(let answer) = try Message(decoding: body).body else {
            throw TestFailure(description: "the inbox holds something else than an answer")
        }
        return answer
    }

    func requests() throws -> Int { self.client.requests }

    /// The states that the breaker has come to, as the bus tells.
    func breakerChanges() throws -> [BreakerState] {
        try self.bus.tail(of: EventName.breakerStateChanged.stream, limit: 10).compactMap { entry in
            guard case .breakerStateChanged(let change) = try Message(decoding: entry.body).body else { return nil }
            return change.to
        }
    }
}

extension BrokerAnswer {
    fileprivate var isUnavailable: Bool {
        switch self.outcome {
        case .unavailable, .unknown: true
        default: false
        }
    }
}

/// A trade that Risk has approved and whose approval OrderExecution has not heard of.
private struct ApprovedTrade {
    static let reservedCash = Money(500)
    private(set) var trade: Trade
    private var history: [Transition] = []

    init(at time: Timestamp) throws {
        let symbol = try #require(Symbol("STALE"))
        self.trade = Trade(
            id: TradeID(symbol: symbol, signaledAt: time),
            symbol: symbol,
            strategy: "ma-rsi-volume",
            traceID: TraceID(seed: "test", trade: TradeID(symbol: symbol, signaledAt: time)),
            signaledAt: time
        )
        self.trade.plan = EntryPlan(
            entryPrice: Price(100),
            stopPrice: Price(95),
            targetPrice: Price(115),
            session: .next
        )
        self.trade.quantity = Quantity(5)
        for (state, trigger) in [
            (TradeState.setupDetected, TradeTrigger.candidateFound), (.entryApproved, .tradeApproved),
        ] {
            let id = MessageID(derivedFrom: "test", state.rawValue)
            self.history.append(try self.trade.transition(to: state, on: trigger, at: time, message: id))
        }
    }

    /// With the cash it reserves, as Risk writes both.
    func commit(account: Versioned<Account>) -> Commit {
        var account = account
        account.value.reserve(Self.reservedCash, for: self.trade.id, symbol: self.trade.symbol)
        var decision = Decision()
        decision.write(Versioned(new: Trade.key(self.trade.id), value: self.trade), history: self.history)
        decision.write(account)
        var commit = Commit()
        commit.writes = decision.changes.map {
            DocumentWrite(
                key: $0.key,
                expectedVersion: $0.expectedVersion,
                expectedState: $0.expectedState,
                state: $0.state,
                body: $0.body,
                history: $0.history.map { JSONWriter.bytes($0) }
            )
        }
        commit.additions = decision.additions
        return commit
    }

    var staleFill: Message {
        get throws {
            var order = Order(
                terms: OrderTerms(
                    clientOrderID: self.trade.nextID(.entry),
                    symbol: self.trade.symbol,
                    side: .buy,
                    type: .limit,
                    quantity: self.trade.quantity,
                    limitPrice: Price(100),
                    timeInForce: .day
                ),
                intendedAt: self.trade.signaledAt,
                state: .filled
            )
            order.filledQuantity = self.trade.quantity
            order.filledValue = try Price(100).times(self.trade.quantity)
            order.filledAt = self.trade.signaledAt
            return Speaker(.orderExecution).say(
                .orderFilled(OrderNotice(order: order)),
                trade: self.trade,
                at: self.trade.signaledAt
            )
        }
    }
}

/// A ledger as anybody may read it who can reach its Redis.
private struct LedgerReader {
    let bus: RedisMessageBus

    init(_ run: ReplayRunner) async throws {
        self.bus = RedisMessageBus(endpoint: try RedisEndpoint(url: try await run.address(of: "redis")))
    }

    func documents(_ keys: [DocumentKey]) throws -> Documents {
        var documents = Documents()
        for (key, document) in zip(keys, try self.bus.load(keys)) { documents.insert(document, for: key) }
        return documents
    }

    func trade(_ id: TradeID) throws -> Trade { try self.documents([Trade.key(id)]).trade(id).value }
}

/// A replay that goes no further, because the strategy's process is stopped and has not taken in what it was told.
private final class HeldReplay {
    private let run: ReplayRunner
    private let ledger: LedgerReader

    init(_ run: ReplayRunner, afterTick tick: Int) async throws {
        self.run = run
        try await run.reaches(ticks: tick)
        self.ledger = try await LedgerReader(run)
        try await self.hold()
    }

    deinit { self.release() }

    private func hold() async throws {
        let pid = try await awaited("strategy-agent.pid") { self.run.pid(of: AgentName.strategy.rawValue) }
        kill(pid, SIGSTOP)
        let streams = AgentName.strategy.inputStreams.map { (stream: $0, group: AgentName.strategy.rawValue) }
        _ = try await awaited("something that the strategy has to take in") {
            guard case .busy(let what) = try self.ledger.bus.quiescence(of: streams) else { return nil as Bool? }
            return what.contains("group \(AgentName.strategy)") ? true : nil
        }
        try await self.awaitOthers()
    }

    func release() {
        if let pid = self.run.pid(of: AgentName.strategy.rawValue) { kill(pid, SIGCONT) }
    }

    /// Waits until everybody but the strategy has done what there is to do.
    func awaitOthers() async throws {
        let groups = AgentName.allCases.filter { $0 != .strategy }.flatMap { agent in
            agent.allStreams.map { (stream: $0, group: agent.rawValue) }
        }
        _ = try await awaited("the other agents to have done their work") {
            try self.ledger.bus.quiescence(of: groups) == .settled ? true : nil
        }
    }

    /// Lets the replay go on until it is held after a close while a position is open.
    func untilClosedWithPosition() async throws -> (Trade, closedAt: Timestamp) {
        for _ in 0..<200 {
            let documents = try self.ledger.documents([Account.key, MarketClock.key])
            let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
            if let clock = clock?.value, clock.isOpen == false {
                for id in try documents.account().value.openTrades.keys.sorted() {
                    let trade = try self.trade(id)
                    if trade.state == .holding { return (trade, clock.lastBoundary) }
                }
            }
            let ticks = self.run.ticks ?? 0
            self.release()
            try await self.run.reaches(ticks: ticks + 1)
            try await self.hold()
        }
        throw TestFailure(description: "The replay was never held after a close with a position open.")
    }

    func trade(_ id: TradeID) throws -> Trade { try self.ledger.trade(id) }
    func account() throws -> Account { try self.ledger.documents([Account.key]).account().value }

    func approveTrade() throws -> ApprovedTrade {
        let documents = try self.ledger.documents([Account.key, MarketClock.key])
        let clock: Versioned<MarketClock> = try #require(try documents.find(MarketClock.key))
        let trade = try ApprovedTrade(at: clock.value.lastBoundary)
        #expect(try self.ledger.bus.commit(trade.commit(account: try documents.account())) == .committed)
        return trade
    }

    /// Appends an event to its stream, as anybody can who may write to it.
    func say(_ message: Message) throws {
        var commit = Commit()
        commit.messages = [
            OutboundMessage(stream: message.event.stream, channel: message.event.rawValue, body: message.encoded())
        ]
        _ = try self.ledger.bus.commit(commit)
    }

    func quote(_ symbol: Symbol, _ price: Price, at time: Timestamp) throws {
        let quote = Quote(symbol: symbol, bid: price, ask: price, timestamp: time)
        let message = Speaker(.marketData).say(.quoteUpdated(quote), at: time, about: "\(symbol) \(time)")
        #expect(
            try self.ledger.bus.publishQuote(
                key: Quote.key(symbol),
                version: time.microseconds,
                body: message.encoded(),
                channel: EventName.quoteUpdated.rawValue
            )
        )
    }

    func notices(_ event: EventName) throws -> [OrderNotice] {
        try self.ledger.bus.tail(of: event.stream, limit: 100).compactMap { entry in
            guard case .orderCancelled(let notice) = try Message(decoding: entry.body).body else { return nil }
            return notice
        }
    }
}
