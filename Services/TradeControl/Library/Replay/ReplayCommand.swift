package import ArgumentParser
import Glibc
import TradingCore

/// `tradectl replay`: the five agents over recorded bars.
package struct ReplayCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replays bars through the five agents, each a process, and reports what they made of them.",
        discussion: """
            Starts a private redis-server, the broker simulator and the agents, keeps them going until the bars end, \
            stops them, checks the books and writes report.json and report.html.

            Exit codes: 0 done, 1 the run failed or the books do not agree, 64 wrong usage, 65 bad bars, 69 a program \
            is missing, 78 an agent refused its configuration, 130 and 143 interrupted.
            """
    )

    @Option(help: "A folder of SYMBOL.csv with timestamp,open,high,low,close,volume.")
    var bars: String

    @Option(help: "Cash at the start, in dollars.", transform: Self.cash)
    var cash = Money(10_000)

    @Option(help: "The folder for data, logs, pid files and reports.")
    var runDirectory = ".run"

    @Option(help: "The folder with the agents' programs; by default the one tradectl is in.")
    var binaries: String?

    @Option(help: "Kill a random agent about every so many seconds.", transform: Self.interval)
    var killEvery: Duration?

    @Option(
        parsing: .upToNextOption,
        help: "How often an agent runs, such as strategy-agent=2.",
        transform: Self.replicaCount
    )
    var replicas: [ReplicaCount] = []

    @Option(help: "Chooses which agents --kill-every kills and when.")
    var seed: UInt64 = 1

    @Option(help: "The log level of the processes: trace, debug, info, notice, warning, error or critical.")
    var logLevel = "warning"

    package init() {}

    package func validate() throws {
        guard ["trace", "debug", "info", "notice", "warning", "error", "critical"].contains(self.logLevel) else {
            throw ValidationError("--log-level: \(self.logLevel) is no log level; write one such as info")
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
            replicas: self.replicas.reduce(into: [:]) { $0[$1.agent] = $1.count },
            seed: self.seed,
            logLevel: self.logLevel,
            environment: Environment.current()
        )
        try ReplayProcesses.checkPrograms(settings)
        let directory = try RunDirectory(self.runDirectory)
        try directory.clear()
        var run = ReplayRun(settings, directory: directory)
        let outcome = try run.run()
        let isSound = outcome.discrepancies.isEmpty
        let name = isSound ? RunDirectory.report : RunDirectory.disputedReport
        try FileSystem.replace("\(directory.path)/\(name).json", with: try outcome.report.prettyJSON)
        let page = HTMLReport.text(of: outcome.report, discrepancies: outcome.discrepancies)
        try FileSystem.replace("\(directory.path)/\(name).html", with: page)
        let summary = SummaryTable.text(of: outcome.report, reportFile: "\(self.runDirectory)/\(name).html")
        FileSystem.write(summary, to: STDOUT_FILENO)
        guard isSound else {
            throw CommandFailure(
                .failed,
                "The books do not agree:\n" + outcome.discrepancies.map { "    \($0)" }.joined(separator: "\n")
            )
        }
    }

    private static func ownFolder() throws(CommandFailure) -> String {
        let program = try FileSystem.absolute("/proc/self/exe")
        return String(program[..<(program.lastIndex(of: "/") ?? program.startIndex)])
    }

    @Sendable
    private static func cash(_ text: String) throws -> Money {
        guard let cash = Money(text), cash > .zero, cash < Money(1_000_000_000) else {
            throw ValidationError("\(text) is no amount of dollars such as 10000 or 2500.50, below a billion")
        }
        return cash
    }

    @Sendable
    private static func interval(_ text: String) throws -> Duration {
        guard let seconds = Double(text), seconds > 0, seconds <= 86_400 else {
            throw ValidationError("\(text) is no number of seconds above 0 such as 2 or 0.5")
        }
        return .seconds(seconds)
    }

    @Sendable
    private static func replicaCount(_ text: String) throws -> ReplicaCount {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let agent = AgentName(rawValue: String(parts[0])), let count = Int(parts[1]),
            (1...9).contains(count)
        else {
            let names = AgentName.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("\(text) is not AGENT=COUNT with a count of 1 to 9 and one of the agents \(names)")
        }
        return ReplicaCount(agent: agent, count: count)
    }

    struct ReplicaCount: Hashable, Sendable {
        var agent: AgentName
        var count: Int
    }
}
