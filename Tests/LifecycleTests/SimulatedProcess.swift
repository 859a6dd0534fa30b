import AgentRuntime
import Brokerage
import Logging
import MarketDataAgent
import MessageBus
import OrderExecutionAgent
import PositionManagementAgent
import RiskManagementAgent
import StrategyAgent
import TradingCore

/// One agent process of a simulation: its loop and its lanes, made anew at each start.
final class SimulatedProcess {
    let agent: AgentName
    private let instance: String
    private let store: InMemoryMessageStore
    private let market: SimulatedMarket
    private let symbols: [Symbol]
    private let crashes: CrashPlan
    private var loop: AgentLoop?
    private var lanes: [(worker: LaneWorker, desk: BrokerDesk)] = []
    private var buses: [CrashingMessageBus] = []
    private var feedEvents: [FeedEvent] = []
    var hasCrashed = false

    init(
        agent: AgentName,
        instance: String,
        store: InMemoryMessageStore,
        market: SimulatedMarket,
        symbols: [Symbol],
        crashes: CrashPlan
    ) {
        self.agent = agent
        self.instance = instance
        self.store = store
        self.market = market
        self.symbols = symbols
        self.crashes = crashes
    }

    func feed(_ event: FeedEvent) { self.feedEvents.append(event) }
    var isIdle: Bool { self.feedEvents.isEmpty }

    /// False when it crashed on the way.
    func start() -> Bool {
        do {
            let stop = StopSignal()
            let heartbeat = Heartbeat()
            let readiness = ReadinessBoard(waitingFor: [])
            var logger = Logger(label: self.instance) { _ in SwiftLogNoOpLogHandler() }
            logger.logLevel = .critical
            let settings = AgentLoopSettings(instance: self.instance)
            let loop = AgentLoop(
                judgement: try self.judgement(),
                settings: settings,
                bus: self.bus(),
                feed: nil,
                stop: stop,
                readiness: readiness,
                heartbeat: heartbeat,
                logger: logger
            )
            let lanes = self.agent.lanes.map { lane in
                let worker = LaneWorker(
                    agent: self.agent,
                    lane: lane,
                    instance: self.instance,
                    bus: self.bus(),
                    stop: stop,
                    readiness: readiness,
                    heartbeat: heartbeat,
                    logger: logger,
                    claimIdle: .seconds(3600),
                    breaker: BreakerSettings(),
                    marketTime: .simulated,
                    makeBroker: { [market] _ in SimulatedBroker(market: market) }
                )
                return (worker: worker, desk: worker.makeDesk())
            }
            for lane in lanes { try lane.worker.synchronise(lane.desk) }
            try loop.synchronise()
            self.loop = loop
            self.lanes = lanes
            return true
        } catch {
            return false
        }
    }

    /// Does what there is to do. False when it crashed; what was in hand is lost with it.
    func work() -> Bool {
        do {
            while let event = self.feedEvents.first {
                try self.loop?.take(event)
                self.feedEvents.removeFirst()
            }
            try self.loop?.turn()
            for lane in self.lanes { try lane.worker.turn(lane.desk) }
            return true
        } catch {
            // The stream's events of a dead process are gone; its successor asks for what they said.
            self.feedEvents = []
            self.loop = nil
            self.lanes = []
            self.hasCrashed = true
            return false
        }
    }

    private func bus() -> CrashingMessageBus {
        CrashingMessageBus(InMemoryMessageBus(store: self.store), self.crashes)
    }

    private func judgement() throws -> any Judgement {
        switch self.agent {
        case .marketData: MarketDataAgent(symbols: self.symbols, timeframe: .day)
        case .strategy:
            try StrategyRegistry.agent(
                named: "ma-rsi-volume",
                parameters: StrategyParameters(),
                timeframe: .day,
                seed: "test"
            )
        case .riskManagement: RiskManagementAgent(limits: RiskLimits(), approvalLifetime: .seconds(300))
        case .orderExecution: OrderExecutionAgent(partialFillSeconds: 0, tickRule: .none)
        case .positionManagement:
            PositionManagementAgent(gapStopDistance: RiskLimits().stopDistance, tickRule: .none)
        }
    }
}

/// The in-memory bus, but its owner dies at commits the plan names: just before one takes effect or just after.
final class CrashingMessageBus: MessageBus {
    private let bus: InMemoryMessageBus
    private let plan: CrashPlan

