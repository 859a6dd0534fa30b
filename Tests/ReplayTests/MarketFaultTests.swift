import Testing
import TradingCore

extension ReplayTests {
    /// Days that are not like others.
    @Suite struct MarketFaultTests {
        /// Between its opening and its closing tick nothing of a halted symbol trades: what should have sold then sells
        /// with the closing tick.
        @Test(arguments: ["alpaca", "schwab"])
        func `half days, halts and a clock that is wrong lose nothing`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "half-day:session:after=10:every=7,halt:session:after=25:every=5,clock-skew:clock:seconds=90",
                dialect: dialect,
                bars: try SampleBars.small(sessions: 90)
            )
            #expect(run.defects() == [])
            #expect(!run.report.trades.isEmpty)
        }

        /// The calendar has them, so that bars are complete and day orders end at 13:00.
        @Test(arguments: ["alpaca", "schwab"])
        func `half days that the calendar knows change no trade`(dialect: String) async throws {
            let bars = try SampleBars.small(sessions: 60)
            let run = try await FaultRun.make("half-day:session:every=3", dialect: dialect, bars: bars)
            let undisturbed = try await UndisturbedRun.report(over: bars)
            #expect(run.report.trades.map { $0["pnl"] } == undisturbed.trades.map { $0["pnl"] })
            #expect(run.report.json["account"] == undisturbed.json["account"])
            #expect(run.defects() == [])
        }
    }
}
