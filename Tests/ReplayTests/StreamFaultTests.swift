import Testing
import TradingCore

extension ReplayTests {
    /// A broker whose streams say too much, too little, or nothing. They are hints, so no trade changes.
    @Suite struct StreamFaultTests {
        @Test(
            arguments: [
                // The stream tells twice, or ends where it had something to tell.
                "duplicate-updates:updates:every=2,disconnect:updates:after=1:every=8",
                // Half a frame, and what happened last told first.
                "invalid-frame:updates:every=3,reorder-updates:updates:after=1:every=3,invalid-frame:quotes:every=50",
                // Told after a while, or never: the broker is asked meanwhile.
                "late-updates:updates:every=9:times=4:seconds=1.5,drop-updates:updates:after=4:every=9:times=4:seconds=2",
                "disconnect:quotes:after=400:every=500:times=3",
            ],
            ["alpaca", "schwab"]
        )
        func `what a stream does changes no trade`(faults: String, dialect: String) async throws {
            let run = try await FaultRun.make(
                faults,
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
    }
}