    init(_ bus: InMemoryMessageBus, _ plan: CrashPlan) {
        self.bus = bus
        self.plan = plan
    }

    func commit(_ commit: Commit) throws -> CommitOutcome {
        switch self.plan.next() {
        case .none: return try self.bus.commit(commit)
        case .before: throw MessageBusError(.unreachable, "killed before the commit")
        case .after:
            _ = try self.bus.commit(commit)
            throw MessageBusError(.unreachable, "killed after the commit")
        }
    }

    var wakeSignal: WakeSignal { self.bus.wakeSignal }
    func createGroup(_ group: String, on stream: StreamName) throws { try self.bus.createGroup(group, on: stream) }
    func pending(group: String, consumer: String, streams: [StreamName], limit: Int) throws -> [Delivery] {
        try self.bus.pending(group: group, consumer: consumer, streams: streams, limit: limit)
    }
    func keep(_ deliveries: [Delivery], group: String, consumer: String) throws {
        try self.bus.keep(deliveries, group: group, consumer: consumer)
    }
    func claim(
        group: String,
        consumer: String,
        streams: [StreamName],
        idle: Duration,
        limit: Int
    ) throws -> [Delivery] {
        try self.bus.claim(group: group, consumer: consumer, streams: streams, idle: idle, limit: limit)
    }
    func receive(
        group: String,
        consumer: String,
        streams: [StreamName],
        limit: Int,
        timeout: Duration
    ) throws -> Reception {
        try self.bus.receive(group: group, consumer: consumer, streams: streams, limit: limit, timeout: timeout)
    }
    func subscribe(to channels: [String]) throws { try self.bus.subscribe(to: channels) }
    func load(_ keys: [DocumentKey]) throws -> [StoredDocument?] { try self.bus.load(keys) }
    func history(of key: DocumentKey) throws -> [[UInt8]] { try self.bus.history(of: key) }
    func members(of set: String) throws -> [String] { try self.bus.members(of: set) }
    func publishQuote(key: DocumentKey, version: Int64, body: [UInt8], channel: String) throws -> Bool {
        try self.bus.publishQuote(key: key, version: version, body: body, channel: channel)
    }
    func registerQuoteConsumer(_ consumer: String) throws { try self.bus.registerQuoteConsumer(consumer) }
    func advanceQuoteCursor(of consumer: String, key: DocumentKey, version: Int64) throws {
        try self.bus.advanceQuoteCursor(of: consumer, key: key, version: version)
    }
    func quotes() throws -> [(key: DocumentKey, document: StoredDocument)] { try self.bus.quotes() }
    func acquireLease(_ name: String, holder: String, for duration: Duration) throws -> Bool {
        try self.bus.acquireLease(name, holder: holder, for: duration)
    }
    func takeRequest(_ urgency: RequestUrgency, of budget: RateBudget, goesOn: Bool) throws -> RateAnswer {
        try self.bus.takeRequest(urgency, of: budget, goesOn: goesOn)
    }
    func postNotice(_ notice: BrokerNotice, on budget: RateBudget, for duration: Duration) throws {
        try self.bus.postNotice(notice, on: budget, for: duration)
    }
    func endNotice(probe: Int64, on budget: RateBudget) throws { try self.bus.endNotice(probe: probe, on: budget) }
    func releaseLease(_ name: String, holder: String) throws { try self.bus.releaseLease(name, holder: holder) }
    func quiescence(of groups: [(stream: StreamName, group: String)]) throws -> Quiescence {
        try self.bus.quiescence(of: groups)
    }
    func removeConsumers(of group: String, on streams: [StreamName], silentFor silence: Duration) throws {
        try self.bus.removeConsumers(of: group, on: streams, silentFor: silence)
    }
    func beginLedger(_ id: String) throws -> String { try self.bus.beginLedger(id) }
    func trim(_ stream: StreamName, keeping length: Int, unacknowledgedBy groups: [String]) throws {
        try self.bus.trim(stream, keeping: length, unacknowledgedBy: groups)
    }
    func appendedCount(of stream: StreamName) throws -> Int64 { try self.bus.appendedCount(of: stream) }
    func tail(of stream: StreamName, limit: Int) throws -> [(id: String, body: [UInt8])] {
        try self.bus.tail(of: stream, limit: limit)
    }
    func entries(of stream: StreamName, after id: String?, limit: Int) throws -> [(id: String, body: [UInt8])] {
        try self.bus.entries(of: stream, after: id, limit: limit)
    }
}
