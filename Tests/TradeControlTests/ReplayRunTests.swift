import Glibc
import MarketSimulation
import MessageBus
import Synchronization
import TestSupport
import Testing
import TradeControl
import TradingCore

/// Real processes, a real redis-server; programs of one line stand in for the agents and the simulator.
@Suite("A replay over processes", .serialized)
struct ReplayRunTests {
    private static let wait = "exec sleep 600"
    let folder: TemporaryFolder

    init() throws {
        self.folder = try TemporaryFolder()
        try self.folder.write("timestamp,open,high,low,close,volume\n2009-02-06,19,20,18,19.66,100\n", to: "MSFT.csv")
        for agent in AgentName.allCases {
            try self.folder.writeScript(
                "echo $AGENT_INSTANCE $SYMBOLS $TIMEFRAME $MY_SETTING; \(Self.wait)",
                to: agent.rawValue
            )
        }
        try self.folder.writeScript(
            "echo '{\"port\":1,\"control_port\":2}' > \"$PORT_FILE\"; \(Self.wait)",
            to: "broker-simulator"
        )
    }

    private func settings(killEvery: Duration? = nil, replicas: [AgentName: Int] = [:]) throws -> ReplaySettings {
        try ReplaySettings(
            barsPath: self.folder.path,
            cash: LedgerFixture.startingCash,
            runDirectory: "\(self.folder.path)/run",
            binaries: self.folder.path,
            killEvery: killEvery,
            replicas: replicas,
            environment: ["PATH": "/usr/bin:/bin", "MY_SETTING": "passed on"]
        )
    }

    private func pid(_ name: String) -> Int32? { self.folder.pid("run/\(name).pid") }

    private func run(_ settings: ReplaySettings, _ simulator: FakeSimulator) throws -> ReplayRun.Outcome {
        let directory = try RunDirectory(settings.runDirectory)
        try directory.clear()
        var run = ReplayRun(settings, directory: directory) { _ in simulator }
        var outcome: ReplayRun.Outcome?
        try run.run {
            outcome = $0
            return false
        }
        return try #require(outcome)
    }

