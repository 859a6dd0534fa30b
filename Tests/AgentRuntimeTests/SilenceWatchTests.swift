import AgentRuntime
import Brokerage
import Testing
import TradingCore

@Suite struct SilenceWatchTests {
    private static func at(_ seconds: Int) -> Duration { .seconds(seconds) }

    private func quote() throws -> FeedAction {
        .event(
            .quote(
                Quote(
                    symbol: try #require(Symbol("AAPL")),
                    bid: Price(10),
                    ask: Price(10),
                    timestamp: Timestamp(seconds: 0)
                )
            )
        )
    }

    @Test func `a data stream without quotes in an open session is dead, whatever else it says`() throws {
        var watch = SilenceWatch(.marketData, quoteSilence: .seconds(60))
        watch.connected(at: Self.at(1000))
        #expect(watch.complaint(at: Self.at(1059)) { true } == nil)
        // The session may have opened this very moment.
        #expect(watch.complaint(at: Self.at(1060)) { true } == nil)
        watch.heard([.note("anything but a quote")], at: Self.at(1119))
        #expect(watch.complaint(at: Self.at(1120)) { true } == "nothing came for 60 s, in an open session")
        // The next connection is given more time: perhaps nobody trades.
        watch.connected(at: Self.at(1121))
        #expect(watch.complaint(at: Self.at(1240)) { true } == nil)
        #expect(watch.complaint(at: Self.at(1241)) { true } != nil)
        watch.connected(at: Self.at(1300))
        watch.heard([try self.quote()], at: Self.at(1301))
        #expect(watch.complaint(at: Self.at(1360)) { true } == nil)
        #expect(watch.complaint(at: Self.at(1361)) { true } != nil)
    }

    @Test func `silence in a closed market means nothing`() throws {
        var watch = SilenceWatch(.marketData, quoteSilence: .seconds(60))
        watch.connected(at: .zero)
        for second in stride(from: 60, to: 6000, by: 60) {
            #expect(watch.complaint(at: Self.at(second)) { false } == nil)
        }
        #expect(watch.complaint(at: Self.at(6000)) { true } == nil)
        #expect(watch.complaint(at: Self.at(6060)) { true } != nil)
    }

    @Test func `a stream with heartbeats is dead when no frame comes, and another may be silent for ever`() throws {
        var watch = SilenceWatch(.frames(every: .seconds(30)), quoteSilence: .seconds(60))
        watch.connected(at: .zero)
        watch.heard([], at: Self.at(20))
        #expect(watch.complaint(at: Self.at(49)) { false } == nil)
        #expect(watch.complaint(at: Self.at(50)) { false } == "nothing came for 30 s")
        var silent = SilenceWatch(.none, quoteSilence: .seconds(60))
        silent.connected(at: .zero)
        #expect(silent.complaint(at: Self.at(100_000)) { true } == nil)
    }
}
