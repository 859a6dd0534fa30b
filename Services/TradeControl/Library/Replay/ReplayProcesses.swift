import AgentRuntime
import Brokerage
import MarketSimulation
import TradingCore

/// The processes of a replay: who they are and what they are told.
package struct ReplayProcesses {
    /// In the private Redis.
    package static let namespace = "quintet"
    package static let simulatorName = "broker-simulator"
    package static let storeName = "redis-server"

    private let settings: ReplaySettings
    private let directory: RunDirectory
    private let redisPort: UInt16

    package init(_ settings: ReplaySettings, directory: RunDirectory, redisPort: UInt16) {
        self.settings = settings
        self.directory = directory
        self.redisPort = redisPort
    }

    package var redisURL: String { "redis://127.0.0.1:\(self.redisPort)" }

    /// - Throws: `CommandFailure` with `.unavailable` if a program is not there.
    package static func checkPrograms(_ settings: ReplaySettings) throws(CommandFailure) {
        for name in AgentName.allCases.map(\.rawValue) + [Self.simulatorName] {
            let path = "\(settings.binaries)/\(name)"
            guard FileSystem.isExecutable(path) else {
                throw CommandFailure(
                    .unavailable,
                    "There is no program \(path): build it with `make build`, or name the folder that "
                        + "has it with --binaries."
                )
            }
        }
        guard FileSystem.program(Self.storeName, on: Self.searchPath(settings)) != nil else {
            throw CommandFailure(
                .unavailable,
                "redis-server is not installed: type `sudo apt-get install -y redis-server`."
            )
        }
    }

    package func store() throws(CommandFailure) -> Supervisor.Task {
        try FileSystem.makeFolder(self.directory.redisData)
        try FileSystem.replace(self.directory.address("redis"), with: self.redisURL + "\n")
        let path = Self.searchPath(self.settings)
        // With everysec Redis may answer before it has written, and a killed Redis would forget what it acknowledged.
        // With no it always writes first; only a machine that loses power could lose the last seconds.
        var command = [
            FileSystem.program(Self.storeName, on: path) ?? Self.storeName,
            "--bind", "127.0.0.1", "--port", String(self.redisPort), "--dir", self.directory.redisData,
            "--appendonly", "yes", "--appendfsync", "no", "--save", "", "--maxmemory-policy", "noeviction",
        ]
        // Nothing of a replay is to survive a SIGKILL of this process. Agents see to that themselves.
        if let launcher = FileSystem.program("setpriv", on: path) {
            command = [launcher, "--pdeathsig", "KILL", "--"] + command
        }
        return Supervisor.Task(
            name: Self.storeName,
            role: .store,
            program: command[0],
            arguments: Array(command.dropFirst()),
            environment: self.settings.environment,
            logFile: self.directory.log(Self.storeName),
            pidFile: self.directory.pidFile("redis")
        )
    }

    package func simulator() -> Supervisor.Task {
        var environment = self.commonEnvironment
        environment["BARS"] = self.settings.barsPath
        environment["CASH"] = self.settings.cash.description
        environment["HTTP_PORT"] = "0"
        environment["CONTROL_PORT"] = "0"
        environment["PORT_FILE"] = self.directory.simulatorPorts
        environment["SCHWAB_REFRESH_TOKEN"] = Self.schwabRefreshToken
        environment["SCHWAB_ACCOUNT_NUMBER"] = Self.schwabAccount
        return Supervisor.Task(
            name: Self.simulatorName,
            role: .essential,
            program: "\(self.settings.binaries)/\(Self.simulatorName)",
            environment: environment,
            logFile: self.directory.log(Self.simulatorName),
            pidFile: self.directory.pidFile(Self.simulatorName)
        )
    }

    /// What leads an agent to the simulator.
    private func broker(port: UInt16) -> [String: String] {
        let root = "http://127.0.0.1:\(port)"
        var environment: [String: String] = [:]
        switch self.settings.dialect {
        case .alpaca:
            environment["BROKER"] = "simulator"
            environment["SIMULATOR_URL"] = root
        case .schwab:
            environment["BROKER"] = "schwab"
            environment["SCHWAB_BASE_URL"] = root
            environment["SCHWAB_CALLBACK_URL"] = "https://127.0.0.1:8182"
            environment["SCHWAB_ACCOUNT_NUMBER"] = Self.schwabAccount
            environment["SCHWAB_TOKEN_FILE"] = self.directory.schwabLogin
            environment["SCHWAB_APP_KEY"] = "simulated"
            environment["SCHWAB_APP_SECRET"] = "simulated"
        }
        return environment
    }

    private static let schwabAccount = "12345678"
    private static let schwabRefreshToken = "simulated"

    /// A login at the simulator, as a person would have made it.
    package func logIn() throws(CommandFailure) {
        guard self.settings.dialect == .schwab else { return }
        do {
            try SchwabLogin.adopt(
                refreshToken: Self.schwabRefreshToken,
                tokenFile: self.directory.schwabLogin,
                now: WallClock.now()
            )
        } catch {
            throw CommandFailure(.failed, "The simulated login could not be kept: \(error)")
        }
    }

    /// Every agent, each replica a task of its own.
    package func agents(simulatorPort: UInt16, ports: inout LoopbackPorts) throws(CommandFailure) -> [Supervisor.Task] {
        var tasks: [Supervisor.Task] = []
        for agent in AgentName.allCases {
            for replica in 1...(self.settings.replicas[agent] ?? 1) {
                let instance = "\(agent)-\(replica)"
                var environment = self.commonEnvironment
                environment["AGENT_INSTANCE"] = instance
                let port = try ports.next()
                let name = replica == 1 ? agent.rawValue : instance
                environment["HTTP_PORT"] = String(port)
                try FileSystem.replace(self.directory.address(name), with: "http://127.0.0.1:\(port)\n")
                environment.merge(self.broker(port: simulatorPort)) { $1 }
                // The simulator takes every price, and bars may have finer ones than an exchange.
                environment["ORDER_TICK_RULE"] = environment["ORDER_TICK_RULE"] ?? "none"
                // Nor does it count requests, unless it is told to.
                for key in ["BROKER_REQUESTS_PER_MINUTE", "BROKER_DATA_REQUESTS_PER_MINUTE"] {
                    environment[key] = environment[key] ?? "0"
                }
                environment["SYMBOLS"] = self.settings.bars.symbols.map(\.rawValue).joined(separator: ",")
                environment["TIMEFRAME"] = self.settings.timeframe.rawValue
                environment["MARKET_TIME"] = MarketTime.simulated.rawValue
                tasks.append(
                    Supervisor.Task(
                        name: instance,
                        role: .agent,
                        program: "\(self.settings.binaries)/\(agent)",
                        environment: environment,
                        logFile: self.directory.log(instance),
                        pidFile: self.directory.pidFile(name)
                    )
                )
            }
        }
        return tasks
    }

    /// What to say of the environment's variables of which the agents get others; nil if there is none.
    package func notice(for agents: [Supervisor.Task]) -> String? {
        let names = self.settings.environment.filter { name, value in
            !value.isEmpty && agents.contains { $0.environment[name] != value }
        }.keys.sorted()
        guard !names.isEmpty else { return nil }
        let fromBars = ["SYMBOLS", "TIMEFRAME"]
        let list = names.map { fromBars.contains($0) ? "\($0) (from the bars folder)" : $0 }.joined(separator: ", ")
        return "not taken from the environment, because a run sets them itself: \(list)"
    }

    private var commonEnvironment: [String: String] {
        var environment = self.settings.environment
        // What would send a process elsewhere, or stand against what is set here.
        for key in [
            "APCA_API_KEY_ID", "APCA_API_SECRET_KEY", "APCA_ACCOUNT_NUMBER", "SCHWAB_APP_KEY", "SCHWAB_APP_SECRET",
            "SCHWAB_ACCOUNT_NUMBER",
        ] {
            environment[key] = nil
            environment[key + "_FILE"] = nil
        }
        for key in [
            "PID_FILE", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "REDIS_CA_FILE", "REDIS_CERTIFICATE_FILE",
            "REDIS_KEY_FILE",
        ] {
            environment[key] = nil
        }
        environment["REDIS_URL"] = self.redisURL
        environment["QUINTET_NAMESPACE"] = Self.namespace
        environment["HTTP_HOST"] = "127.0.0.1"
        environment["LOG_FORMAT"] = "json"
        environment["LOG_LEVEL"] = self.settings.logLevel
        environment["EXIT_WITH_PARENT"] = "1"
        return environment
    }

    private static func searchPath(_ settings: ReplaySettings) -> String {
        // Debian keeps servers where a user's PATH need not lead.
        (settings.environment["PATH"] ?? "") + ":/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    }
}