    @Test("Agents and Redis are killed on the way; the books are read at the end and nothing is left running")
    func killsOnTheWay() throws {
        let fixture = try LedgerFixture()
        var pids: [Int32] = []
        var kills = 0
        let simulator = FakeSimulator(result: fixture.broker) { question in
            switch question {
            case 1:
                // As agents would: into the Redis that the run has started.
                try fixture.store(in: try self.bus())
            case 2:
                kill(try #require(self.pid("redis")), SIGKILL)
                kill(try #require(self.pid("order-execution-agent")), SIGKILL)
                kill(try #require(self.pid("strategy-agent-2")), SIGKILL)
                kills = 2
            default:
                break
            }
            pids += ["redis", "broker-simulator", "strategy-agent", "strategy-agent-2", "order-execution-agent"]
                .compactMap(self.pid)
            return question >= 5
        }
        let outcome = try self.run(try self.settings(replicas: [.strategy: 2]), simulator)
        #expect(outcome.discrepancies == [])
        #expect(outcome.report.restarts == kills)
        #expect(outcome.report.redisRestarts == 1)
        #expect(outcome.report.deadLetters == 1 && outcome.report.lastDeadLetters.map(\.reason) == ["out of reach"])
        #expect(outcome.report.settings.strategy == "ma-rsi-volume")
        #expect(outcome.report.settings.symbols.map(\.rawValue) == ["MSFT"])
        #expect(outcome.report.trades.map(\.symbol.rawValue) == ["MSFT"])
        #expect(Set(pids).count == 8)
        #expect(Set(pids).allSatisfy { !isRunning($0) })
        let left = self.folder.names(in: "run").filter { $0.contains(".") }
        #expect(left == [], "addresses and pids of processes that are gone")
        #expect(
            self.folder.text("run/logs/strategy-agent-2.log")
                == "strategy-agent-2 MSFT 1Day passed on\nstrategy-agent-2 MSFT 1Day passed on\n"
        )
    }

    @Test("--kill-every kills agents again and again")
    func killEvery() throws {
        let fixture = try LedgerFixture()
        let simulator = FakeSimulator(result: fixture.broker) { question in
            if question == 1 { try fixture.store(in: try self.bus()) }
            return question >= 8
        }
        let outcome = try self.run(try self.settings(killEvery: .milliseconds(100)), simulator)
        #expect((outcome.report.restarts ?? 0) >= 5)
        #expect(outcome.discrepancies == [])
    }

    @Test("Books that do not agree are told apart")
    func disagreement() throws {
        let fixture = try LedgerFixture()
        var broker = fixture.broker
        broker.cash = Money(1)
        let simulator = FakeSimulator(result: broker) { _ in
            try fixture.store(in: try self.bus())
            return true
        }
        let outcome = try self.run(try self.settings(), simulator)
        #expect(outcome.discrepancies.map(\.description) == ["the broker's cash: expected 9031.75, found 1"])
    }

    @Test("The simulator's end ends the run, with its last words")
    func simulatorEnds() throws {
        try self.folder.writeScript("echo out of bars >&2; exit 4", to: "broker-simulator")
        let simulator = FakeSimulator(result: try LedgerFixture().broker) { _ in true }
        let failure = try #require(throws: CommandFailure.self) { try self.run(try self.settings(), simulator) }
        #expect(failure.description.contains("broker-simulator ended with exit code 4"))
        #expect(failure.description.contains("out of bars"))
        #expect(self.pid("redis") == nil)
    }

    @Test("What of the environment a run sets itself is said, by name only")
    func notice() throws {
        var settings = try self.settings()
        func notice() throws -> String? {
            let directory = try RunDirectory(settings.runDirectory)
            try directory.clear()
            let processes = ReplayProcesses(settings, directory: directory, redisPort: 1)
            var ports = LoopbackPorts()
            return processes.notice(for: try processes.agents(simulatorPort: 2, ports: &ports))
        }
        #expect(try notice() == nil)
        settings.environment["SYMBOLS"] = "AAPL"
        settings.environment["TIMEFRAME"] = "1Day"
        settings.environment["REDIS_URL"] = "redis://elsewhere"
        settings.environment["APCA_API_SECRET_KEY_FILE"] = "/secret"
        settings.environment["HTTP_PORT"] = ""
        #expect(
            try notice() == "not taken from the environment, because a run sets them itself: "
                + "APCA_API_SECRET_KEY_FILE, REDIS_URL, SYMBOLS (from the bars folder)"
        )
    }

    @Test("Programs that are missing are named with what to do")
    func missingProgram() throws {
        var settings = try self.settings()
        settings.binaries = "\(self.folder.path)/nowhere"
        let failure = try #require(throws: CommandFailure.self) { try ReplayProcesses.checkPrograms(settings) }
        #expect(failure.code == .unavailable)
        #expect(failure.description.contains("nowhere/market-data-agent"))
    }

    /// The run's own Redis, by the port that its process shows.
    private func bus() throws -> RedisMessageBus {
        let pid = try #require(self.pid("redis"))
        let command = try #require(Files.text("/proc/\(pid)/cmdline"))
        let port = try #require(command.split(separator: ":").last.flatMap { UInt16($0.prefix { $0.isNumber }) })
        return RedisMessageBus(
            endpoint: RedisEndpoint(address: .tcp(host: "127.0.0.1", port: port)),
            namespace: ReplayProcesses.namespace
        )
    }
}

/// Answers as the simulator's control port would; finished when the closure says so.
private final class FakeSimulator: SimulatorControl {
    private let answer: (Int) throws -> Bool
    private let outcome: SimulatorResult
    private let questions = Mutex(0)

    init(result: SimulatorResult, answer: @escaping (_ question: Int) throws -> Bool) {
        self.outcome = result
        self.answer = answer
    }

    func status() throws -> SimulatorStatus {
        let question = self.questions.withLock { questions in
            questions += 1
            return questions
        }
        let isFinished: Bool
        do {
            isFinished = try self.answer(question)
        } catch {
            Issue.record(error)
            isFinished = true
        }
        return SimulatorStatus(
            time: Timestamp(seconds: Int64(question)),
            session: 1,
            sessions: 1,
            ticks: question,
            isFinished: isFinished
        )
    }

    func result() throws -> SimulatorResult { self.outcome }
}
