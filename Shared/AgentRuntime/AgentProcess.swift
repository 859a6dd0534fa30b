package import Brokerage
import CoreMetrics
import Glibc
import HTTPTransport
import Logging
import MessageBus
import NIOPosix
import ServiceLifecycle
import Telemetry
package import TradingCore
import UnixSignals

/// What one agent's executable says about itself; everything else is the same for all five.
package struct AgentDefinition: Sendable {
    package var agent: AgentName
    package var defaultHTTPPort: Int
    /// Makes the judgement from configuration. Called on the agent's thread; `seed` names this installation for good.
    package var makeJudgement: @Sendable (Settings, _ seed: String) throws -> any Judgement
    /// The broker stream this agent owns, if it owns one at that broker.
    package var makeFeed: (@Sendable (Settings, BrokerSettings) throws -> (any BrokerFeed)?)?
    /// Whether the agent looks for positions that nothing protects; that is another's work, which may hang.
    package var watchesProtection = false
    /// How often the agent polls by default; nil for never.
    package var pollInterval: Duration?

    package init(
        agent: AgentName,
        defaultHTTPPort: Int,
        makeJudgement: @escaping @Sendable (Settings, _ seed: String) throws -> any Judgement
    ) {
        self.agent = agent
        self.defaultHTTPPort = defaultHTTPPort
        self.makeJudgement = makeJudgement
    }
}

/// Runs one agent from configuration to graceful stop.
package enum AgentProcess {
    /// Has a process read its configuration and end, with code 0 if it can be used.
    package static let checkOption = "--check-configuration"

    /// Returns when the process has been asked to stop and has finished what it had in hand. A configuration that
    /// cannot be used is printed and ends the process with code 78. Arguments end it as well: with `--help` it says what
    /// it is.
    package static func run(_ definition: AgentDefinition) async {
        ProgramUsage(agent: definition.agent, defaultHTTPPort: definition.defaultHTTPPort).endIfAsked()
        do {
            try await Self.start(definition)
        } catch {
            Self.print("\(definition.agent): \(error)")
            exit(error is ConfigurationError || error is any ConfigurationProblem ? 78 : 1)
        }
    }

    private static func start(_ definition: AgentDefinition) async throws {
        // A peer that hangs up in mid-write is an error to handle, not a reason to die.
        signal(SIGPIPE, SIG_IGN)
        let settings = try Settings()
        if HealthQuestion.isAsked {
            let common = try CommonSettings(settings, definition)
            return try HealthQuestion.ask(host: common.httpHost, port: common.httpPort, "HTTP_PORT", path: "/readyz")
        }
        let configuration = try AgentConfiguration(settings, definition)
        // Everything is read once before anything runs, so that a wrong value stops the start.
        _ = try definition.makeJudgement(settings, "")
        let feed = try configuration.broker.flatMap { try definition.makeFeed?(settings, $0) ?? nil }
        let parentWatch = try ParentWatch(settings)
        settings.declare(AgentConfiguration.sharedKeys)
        try settings.refuseUnknownKeys()
        if CommandLine.arguments.dropFirst().contains(Self.checkOption) { return }

        let common = configuration.common
        let metrics = Telemetry.bootstrap(
            service: definition.agent.rawValue,
            level: common.logLevel,
            format: common.logFormat,
            metricHelp: MetricName.help,
            metricLabels: [("agent", definition.agent.rawValue)]
        )
        Gauge(label: MetricName.startTime.rawValue).record(WallClock.now().seconds)
        Gauge(
            label: MetricName.buildInfo.rawValue,
            dimensions: [("broker", configuration.brokerName), ("schema_version", "\(Message.schemaVersion)")]
        ).record(1)
        let heartbeat = Heartbeat("the main loop")
        let lanes = definition.agent.lanes.map { (lane: $0, heartbeat: Heartbeat("lane \($0.rawValue)")) }
        // A lane may wait for several answers to one call, such as bars of many pages.
        let check = configuration.broker.map { _ in Heartbeat("the broker check") }
        let vitals = Vitals(
            [(heartbeat, .seconds(30))]
                + (lanes.map(\.heartbeat) + [check].compactMap(\.self)).map { ($0, .seconds(120)) }
        )
        let stop = StopSignal()
        let desk = AgentDesk(
            definition: definition,
            configuration: configuration,
            stop: stop,
            gate: BrokerGate(stop: stop),
            heartbeat: heartbeat,
            readiness: ReadinessBoard(
                waitingFor: ["redis"] + (feed == nil ? [] : ["broker stream"])
                    + (check == nil ? [] : [BrokerCheck.readinessName])
            ),
            logger: Logger(label: definition.agent.rawValue)
        )
        let health = try await HealthServer.start(
            host: common.httpHost,
            port: common.httpPort,
            liveness: vitals.liveness,
            readiness: desk.readiness,
            metrics: metrics
        )
        if let path = common.pidFile { try PIDFile.write(path) }

        var services: [any Service] = [health]
        if let broker = configuration.broker, let check {
            services.append(ThreadService(stop: desk.stop) { desk.check(broker, beating: check) })
            services += lanes.map { lane, heartbeat in
                ThreadService(stop: desk.stop) { desk.work(lane, at: broker, heartbeat: heartbeat) }
            }
        }
        if let collector = configuration.tracing.collector {
            services.append(ThreadService(stop: desk.stop) { desk.exportSpans(to: collector) })
        }
        services.append(ThreadService(stop: desk.stop) { desk.watchLedger() })
        services.append(ThreadService(stop: desk.stop) { try desk.judge(settings, feed: feed) })
        if let parentWatch { services.append(parentWatch) }
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: desk.logger
        )
        group.maximumGracefulShutdownDuration = .seconds(5)
        group.maximumCancellationDuration = .seconds(1)
        try await ServiceGroup(configuration: group).run()
    }

    private static func print(_ text: String) {
        var line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, &line, line.count)
    }
}

