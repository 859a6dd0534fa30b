import AgentRuntime
import BrokerSimulator
import Glibc
import Logging
import MarketSimulation
import MessageBus
import ServiceLifecycle
import Telemetry
import TradingCore
import UnixSignals

/// The simulator as a process of its own.
///
/// | environment | default |
/// |---|---|
/// | `BARS` | required: the folder of `SYMBOL.csv` files |
/// | `CASH` | `10000` |
/// | `HTTP_HOST`, `HTTP_PORT`, `CONTROL_PORT` | `127.0.0.1`, 8080, any free port |
/// | `PORT_FILE` | none; gets `{"port":…,"control_port":…}` |
/// | `REDIS_URL`, `QUINTET_NAMESPACE` | none, `quintet`; without the URL the replay waits for no message bus |
/// | `REQUIRED_STREAMS` | `market-data,trade-updates`; `none` replays without clients |
/// | `APCA_API_KEY_ID`, `APCA_API_SECRET_KEY` | any key and secret are taken |
/// | `SCHWAB_APP_KEY`, `SCHWAB_APP_SECRET` | any key and secret are taken |
/// | `SCHWAB_REFRESH_TOKEN` | none; a login made before, for replays without a person |
/// | `SCHWAB_ACCOUNT_NUMBER` | `12345678` |
/// | `FAULTS` | none; how the broker misbehaves, such as `accept-then-504:entry:every=3,disconnect:updates:every=9` |
/// | `TRADE_UPDATE_FRAMES` | `text`, as for live accounts; `binary` as for paper ones |
/// | `STREAM_SYMBOL_LIMIT` | none; symbols that one market-data socket may subscribe to |
/// | `RECORDING` | none; a file that gets what clients ask and are answered, one JSON object a line, without keys |
/// | `RESULT_FILE` | none; gets at the end what `GET /result` would tell then |
/// | `FILL_FRACTION` | `1`; how much of an order one tick fills |
/// | `TICK_RULE` | `false`; refuses prices finer than a cent |
/// | `STRICT_BARS` | `false`; refuses an open or close outside low to high |
package enum BrokerSimulatorProcess {
    private static let name = "broker-simulator"
    private static let usage = """
        broker-simulator: a broker made of bars, for the agents and for any client of Alpaca's or Schwab's.

        It takes no arguments but \(HealthQuestion.option), which asks the one that runs here whether it answers on
        CONTROL_PORT and ends with 0 if it does. Its settings come from the environment: BARS=<folder> is required,
        HTTP_PORT (8080) is where clients find it, CONTROL_PORT (any free port) tells how far it is.
        Services/BrokerSimulator/README.md lists them.

        """

    /// Returns after SIGTERM or SIGINT. Prints why it cannot start and ends the process: with code 65 for bars, with 78
    /// for a setting that cannot be used, else with 1.
    package static func run() async {
        ProgramUsage(program: Self.name, text: Self.usage, options: [HealthQuestion.option]).endIfAsked()
        do {
            try await Self.start()
        } catch {
            Self.printError("\(Self.name): \(error)")
            switch error {
            case is BarFileError: exit(65)
            case is ConfigurationError: exit(78)
            default: exit(1)
            }
        }
    }

    private static func start() async throws {
        let settings = try Settings()
        let common = try CommonSettings(settings, agent: Self.name, defaultHTTPPort: 8080)
        let controlPort = try settings.int("control.port", default: 0, in: 0...65_535)
        if HealthQuestion.isAsked {
            return try HealthQuestion.ask(host: common.httpHost, port: controlPort, "CONTROL_PORT", path: "/status")
        }
        let usesBus = try settings.optionalString("redis.url") != nil
        let configuration = try BrokerSimulatorConfiguration(settings, common, controlPort: controlPort)
        let path = try settings.requiredString("bars")
        let isStrict = try settings.bool("strict.bars", default: false)
        let parentWatch = try ParentWatch(settings)
        let endpoint = usesBus ? common.redis : nil
        var warnings: [String] = []
        let bars = try BarFolder(path: path, strict: isStrict) { warnings.append($0) }

        Telemetry.bootstrap(service: Self.name, level: common.logLevel, format: common.logFormat)
        let logger = Logger(label: Self.name)
        for warning in warnings { logger.warning("\(warning)") }
        let simulator = try await BrokerSimulator.start(
            configuration,
            bars: bars,
            logger: logger,
            makeQuiescenceCheck: endpoint.map { Self.quiescenceCheck($0, namespace: common.namespace) }
        )
        logger.info(
            "simulator listens",
            metadata: ["port": "\(simulator.port)", "control_port": "\(simulator.controlPort)"]
        )
        if let pidFile = common.pidFile { try PIDFile.write(pidFile) }

        var services: [any Service] = [
            SimulatorService(
                simulator: simulator,
                resultFile: try settings.optionalString("result.file"),
                logger: logger
            )
        ]
        if let parentWatch { services.append(parentWatch) }
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        group.maximumGracefulShutdownDuration = .seconds(5)
        group.maximumCancellationDuration = .seconds(1)
        try await ServiceGroup(configuration: group).run()
    }

    /// The connection is made, and stays, on the replay's thread.
    private static func quiescenceCheck(
        _ endpoint: RedisEndpoint,
        namespace: String
    ) -> @Sendable () -> QuiescenceCheck {
        let groups = AgentName.allCases.flatMap { agent in
            agent.allStreams.map { (stream: $0, group: agent.rawValue) }
        }
        return {
            let bus = RedisMessageBus(endpoint: endpoint, namespace: namespace)
            return { try bus.quiescence(of: groups) }
        }
    }

    private static func printError(_ text: String) {
        var line = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, &line, line.count)
    }
}

