import Glibc
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Whatever is killed, the trades stay as they are.
    @Suite struct KillTests {
        @Test func `agents killed at random change nothing`() async throws {
            let bars = try SampleBars.small().folder()
            let report = try await ReplayRunner(bars: bars.path, options: ["--kill-every", "0.7"]).report()
            #expect(report.restarts > 0)
            try await self.expectUndisturbed(report)
        }

        @Test(arguments: AgentName.allCases)
        func `an agent killed from outside, again and again, changes nothing`(agent: AgentName) async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            let kills = 5
            for number in 0..<kills {
                try await run.reaches(ticks: 450 + number * 350)
                try await run.replace(agent.rawValue, with: SIGKILL)
            }
            let report = try await run.report()
            #expect(report.restarts >= kills)
            try await self.expectUndisturbed(report)
        }

        @Test func `Redis killed in mid-run changes nothing`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 1200)
            try await run.replace("redis", with: SIGKILL)
            try await self.expectUndisturbed(try await run.report())
        }

        @Test(arguments: AgentName.allCases)
        func `two replicas of an agent, both killed now and then, change nothing`(agent: AgentName) async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path, options: ["--replicas", "\(agent)=2"])
            for (number, name) in [agent.rawValue, "\(agent)-2", agent.rawValue, "\(agent)-2"].enumerated() {
                try await run.reaches(ticks: 600 + number * 400)
                try await run.replace(name, with: SIGKILL)
            }
            let report = try await run.report()
            #expect(report.restarts >= 4)
            try await self.expectUndisturbed(report)
        }

        @Test func `a killed tradectl leaves no process behind`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 100)
            let processes = run.processes
            #expect(processes.count == 7)
            run.send(SIGKILL)
            _ = try await awaited("the end of all that tradectl had started", within: .seconds(10)) {
                run.processes.isEmpty ? true : nil
            }
        }

        private func expectUndisturbed(_ report: RunReport) async throws {
            let undisturbed = try await UndisturbedRun.report()
            #expect(report.differences(from: undisturbed, countsMessages: false) == [])
            #expect(report.deadLetters == 0)
        }
    }
}
