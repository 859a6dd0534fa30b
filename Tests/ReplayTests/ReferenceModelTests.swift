import TestSupport
import Testing

extension ReplayTests {
    /// Bars that nobody has looked at, against a model that knows nothing of the system.
    @Suite struct ReferenceModelTests {
        static let seeds: [UInt64] = [6, 9, 12]
        /// Little enough that a share can be too dear and cash too short.
        static let cash: Int64 = 2000
        /// Few enough that the strategy gives positions up.
        static let sessions = 10

        @Test(arguments: Self.seeds)
        func `random daily bars are traded as the reference model does`(seed: UInt64) async throws {
            let bars = RandomBars.daily(seed: seed)
            let model = ReferenceModel(bars, cash: Self.cash * 100_000_000, maximumSessions: Self.sessions)
            let folder = try bars.folder()
            let report = try await ReplayRunner(
                bars: folder.path,
                options: ["--cash", "\(Self.cash)"],
                environment: ["STRATEGY_PARAMETERS": "maximum_sessions=\(Self.sessions)"]
            ).report()
            #expect(model.differences(from: report) == [])
            #expect(ReportShape.defects(of: report) == [])
        }

        @Test func `random intraday bars are traded as the reference model does`() async throws {
            let bars = RandomBars.intraday(seed: 4)
            let model = ReferenceModel(bars, cash: 10_000 * 100_000_000, interval: .seconds(300), maximumSessions: 2)
            #expect(model.closed.count > 10)
            #expect(Set(model.closed.compactMap(\.reason)) == ["stop", "target", "strategy"])
            let folder = try bars.folder()
            let report = try await ReplayRunner(
                bars: folder.path,
                environment: ["STRATEGY_PARAMETERS": "maximum_sessions=2"]
            ).report()
            #expect(model.differences(from: report) == [])
        }

        /// Or the tests above would say little.
        @Test func `the random bars hold every kind of event`() {
            let models = Self.seeds.map { seed in
                ReferenceModel(
                    RandomBars.daily(seed: seed),
                    cash: Self.cash * 100_000_000,
                    maximumSessions: Self.sessions
                )
            }
            let trades = models.flatMap(\.closed)
            for reason in ["stop", "target", "strategy"] {
                #expect(trades.contains { $0.reason == reason }, "\(reason)")
            }
            #expect(trades.contains { $0.reason == "stop" && ($0.exit ?? 0) < $0.stop }, "no gap through a stop")
            #expect(trades.contains { $0.reason == "target" && ($0.exit ?? 0) > $0.target }, "no gap through a target")
            #expect(trades.contains { ($0.fill ?? 0) < $0.entry }, "no fill below its limit")
            #expect(trades.contains { ($0.fill ?? 0) * 100 < $0.entry * 95 }, "no fill below the planned stop")
            #expect(trades.contains { $0.filledOn == $0.closedOn }, "no stop on the day of the fill")
            let rules = Set(models.flatMap(\.rejections).map(\.rule))
            #expect(rules.isSuperset(of: ["position_share", "cash_reserve"]), "\(rules)")
            #expect(models.allSatisfy { $0.cancelled > 0 })
        }
    }
}
