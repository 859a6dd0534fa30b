import Testing
import TradingCore

extension ReplayTests {
    /// A broker whose streams say too much, too little, or nothing. They are hints, so no trade changes.
    @Suite struct StreamFaultTests {
        /// Twice, half a frame before it, what happened last first, after a while, never, or an end in place of it.
        @Test(arguments: ["alpaca", "schwab"])
        func `what a stream does changes no trade`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "duplicate-updates:updates:every=4,disconnect:updates:after=1:every=8,invalid-frame:updates:after=2:every=4,"
                    + "reorder-updates:updates:after=3:every=4,late-updates:updates:after=5:every=16:times=4:seconds=1.5,"
                    + "drop-updates:updates:after=13:every=16:times=4:seconds=2,invalid-frame:quotes:every=50,"
                    + "disconnect:quotes:after=410:every=500:times=3",
                dialect: dialect,
                bars: try SampleBars.small(),
                environment: ["POLL_INTERVAL": "1s"]
            )
            #expect(
                run.report.differences(from: try await UndisturbedRun.report(), countsMessages: false) == []
            )
            #expect(run.defects() == [])
        }

        /// The socket lives and has nothing more to tell of orders: fills are learned by asking.
        @Test(arguments: ["alpaca", "schwab"])
        func `fills behind a silent stream are found by asking`(dialect: String) async throws {
            let bars = try SampleBars.small(sessions: 45)
            let run = try await FaultRun.make(
                "silent:updates:after=4:times=1:seconds=1.3",
                dialect: dialect,
                bars: bars,
                environment: ["POLL_INTERVAL": "1s"]
            )
            let undisturbed = try await UndisturbedRun.report(over: bars)
            #expect(run.report.differences(from: undisturbed, countsMessages: false) == [])
            #expect(run.defects() == [])
        }

        /// The socket lives and has nothing more to tell of prices: the age of its data gives it away.
        @Test(arguments: ["alpaca", "schwab"])
        func `a stream without quotes in an open session is connected anew`(dialect: String) async throws {
            let bars = try SampleBars.small(sessions: 45)
            let run = try await FaultRun.make(
                "silent:quotes:after=300:times=1:seconds=3",
                dialect: dialect,
                bars: bars,
                environment: ["STREAM_SILENCE": "1s"]
            )
            let undisturbed = try await UndisturbedRun.report(over: bars)
            #expect(run.report.differences(from: undisturbed, countsMessages: false) == [])
            #expect(run.warnings.contains { $0.contains("no quote and no bar came for 1 s") })
            #expect(run.defects() == [])
        }
    }
}
