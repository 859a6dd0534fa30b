package import ArgumentParser
import Glibc
import TradingCore

/// `tradectl replay`: the five agents over recorded bars.
package struct ReplayCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replays bars through the five agents, each a process, and reports what they made of them.",
        // Every option listed would bury what is said of a wrong one.
        usage: "tradectl replay --bars <folder> [<option> ...]",
        discussion: """
            Starts a private redis-server, the broker simulator and the agents, keeps them going until the bars end, \
            stops them, checks the books and writes report.json and report.html.

            Exit codes: 0 done, 1 the run failed or the books do not agree, 64 wrong usage, 65 bad bars, 69 a program \
            is missing, 78 an agent refused its configuration, 130 and 143 interrupted.
            """
    )

    // Each help names the variable of `make run` too: it is shown where a value is missing or wrong.
    @Option(
        help: ArgumentHelp(
            "Folder of SYMBOL.csv with timestamp,open,high,low,close,volume (make: BARS).",
            valueName: "folder"
        )
    )
    var bars: String

    @Option(
        help: ArgumentHelp("Cash at the start; 10000 if not given (make: CASH).", valueName: "dollars"),
        transform: Self.cash
    )
    var cash = Money(10_000)

    @Option(help: ArgumentHelp("For data, logs, pid files and reports (make: RUN_DIRECTORY).", valueName: "folder"))
    var runDirectory = ".run"

    @Option(
        help: ArgumentHelp("With the agents' programs; by default the one tradectl is in.", valueName: "folder")
    )
    var binaries: String?

    @Option(
        help: ArgumentHelp("Kill a random agent about that often (make: KILL_EVERY).", valueName: "seconds"),
        transform: Self.interval
    )
    var killEvery: Duration?

    @Option(
        help: ArgumentHelp(
            "Whose API the agents speak with the simulator: alpaca or schwab (make: BROKER_DIALECT).",
            valueName: "broker"
        ),
        transform: Self.dialect
    )
    var brokerDialect = BrokerDialect.alpaca

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Processes of one agent, such as strategy-agent=2 (make: REPLICAS_STRATEGY=2).",
            valueName: "agent=count"
        ),
        transform: Self.replicaCount
    )
    var replicas: [ReplicaCount] = []

    @Option(
        help: ArgumentHelp(
            "Chooses which agents are killed and when; 1 if not given (make: SEED).",
            valueName: "number"
        ),
        transform: Self.seed
    )
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp(
            "Of the processes: trace, debug, info, notice, warning, error or critical (make: LOG_LEVEL).",
            valueName: "level"
        )
    )
    var logLevel = "warning"

    @Flag(help: "Leave agents, simulator and Redis running after the report, until Ctrl-C (make: HOLD=yes).")
    var hold = false

    package init() {}

    package func validate() throws {
        let levels = ["trace", "debug", "info", "notice", "warning", "error", "critical"]
        guard levels.contains(self.logLevel) else {
            throw ValidationError("LOG_LEVEL (--log-level) takes one of \(levels.joined(separator: ", "))")
        }
    }

    package func run() throws {
        do {
            try self.replay()
        } catch let failure as CommandFailure {
            FileSystem.write("tradectl: \(failure)\n", to: STDERR_FILENO)
            throw ExitCode(failure.code.rawValue)
        } catch let interruption as ReplayRun.Interruption {
            FileSystem.write("tradectl: interrupted; everything it had started is stopped\n", to: STDERR_FILENO)
            throw ExitCode(128 + interruption.signal)
        }
    }

    private func replay() throws {
        let settings = try ReplaySettings(
            barsPath: self.bars,
            cash: self.cash,
            runDirectory: self.runDirectory,
            binaries: try self.binaries ?? Self.ownFolder(),
            killEvery: self.killEvery,
            dialect: self.brokerDialect,
            replicas: self.replicas.reduce(into: [:]) { $0[$1.agent] = $1.count },
            seed: self.seed,
            logLevel: self.logLevel,
            environment: Environment.current()
        )
        try ReplayProcesses.checkPrograms(settings)
        let directory = try RunDirectory(self.runDirectory)
        try directory.clear()
        var run = ReplayRun(settings, directory: directory)
        let isHeld = self.hold
        try run.run { outcome in
            try self.tell(outcome, in: directory)
            guard isHeld else { return false }
            FileSystem.write(
                "\nEverything goes on running until Ctrl-C. From another terminal:\n"
                    + "  REDIS_URL=$(cat \(directory.address("redis"))) && export REDIS_URL && \(CommandLine.arguments[0]) status\n",
                to: STDOUT_FILENO
            )
            return true
        }
    }

    private func tell(_ outcome: ReplayRun.Outcome, in directory: RunDirectory) throws {
        let isSound = outcome.discrepancies.isEmpty
        let name = isSound ? RunDirectory.report : RunDirectory.disputedReport
        try FileSystem.replace("\(directory.path)/\(name).json", with: try outcome.report.prettyJSON)
        let page = HTMLReport.text(of: outcome.report, discrepancies: outcome.discrepancies)
        try FileSystem.replace("\(directory.path)/\(name).html", with: page)
        let summary = SummaryTable.text(of: outcome.report, reportFile: "\(self.runDirectory)/\(name).html")
        try FileSystem.print(summary)
        let warning = SummaryTable.warning(
            of: outcome.report,
            reportFile: "\(self.runDirectory)/\(name).json",
            logs: "\(self.runDirectory)/logs"
        )
        if let warning { FileSystem.write(warning, to: STDERR_FILENO) }
        guard isSound else { throw CommandFailure(outcome.discrepancies) }
    }

    /// The folder of this program.
    static func ownFolder() throws(CommandFailure) -> String {
        let program = try FileSystem.absolute("/proc/self/exe")
        return String(program[..<(program.lastIndex(of: "/") ?? program.startIndex)])
    }

    @Sendable
    private static func cash(_ text: String) throws -> Money {
        guard let cash = Money(text), cash > .zero, cash < Money(1_000_000_000) else {
            throw ValidationError("CASH takes dollars above 0 and below a billion, such as 10000 or 2500.50")
        }
        return cash
    }

    @Sendable
    private static func interval(_ text: String) throws -> Duration {
        guard let seconds = Double(text), seconds > 0, seconds <= 86_400 else {
            throw ValidationError("KILL_EVERY takes seconds above 0 and up to a day, such as 2 or 0.5")
        }
        return .seconds(seconds)
    }

    @Sendable
    private static func seed(_ text: String) throws -> UInt64 {
        guard let seed = UInt64(text) else { throw ValidationError("SEED takes a whole number from 0 up, such as 7") }
        return seed
    }

    @Sendable
    private static func dialect(_ text: String) throws -> BrokerDialect {
        guard let dialect = BrokerDialect(rawValue: text.lowercased()) else {
            throw ValidationError("BROKER_DIALECT takes alpaca or schwab")
        }
        return dialect
    }

    @Sendable
    private static func replicaCount(_ text: String) throws -> ReplicaCount {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let agent = AgentName(rawValue: String(parts[0])), let count = Int(parts[1]),
            (1...9).contains(count)
        else {
            let names = AgentName.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("REPLICAS_<AGENT> takes a count from 1 to 9; the agents are \(names)")
        }
        return ReplicaCount(agent: agent, count: count)
    }

    struct ReplicaCount: Hashable, Sendable {
        var agent: AgentName
        var count: Int
    }
}
