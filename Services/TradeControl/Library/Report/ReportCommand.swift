import AgentRuntime
package import ArgumentParser
import Glibc
import MessageBus
import TradingCore

/// `tradectl report`
package struct ReportCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "report",
        abstract:
            "Reports on a replay whose processes somebody else has started, as containers are, and checks its books.",
        discussion: """
            Reads the ledger and asks the broker simulator for its result: SIMULATOR_CONTROL_URL is where its CONTROL_PORT \
            answers, http://127.0.0.1:8090 unless set. BARS and CASH have to be what the simulator was given.

            Example: BARS=bars tradectl report --html > report.html

            Finds Redis by REDIS_URL and QUINTET_NAMESPACE, or by the file that QUINTET_CONFIG names, as the agents do.

            Exit codes: 0 done, 1 the books do not agree, 64 wrong usage, 65 bad bars, 69 Redis or the simulator is not \
            there, 75 the replay is not over, 78 wrong configuration.
            """
    )

    @Flag(help: "Print one JSON object and nothing else.")
    var json = false

    @Flag(help: "Print a page with the equity curve and every trade, as `tradectl replay` writes it.")
    var html = false

    package init() {}

    package func validate() throws {
        guard !(self.json && self.html) else { throw ValidationError("Give --json or --html, not both") }
    }

    package func run() throws {
        try CommandFailure.reporting {
            let settings = try Settings()
            let replay = try StandingReplay(settings)
            let outcome = try replay.outcome()
            try FileSystem.print(try self.text(of: outcome))
            guard outcome.discrepancies.isEmpty else { throw CommandFailure(outcome.discrepancies) }
        }
    }

    private func text(of outcome: ReplayRun.Outcome) throws -> String {
        if self.json { return JSONWriter.text(outcome.report) + "\n" }
        if self.html { return HTMLReport.text(of: outcome.report, discrepancies: outcome.discrepancies) }
        return SummaryTable.text(of: outcome.report)
    }
}
