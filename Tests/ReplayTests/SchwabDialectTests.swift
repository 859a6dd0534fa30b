import Glibc
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Through Schwab's API, which knows no client order ids, the same trades come about.
    @Suite struct SchwabDialectTests {
        private static let options = ["--broker-dialect", "schwab"]

        @Test func `the trades are those of the other dialect`() async throws {
            let bars = try SampleBars.small().folder()
            let report = try await ReplayRunner(bars: bars.path, options: Self.options).report()
            #expect(report.differences(from: try await UndisturbedRun.report()) == [])
            #expect(report.json["settings"]?["broker_dialect"] == .string("schwab"))
        }

        @Test(arguments: [AgentName.marketData, .orderExecution, .positionManagement])
        func `an agent killed again and again changes nothing`(agent: AgentName) async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path, options: Self.options)
            for number in 0..<5 {
                try await run.reaches(ticks: 450 + number * 350)
                try await run.replace(agent.rawValue, with: SIGKILL)
            }
            let report = try await run.report()
            #expect(report.restarts >= 5)
            #expect(
                report.differences(from: try await UndisturbedRun.report(), countsMessages: false) == []
            )
            #expect(report.deadLetters == 0)
        }
    }
}
