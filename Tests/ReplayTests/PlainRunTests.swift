import Glibc
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    @Suite struct PlainRunTests {
        @Test func `a run ends well with a report of the exact shape`() async throws {
            let report = try await UndisturbedRun.report()
            #expect(ReportShape.defects(of: report) == [])
            #expect(report.json["sessions"]?.integer == 150)
            #expect(report.restarts == 0)
            #expect(report.deadLetters == 0)
            #expect((report.json["messages"]?["published"]?.integer ?? 0) > 1000)
            for reason in ["stop", "target", "strategy"] { #expect(report.trades(closedBy: reason) > 0, "\(reason)") }
            #expect(!report.openTrades.isEmpty)
        }

        @Test func `a run trades as the reference model does`() async throws {
            let model = ReferenceModel(try SampleBars.small(), cash: 10_000 * 100_000_000)
            #expect(model.differences(from: try await UndisturbedRun.report()) == [])
        }

        @Test func `a second run gives the same report`() async throws {
            let bars = try SampleBars.small().folder()
            let report = try await ReplayRunner(bars: bars.path).report()
            #expect(report.differences(from: try await UndisturbedRun.report()) == [])
        }

        @Test func `a run that is held can be looked at after its report, and ends with Ctrl-C`() async throws {
            let bars = try SampleBars.small(sessions: 60).folder()
            let run = try ReplayRunner(bars: bars.path, options: ["--hold"])
            _ = try await awaited("the report", within: .seconds(60)) {
                run.printed.contains("Everything goes on running") ? true : nil
            }
            let tradectl = try await Tradectl(run)
            #expect(try await tradectl.json("trades")["count"]?.integer ?? 0 > 0)
            _ = try await tradectl.text("status")
            run.send(SIGINT)
            let outcome = try await run.finish()
            #expect(outcome.end == .exit(0))
            #expect(outcome.report != nil)
        }

        @Test func `a run with other cash is another run`() async throws {
            let bars = try SampleBars.small(sessions: 60)
            let folder = try bars.folder()
            let report = try await ReplayRunner(bars: folder.path, options: ["--cash", "1234.56"]).report()
            let model = ReferenceModel(bars, cash: 123_456_000_000)
            #expect(model.differences(from: report) == [])
            #expect(!report.rejections.isEmpty)
        }
    }
}