/// What an agent reads from its configuration, whatever the agent.
struct AgentConfiguration: Sendable {
    let common: CommonSettings
    /// Nil for an agent that asks the broker nothing, which needs no key for it.
    let broker: BrokerSettings?
    let brokerName: String
    let tls: TLSSettings
    let loop: AgentLoopSettings
    let tracing: TracingSettings
    let breaker: BreakerSettings
    let rates: RateBudgets
    let marketTime: MarketTime
    /// How long a stream that is to bring quotes may bring none while a session is open; nil where it may for ever, as in
    /// a replay unless it is set.
    let streamSilence: Duration?

    /// One file or environment may serve all processes: what the others read is no mistake.
    static let sharedKeys = [
        "symbols", "timeframe", "strategy.name", "strategy.parameters", "risk.maxPositionValue",
        "risk.maxPositionShare", "risk.cashReserve", "risk.maxDrawdown", "risk.maxStopDistance",
        "risk.minRewardRiskRatio", "risk.approvalLifetime", "order.partialFillSeconds", "order.tickRule",
        "poll.interval", "market.dailyBarDelay", "schwab.loginReserve", "trade.live",
        // The other brokers', or those of agents that ask one.
        "brokerRequestsPerMinute", "brokerDataRequestsPerMinute", "brokerReservedShare", "simulator.url",
        "apca.accountNumber", "apca.accountNumberFile",
        "apca.api.keyId", "apca.api.keyIdFile", "apca.api.secretKey", "apca.api.secretKeyFile", "apca.api.baseUrl",
        "apca.api.dataUrl", "apca.api.streamUrl", "apca.api.feed", "schwab.app.key", "schwab.app.keyFile",
        "schwab.app.secret", "schwab.app.secretFile", "schwab.callbackUrl", "schwab.accountNumber",
        "schwab.accountNumberFile", "schwab.tokenFile", "schwab.baseUrl",
    ]

    init(_ settings: Settings, _ definition: AgentDefinition) throws {
        self.common = try CommonSettings(settings, definition)
        self.broker = definition.agent.asksBroker ? try BrokerSettings(settings) : nil
        self.brokerName = try BrokerSettings.name(settings)
        self.tls = try TLSSettings(settings)
        var loop = AgentLoopSettings(instance: self.common.instance)
        if let interval = definition.pollInterval {
            loop.pollInterval = try settings.duration(
                "poll.interval",
                default: interval,
                in: .seconds(1)...Duration.seconds(86_400)
            )
        }
        loop.claimIdle = try settings.duration(
            "claim.idle",
            default: loop.claimIdle,
            in: .seconds(15)...Duration.seconds(86_400)
        )
        loop.maximumDeliveries = try settings.int("max.deliveries", default: loop.maximumDeliveries, in: 3...1000)
        let tracing = try TracingSettings(settings)
        loop.isTraced = tracing.sampler != .none
        self.tracing = tracing
        self.loop = loop
        self.breaker = try BreakerSettings(settings)
        self.rates = try self.broker.map { try RateBudgets(settings, $0) } ?? RateBudgets()
        self.marketTime = try MarketTime(settings)
        let isSilenceSet = try settings.optionalString("stream.silence") != nil
        let silence = try settings.duration(
            "stream.silence",
            default: .seconds(60),
            in: .seconds(1)...Duration.seconds(3600)
        )
        self.streamSilence = isSilenceSet || self.marketTime == .wall ? silence : nil
    }
}

/// What the threads of one agent share.
struct AgentDesk: Sendable {
    let definition: AgentDefinition
    let configuration: AgentConfiguration
    let stop: StopSignal
    let gate: BrokerGate
    let heartbeat: Heartbeat
    let readiness: ReadinessBoard
    let logger: Logger
    let installation = Installation()

