import Glibc
import MessageBus
import TradingCore

/// One replay over real processes: starts them, keeps them going, ends them, and holds the books against each other.
///
/// Belongs to the main thread, which it blocks.
package struct ReplayRun {
    package struct Outcome: Sendable {
        package var report: ReplayReport
        /// Empty if the books are in order.
        package var discrepancies: [Discrepancy]
    }

    /// A signal has asked this process to end.
    package struct Interruption: Error, Hashable {
        package var signal: Int32
    }

    private static let startPatience: Duration = .seconds(30)
    private static let standstill: Duration = .seconds(120)

    private let settings: ReplaySettings
    private let directory: RunDirectory
    private let signals: TerminationSignals
    private let connect: (SimulatorPorts) -> any SimulatorControl
    private let supervisor = Supervisor()
    private var display = ProgressDisplay()
    private var progress = ReplayProgress()
    private let startedAt = ContinuousClock.now

    /// - Parameter connect: how to ask a simulator that listens on these ports.
    package init(
        _ settings: ReplaySettings,
        directory: RunDirectory,
        connect: @escaping (SimulatorPorts) -> any SimulatorControl = { HTTPSimulatorControl(port: $0.control) }
    ) {
        self.signals = TerminationSignals()
        self.settings = settings
        self.directory = directory
        self.connect = connect
    }

    /// Runs the replay to its end. Nothing that it has started is left when it returns.
    ///
    /// - Parameter report: is handed what the replay has come to; returns whether to keep the processes going after that,
    ///   until a signal comes.
    /// - Throws: `CommandFailure`, what `report` throws, or `Interruption` when a signal has come before the end.
    package mutating func run(_ report: (Outcome) throws -> Bool) throws {
        defer {
            self.display.clear()
            self.supervisor.stopAll()
            self.directory.forgetProcesses()
        }
        var ports = LoopbackPorts()
        let processes = ReplayProcesses(self.settings, directory: self.directory, redisPort: try ports.next())
        try self.supervisor.start(try processes.store())
        let bus = try self.connectedBus(processes)
        try self.supervisor.start(processes.simulator())
        let simulatorPorts = try self.simulatorPorts()
        try processes.logIn()
        let agents = try processes.agents(simulatorPort: simulatorPorts.broker, ports: &ports)
        if let notice = processes.notice(for: agents) { FileSystem.write("tradectl: \(notice)\n", to: STDERR_FILENO) }
        for agent in agents { try self.supervisor.start(agent) }
        let simulator = self.connect(simulatorPorts)
        try self.follow(simulator, bus)
        let elapsed = ContinuousClock.now - self.startedAt
        let result = try self.persistently("The simulator did not give its result") { try simulator.result() }
        let ledger = try self.persistently("The ledger could not be read") { try Ledger(reading: bus) }
        let summary = ReplayReport(
            ledger: ledger,
            broker: result,
            settings: ReportedSettings(self.settings, strategy: ledger.strategy),
            elapsed: elapsed,
            restarts: self.supervisor.restarts(of: .agent),
            redisRestarts: self.supervisor.restarts(of: .store)
        )
        let discrepancies = LedgerAudit.discrepancies(in: ledger, broker: result, startingCash: self.settings.cash)
        self.display.clear()
        guard try report(Outcome(report: summary, discrepancies: discrepancies)) else { return }
        while self.signals.wait(upTo: .milliseconds(50)) == nil { try self.supervisor.tend() }
    }

    private func connectedBus(_ processes: ReplayProcesses) throws -> RedisMessageBus {
        let endpoint: RedisEndpoint
        do {
            endpoint = try RedisEndpoint(url: processes.redisURL)
        } catch {
            throw CommandFailure(.failed, "The private Redis cannot be addressed: \(error).")
        }
        let bus = RedisMessageBus(endpoint: endpoint, namespace: ReplayProcesses.namespace)
        try self.persistently("redis-server did not answer") { _ = try bus.appendedCount(of: .deadLetter) }
        return bus
    }

    private func simulatorPorts() throws -> SimulatorPorts {
        try self.persistently("broker-simulator did not open its ports") {
            guard let text = FileSystem.text(of: self.directory.simulatorPorts) else {
                throw CommandFailure(.failed, "\(self.directory.simulatorPorts) is not there yet")
            }
            return try SimulatorPorts(json: try JSONValue(parsing: Array(text.utf8)))
        }
    }

    /// Keeps the processes going until the simulator has replayed all bars.
    private mutating func follow(_ simulator: any SimulatorControl, _ bus: any MessageBus) throws {
        var killer = self.settings.killEvery.map { AgentKiller(interval: $0, seed: self.settings.seed) }
        var nextKill = killer?.nextDelay().fromNow
        var nextQuestion = ContinuousClock.now
        var lastMove = ContinuousClock.now
        while true {
            let now = ContinuousClock.now
            if let due = nextKill, now >= due, let victim = killer?.nextVictim(of: self.supervisor.agentCount) {
                self.supervisor.killAgent(at: victim)
                nextKill = killer?.nextDelay().fromNow
            }
            if now >= nextQuestion {
                nextQuestion = now + .milliseconds(200)
                let before = self.progress.status?.ticks
                self.update(from: simulator, bus)
                if self.progress.status?.isFinished == true { return }
                if self.progress.status?.ticks != before { lastMove = now }
                self.progress.standstill = now - lastMove
                if self.progress.standstill > Self.standstill { throw self.standstillFailure }
            }
            try self.tend(upTo: min(nextQuestion, nextKill ?? nextQuestion) - .now)
        }
    }

    private mutating func update(from simulator: any SimulatorControl, _ bus: any MessageBus) {
        // Neither has to answer at once: the simulator may be starting, Redis may have been killed.
        if let status = try? simulator.status() { self.progress.status = status }
        if let document = try? bus.load([Account.key])[0], let json = try? JSONValue(parsing: document.body) {
            self.progress.account = (try? Account(json: json)) ?? self.progress.account
        }
        self.progress.processes = self.supervisor.statuses
        self.progress.elapsed = .now - self.startedAt
        self.display.show(self.progress)
    }

    private var standstillFailure: CommandFailure {
        let reason = self.progress.status?.waitingFor.map { " It waits for \($0)." } ?? ""
        return CommandFailure(
            .failed,
            "The replay has not moved for \(Display.duration(Self.standstill)).\(reason) The logs are in "
                + "\(self.directory.logs)."
        )
    }

    /// Waits, and starts again what has ended.
    private func tend(upTo duration: Duration) throws {
        if let signal = self.signals.wait(upTo: min(duration, .milliseconds(50))) {
            throw Interruption(signal: signal)
        }
        try self.supervisor.tend()
    }

    /// Tries until it succeeds or half a minute is over, while the processes are kept going.
    private func persistently<R>(_ failure: String, _ attempt: () throws -> R) throws -> R {
        let deadline = ContinuousClock.now + Self.startPatience
        while true {
            do {
                return try attempt()
            } catch  where ContinuousClock.now < deadline {
                try self.tend(upTo: .milliseconds(10))
            } catch {
                throw CommandFailure(
                    .failed,
                    "\(failure) within \(Display.duration(Self.startPatience)): \(error). The logs are in "
                        + "\(self.directory.logs)."
                )
            }
        }
    }
}

extension Duration {
    fileprivate var fromNow: ContinuousClock.Instant { .now + self }
}
