import Testing
import TradingCore

extension ReplayTests {
    @Suite struct WholeSampleTests {
        @Test func `the whole sample gives the trades a second implementation gives`() async throws {
            let report = try await UndisturbedRun.wholeReport()
            #expect(report.trades.count == 114)
            #expect(report.trades(closedBy: "stop") == 63)
            #expect(report.trades(closedBy: "strategy") == 29)
            #expect(report.trades(closedBy: "target") == 22)
            #expect(report.openTrades.compactMap { $0["symbol"]?.text } == ["GOOG", "IBM"])
            #expect(report.json["sessions"]?.integer == 1047)
            #expect(report.json["cancelled"]?.integer == 24)
            #expect(report.json["account"]?["cash"] == .number("10197.7808"))
            #expect(report.json["account"]?["equity"] == .number("11815.6108"))
            #expect(ReportShape.defects(of: report) == [])
            #expect(ReferenceModel(try SampleBars.whole(), cash: 10_000 * 100_000_000).differences(from: report) == [])
            let seconds = Double(report.json["seconds"]?.digits ?? "") ?? .infinity
            // Under a minute on two cores of its own; here other tests run beside it.
            #expect(seconds < 240)
        }
    }
}
