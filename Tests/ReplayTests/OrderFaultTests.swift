import Testing
import TradingCore

extension ReplayTests {
    /// A broker whose orders do other than what its answers had said.
    @Suite struct OrderFaultTests {
        private static let sessions = 90

        @Test(arguments: ["alpaca", "schwab"])
        func `an accepted entry that is rejected is given up, an exit tried again`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "accept-then-reject:entry:every=4:seconds=0.2,accept-then-reject:exit:every=3:times=2:seconds=0.2",
                dialect: dialect,
                bars: try SampleBars.small(sessions: Self.sessions)
            )
            #expect(run.defects() == [])
            #expect(run.orders.contains { $0.side == "buy" && $0.status == "rejected" })
            #expect(run.orders.contains { $0.side == "sell" && $0.status == "rejected" })
        }

        /// A position for which no stop can be had is sold, and people are told.
        @Test(arguments: ["alpaca", "schwab"])
        func `a position whose accepted stop is rejected is sold at once`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "accept-then-reject:stop:every=3:seconds=0.2",
                dialect: dialect,
                bars: try SampleBars.small(sessions: Self.sessions)
            )
            #expect(run.defects() == [])
            #expect(run.report.trades(closedBy: "unprotected") > 0)
            #expect(run.alarms.contains { $0.hasPrefix("a stop was refused") })
        }

        @Test(arguments: ["alpaca", "schwab"])
        func `a part of an order that fills is booked, protected and sold`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "partial-fill:entry:every=3,partial-fill:exit:every=2,partial-fill:stop:every=2:percent=50",
                dialect: dialect,
                bars: try SampleBars.small(sessions: Self.sessions),
                environment: ["ORDER_PARTIAL_FILL_SECONDS": "0", "POLL_INTERVAL": "1s"]
            )
            #expect(run.defects() == [])
            #expect(run.orders.contains { $0.side == "buy" && (1..<$0.quantity).contains($0.filled) })
            #expect(run.orders.contains { $0.side == "sell" && (1..<$0.quantity).contains($0.filled) })
        }

        @Test(arguments: ["alpaca", "schwab"])
        func `a cancel that takes its time changes no trade`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "slow-cancel:cancel:every=2:times=2:seconds=0.5,slow-cancel:cancel:after=4:times=1:seconds=3",
                dialect: dialect,
                bars: try SampleBars.small()
            )
            #expect(
                run.report.differences(from: try await UndisturbedRun.report(), countsMessages: false) == []
            )
            #expect(run.defects() == [])
        }

        /// The stop that was to make way for the sale has sold: there is nothing left to sell.
        @Test(arguments: ["alpaca", "schwab"])
        func `a stop that fills while it is being cancelled closes the trade`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "late-fill:cancel:every=2:seconds=0.3",
                dialect: dialect,
                bars: try SampleBars.small(sessions: Self.sessions)
            )
            #expect(run.defects() == [])
            #expect(!run.report.trades.isEmpty)
        }

        /// The broker has replaced the order by one that nobody asked for, and that one is filled.
        @Test(arguments: ["alpaca", "schwab"])
        func `a fill under another number is booked`(dialect: String) async throws {
            let run = try await FaultRun.make(
                "filled-successor:stop:every=2:seconds=1.5,filled-successor:exit:every=2:seconds=1.5",
                dialect: dialect,
                bars: try SampleBars.small(sessions: Self.sessions),
                environment: ["POLL_INTERVAL": "1s"]
            )
            #expect(run.defects() == [])
            #expect(run.orders.contains { $0.replaces != nil && $0.status == "filled" })
        }
    }
}
