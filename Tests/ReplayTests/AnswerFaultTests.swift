import Testing
import TradingCore

extension ReplayTests {
    /// A broker that misbehaves in its answers. Faults that lose nothing but an answer change no trade; of the others no
    /// order is sent twice, no fill is lost, and the books agree.
    @Suite struct AnswerFaultTests {
        @Test(
            arguments: [
                // Carried out, and not answered, or not readably, or late: the order is found and taken over.
                "accept-then-504:entry:every=6,accept-then-no-location:entry:after=2:every=6,"
                    + "delay:entry:after=4:every=6:seconds=0.2,accept-then-reset:stop:after=1:every=4,"
                    + "accept-then-no-location:stop:after=3:every=8,delay:stop:after=2:every=8:seconds=0.2,"
                    + "accept-then-garbage:exit:every=4,accept-then-500:exit:after=2:every=4",
                // Not answered, and asked again. A stop that certainly was not taken is sent again.
                "accept-then-reset:cancel:every=2,delay:cancel:after=1:times=1:seconds=0.2,429:stop:every=6:seconds=1",
                "503:look:after=1:every=7:times=5,reset:look:after=4:every=7:times=5",
            ],
            ["alpaca", "schwab"]
        )
        func `a fault that loses nothing but an answer changes no trade`(faults: String, dialect: String) async throws {
            let run = try await FaultRun.make(faults, dialect: dialect, bars: try SampleBars.small())
            #expect(
                run.report.differences(from: try await UndisturbedRun.report(), countsMessages: false) == []
            )
            #expect(run.defects() == [])
        }

        /// Longer than anybody waits: as good as no answer.
        @Test(arguments: ["alpaca", "schwab"])
        func `an answer that comes after twelve seconds is none`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "delay:entry:times=1:seconds=12",
                dialect: dialect,
                bars: try SampleBars.small(sessions: 60)
            )
            #expect(run.defects() == [])
            #expect(!run.report.trades.isEmpty)
        }

        /// Turned away without the broker's hearing of it, which looks like an order that was taken: asked about for a
        /// minute, in which these runs wait side by side. Only then is a stop or an exit sent again.
        @Test func `an order whose placing was lost is asked about, and nothing sold or bought twice`() async throws {
            let bars = try SampleBars.small(sessions: 60)
            let orders = [
                ("reset", "entry", "alpaca"), ("503", "entry", "schwab"), ("503", "stop", "alpaca"),
                ("reset", "stop", "schwab"), ("reset", "exit", "alpaca"), ("503", "exit", "schwab"),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (fault, target, dialect) in orders {
                    group.addTask {
                        let run = try await FaultRun.make("\(fault):\(target):times=1", dialect: dialect, bars: bars)
                        #expect(run.defects() == [], "\(fault) of \(target), \(dialect)")
                        #expect(!run.report.trades.isEmpty)
                        let isUnderAlarm = run.alarms.contains {
                            $0.hasPrefix("nobody knows yet whether a stop is there")
                        }
                        #expect(isUnderAlarm == (target == "stop"), "\(run.alarms)")
                    }
                }
                try await group.waitForAll()
            }
        }

        @Test(arguments: ["alpaca", "schwab"])
        func `an entry that certainly was not taken is given up, and nothing else`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "429:entry:after=3:times=1",
                dialect: dialect,
                bars: try SampleBars.small()
            )
            let undisturbed = try await UndisturbedRun.report()
            let given = (run.report.json["cancelled"]?.integer ?? 0) - (undisturbed.json["cancelled"]?.integer ?? 0)
            #expect(given >= 1)
            // The trades before it are those of every run.
            #expect(run.report.trades.first?["trade_id"] == undisturbed.trades.first?["trade_id"])
            #expect(run.defects() == [])
        }
    }
}
