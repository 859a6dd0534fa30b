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
        var watch = SilenceWatch(FeedVitalSigns(marketData: true), quoteSilence: .seconds(60))
        watch.connected(at: Self.at(1000))
        watch.heard([.note("anything but a quote")], at: Self.at(1058))
        #expect(watch.complaint(at: Self.at(1059)) { .seconds(3600) } == nil)
        #expect(
            watch.complaint(at: Self.at(1060)) { .seconds(3600) }
                == "no quote and no bar came for 60 s, in an open session"
        )
        // The next connection is given more time: perhaps nobody trades.
        watch.connected(at: Self.at(1061))
        #expect(watch.complaint(at: Self.at(1180)) { .seconds(3600) } == nil)
        #expect(watch.complaint(at: Self.at(1181)) { .seconds(3600) } != nil)
        watch.connected(at: Self.at(1200))
        watch.heard([try self.quote()], at: Self.at(1201))
        #expect(watch.complaint(at: Self.at(1260)) { .seconds(3600) } == nil)
        #expect(watch.complaint(at: Self.at(1261)) { .seconds(3600) } != nil)
    }

    @Test(arguments: [0, 1, 14, 31, 59])
    func `silence in a closed market means nothing, and counts from the opening`(offset: Int) throws {
        let opening = 6000 + offset
        var watch = SilenceWatch(FeedVitalSigns(marketData: true), quoteSilence: .seconds(60))
        watch.connected(at: .zero)
        var looks = 0
        func complaint(at second: Int) -> String? {
            watch.complaint(at: Self.at(second)) {
                looks += 1
                return second < opening ? nil : .seconds(second - opening)
            }
        }
        for second in 0..<opening + 60 { #expect(complaint(at: second) == nil) }
        #expect(complaint(at: opening + 60) != nil)
        #expect(looks < opening / 10)
    }

    @Test func `a stream with heartbeats is dead when no frame comes, and another may be silent for ever`() throws {
        var watch = SilenceWatch(FeedVitalSigns(frames: .seconds(30)), quoteSilence: .seconds(60))
        watch.connected(at: .zero)
        watch.heard([], at: Self.at(20))
        #expect(watch.complaint(at: Self.at(49)) { nil } == nil)
        #expect(watch.complaint(at: Self.at(50)) { nil } == "nothing came for 30 s")
        var silent = SilenceWatch(FeedVitalSigns(), quoteSilence: .seconds(60))
        silent.connected(at: .zero)
        #expect(silent.complaint(at: Self.at(100_000)) { .seconds(100_000) } == nil)
    }

    @Test func `heartbeats do not hide that no quotes come`() throws {
        var watch = SilenceWatch(FeedVitalSigns(frames: .seconds(30), marketData: true), quoteSilence: .seconds(60))
        watch.connected(at: .zero)
        for second in stride(from: 5, to: 60, by: 5) {
            watch.heard([], at: Self.at(second))
            #expect(watch.complaint(at: Self.at(second)) { .seconds(3600) } == nil)
        }
        watch.heard([], at: Self.at(60))
        #expect(
            watch.complaint(at: Self.at(60)) { .seconds(3600) }
                == "no quote and no bar came for 60 s, in an open session"
        )
        // The frames' own limit stays as it was.
        watch.connected(at: Self.at(61))
        #expect(watch.complaint(at: Self.at(91)) { nil } == "nothing came for 30 s")
    }
}