private struct SimulatorService: Service {
    let simulator: BrokerSimulator
    let resultFile: String?
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        await self.simulator.stop()
        if let resultFile { try self.simulator.writeResult(to: resultFile) }
        for (order, count) in self.simulator.strikes {
            self.logger.warning(
                "the broker misbehaved as ordered",
                metadata: ["fault": "\(order)", "fault.strikes": "\(count)"]
            )
        }
    }
}

extension BrokerSimulatorConfiguration {
    fileprivate init(_ settings: Settings, _ common: CommonSettings, controlPort: Int) throws {
        self.init(host: common.httpHost, port: common.httpPort)
        self.controlPort = controlPort
        self.portFile = try settings.optionalString("port.file")
        do {
            self.faults = try [FaultOrder](ordered: try settings.optionalString("faults") ?? "")
        } catch let error as BrokerSimulatorError {
            throw ConfigurationError(.malformed, "FAULTS: \(error)")
        }
        self.matching.cash = try settings.decimal("cash", default: Money(10_000), in: .zero...Money(1_000_000_000))
        self.matching.fillFraction = try settings.decimal("fill.fraction", default: .one, in: Rate(raw: 1)...Rate.one)
        self.matching.refusesSubPennyPrices = try settings.bool("tick.rule", default: false)
        self.recording = try settings.optionalString("recording")
        self.symbolLimit = try settings.int("stream.symbolLimit", default: .max, in: 1...1_000_000)
        let frames = try settings.optionalString("trade.update.frames") ?? "text"
        guard let form = StreamForm(rawValue: frames), form != .messagePack else {
            throw ConfigurationError(
                .malformed,
                "TRADE_UPDATE_FRAMES: \"\(frames.prefix(32))\" is no kind of frame; expected text or binary"
            )
        }
        self.tradeUpdateForm = form
        if let key = try settings.optionalSecret("apca.api.keyId") {
            self.credentials = Credentials(
                key: key.exposed,
                secret: try settings.secret("apca.api.secretKey").exposed
            )
        }
        self.schwab = try SchwabConfiguration(settings)
        let names = try settings.list("required.streams", default: StreamRole.allCases.map(\.rawValue))
        guard names != ["none"] else {
            self.requiredStreams = []
            return
        }
        self.requiredStreams = Set(
            try names.map { name in
                guard let role = StreamRole(rawValue: name) else {
                    throw ConfigurationError(
                        .malformed,
                        "REQUIRED_STREAMS: \"\(name)\" is no stream; expected market-data, trade-updates, both, or none"
                    )
                }
                return role
            }
        )
    }
}

extension SchwabConfiguration {
    fileprivate init(_ settings: Settings) throws {
        self.init()
        if let key = try settings.optionalSecret("schwab.app.key") {
            self.credentials = BrokerSimulatorConfiguration.Credentials(
                key: key.exposed,
                secret: try settings.secret("schwab.app.secret").exposed
            )
        }
        self.refreshToken = try settings.optionalSecret("schwab.refreshToken")?.exposed
        guard let number = try settings.optionalString("schwab.accountNumber") else { return }
        guard (1...18).contains(number.utf8.count),
            number.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else {
            throw ConfigurationError(
                .malformed,
                "SCHWAB_ACCOUNT_NUMBER: \"\(number.prefix(32))\" has other than digits"
            )
        }
        self.accountNumber = number
    }
}
