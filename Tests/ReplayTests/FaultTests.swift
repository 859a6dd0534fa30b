import Glibc
import Testing
import TradingCore

extension ReplayTests {
    /// A broker that misbehaves. Faults that lose nothing but an answer change no trade; of the others no order is sent
    /// twice, no fill is lost, and the books agree.
    @Suite struct FaultTests {
        @Test(
            arguments: [
                // Carried out, and not answered: the order is found and taken over.
                "accept-then-504:entry:every=4,accept-then-reset:stop:after=1:every=4,accept-then-garbage:exit:every=2",
                // Not answered, and asked again. A stop that certainly was not taken is sent again.
                "accept-then-reset:cancel:every=2,429:stop:every=6",
                "503:look:after=1:every=7:times=5,reset:look:after=4:every=7:times=5",
                // The stream tells twice, or ends where it had something to tell.
                "duplicate-updates:updates:every=2,disconnect:updates:after=1:every=8",
            ],
            ["alpaca", "schwab"]
        )
        func `a fault that loses nothing changes no trade`(faults: String, dialect: String) async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(
                bars: bars.path,
                options: ["--broker-dialect", dialect],
                environment: ["FAULTS": faults]
            )
            let report = try await run.report(within: .seconds(240))
            #expect(
                report.differences(from: try await UndisturbedRun.report(), countsMessages: false) == []
            )
            #expect(report.deadLetters == 0)
            let strikes = run.strikes
            #expect(strikes.count == faults.split(separator: ",").count)
            #expect(strikes.allSatisfy { $0 > 0 }, "\(strikes)")
        }

        @Test(arguments: ["alpaca", "schwab"])
        func `an entry that certainly was not taken is given up, and nothing else`(dialect: String) async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(
                bars: bars.path,
                options: ["--broker-dialect", dialect],
                environment: ["FAULTS": "429:entry:after=3:times=1"]
            )
            let report = try await run.report()
            let undisturbed = try await UndisturbedRun.report()
            let given = (report.json["cancelled"]?.integer ?? 0) - (undisturbed.json["cancelled"]?.integer ?? 0)
            #expect(given >= 1)
            // The trades before it are those of every run.
            #expect(report.trades.first?["trade_id"] == undisturbed.trades.first?["trade_id"])
            #expect(report.deadLetters == 0)
        }
    }
}