    /// The agent's own thread.
    func judge(_ settings: Settings, feed: (any BrokerFeed)?) throws {
        let (bus, seed) = self.join(beating: self.heartbeat, telling: self.readiness)
        let gate = self.gate
        gate.onOpen(bus.wakeSignal.wake)
        let driver = feed.map {
            FeedDriver(
                feed: $0,
                leaseName: self.definition.agent.feedLease ?? self.definition.agent.rawValue,
                holder: self.configuration.common.instance,
                quoteSilence: self.configuration.streamSilence,
                tls: self.configuration.tls,
                group: MultiThreadedEventLoopGroup.singleton,
                logger: self.logger,
                readiness: self.readiness,
                mayConnect: { gate.isOpen(for: .marketData) },
                wake: bus.wakeSignal.wake
            )
        }
        AgentLoop(
            judgement: try self.definition.makeJudgement(settings, seed),
            settings: self.configuration.loop,
            bus: bus,
            feed: driver,
            login: self.loginWatch,
            protection: self.definition.watchesProtection
                ? ProtectionWatch(patience: Self.unprotectedPatience, logger: self.logger) : nil,
            stop: self.stop,
            readiness: self.readiness,
            heartbeat: self.heartbeat,
            logger: self.logger
        ).run()
    }

    /// The thread of one broker lane.
    func work(_ lane: BrokerLane, at broker: BrokerSettings, heartbeat: Heartbeat) {
        let tls = self.configuration.tls
        LaneWorker(
            agent: self.definition.agent,
            lane: lane,
            instance: self.configuration.common.instance,
            bus: self.join(beating: heartbeat).bus,
            stop: self.stop,
            readiness: self.readiness,
            heartbeat: heartbeat,
            logger: self.logger,
            claimIdle: self.configuration.loop.claimIdle,
            breaker: self.configuration.breaker,
            rates: self.configuration.rates,
            marketTime: self.configuration.marketTime,
            brokerGate: self.gate,
            brokerName: self.configuration.brokerName,
            isTraced: self.configuration.loop.isTraced,
            makeBroker: { broker.makeBroker(tls, gate: $0) }
        ).run()
    }

    /// The thread that asks the broker whose account this is.
    func check(_ settings: BrokerSettings, beating heartbeat: Heartbeat) {
        let broker = settings.makeBroker(self.configuration.tls)
        BrokerCheck(
            ask: { () throws(BrokerError) in try broker.checkAccount() },
            settingNames: settings.names,
            gate: self.gate,
            stop: self.stop,
            readiness: self.readiness,
            heartbeat: heartbeat,
            logger: self.logger
        ).run()
    }

    /// The thread that sends spans; slow or gone, the collector is no reason to restart a process that trades.
    func exportSpans(to collector: OTLPCollector) {
        let heartbeat = Heartbeat("span export")
        let (bus, _) = self.join(beating: heartbeat)
        SpanExport(
            to: collector,
            settings: self.configuration.tracing,
            client: CurlHTTPClient(tls: self.configuration.tls, maximumResponseBytes: CollectorAnswer.maximumBytes),
            bus: bus,
            holder: self.configuration.common.instance,
            stop: self.stop,
            heartbeat: heartbeat,
            logger: self.logger
        ).run()
    }

    /// The thread that reads what metrics tell of the ledger; that they cannot be read is no reason to restart either.
    func watchLedger() {
        let heartbeat = Heartbeat("ledger watch")
        LedgerWatch(
            agent: self.definition.agent,
            bus: self.join(beating: heartbeat).bus,
            rates: self.configuration.rates,
            marketTime: self.configuration.marketTime,
            stop: self.stop,
            heartbeat: heartbeat,
            logger: self.logger
        ).run()
    }

    /// Longer than a partly filled entry may take, a stop that is refused and its sale.
    private static let unprotectedPatience = Duration.seconds(30)

    /// Nil where there is no login, or nobody here uses it.
    private var loginWatch: LoginWatch? {
        guard let look = self.configuration.broker?.loginReader, !self.definition.agent.lanes.isEmpty else {
            return nil
        }
        return LoginWatch(look: look, logger: self.logger)
    }

    /// A thread's own bus, which changes no other ledger than the process's.
    private func join(
        beating heartbeat: Heartbeat,
        telling readiness: ReadinessBoard? = nil
    ) -> (bus: RedisMessageBus, installation: String) {
        let bus = RedisMessageBus(
            endpoint: self.configuration.common.redis,
            namespace: self.configuration.common.namespace
        )
        self.stop.onStop(bus.wakeSignal.wake)
        let id = self.installation.join(
            bus: bus,
            stop: self.stop,
            readiness: readiness,
            heartbeat: heartbeat,
            logger: self.logger
        )
        bus.installation = id
        return (bus, id)
    }
}

extension CommonSettings {
    fileprivate init(_ settings: Settings, _ definition: AgentDefinition) throws(ConfigurationError) {
        try self.init(settings, agent: definition.agent.rawValue, defaultHTTPPort: definition.defaultHTTPPort)
    }
}

/// An error in what the user configured, beside `ConfigurationError`.
package protocol ConfigurationProblem: Error {}

extension BreakerSettings {
    /// `BREAKER_FAILURES` and `BREAKER_OPEN_FOR`.
    package init(_ settings: Settings) throws(ConfigurationError) {
        self.init()
        self.failureThreshold = try settings.int("breaker.failures", default: self.failureThreshold, in: 1...100)
        self.openFor = try settings.duration(
            "breaker.openFor",
            default: self.openFor,
            in: .seconds(1)...Duration.seconds(86_400)
        )
    }
}
