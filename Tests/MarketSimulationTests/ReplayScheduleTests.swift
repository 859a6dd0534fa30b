import MarketSimulation
import Testing
import TradingCore

struct ReplayScheduleTests {
    /// One line a step, times as on the New York clock.
    private static func lines(_ schedule: ReplaySchedule, session: Int) -> [String] {
        schedule.steps(ofSession: session).map { step in
            switch step {
            case .tick(let tick):
                "\(Self.clock(tick.at)) \(schedule.symbols[tick.slot]) \(tick.price)\(tick.isOpening ? " opening" : "")"
            case .sessionClosed(let at): "\(Self.clock(at)) closed"
            case .barComplete(let slot, let bar, let at):
                "\(Self.clock(at)) \(schedule.symbols[slot]) bar \(bar.close)"
            }
        }
    }

    private static func clock(_ timestamp: Timestamp) -> String {
        let seconds = NewYorkTime.timeOfDay(of: timestamp)
        return [seconds / 3600, seconds / 60 % 60, seconds % 60].map { $0 < 10 ? "0\($0)" : "\($0)" }
            .joined(separator: ":")
    }

    @Test func `a daily session ticks by phase, then by symbol, then closes, then completes`() throws {
        let folder = try Bars.folder(["MSFT": ["2009-01-02,20,22,19,21,5"], "AAPL": ["2009-01-02,90,95,85,88,5"]])
        let schedule = ReplaySchedule(folder)
        #expect(
            Self.lines(schedule, session: 0) == [
                "09:30:00 AAPL 90 opening", "09:30:00 MSFT 20 opening",
                // AAPL closes below its open: high first.
                "11:00:00 AAPL 95", "11:00:00 MSFT 19",
                "14:00:00 AAPL 85", "14:00:00 MSFT 22",
                "15:59:59 AAPL 88", "15:59:59 MSFT 21",
                "16:00:00 closed", "16:00:00 AAPL bar 88", "16:00:00 MSFT bar 21",
            ]
        )
    }

    @Test func `a close equal to the open has its low first`() throws {
        let schedule = ReplaySchedule(try Bars.folder(["A": ["2009-01-02,10,12,8,10,1"]]))
        #expect(Self.lines(schedule, session: 0)[1] == "11:00:00 A 8")
    }

    @Test func `a half day ends at 13`() throws {
        let schedule = ReplaySchedule(try Bars.folder(["A": ["2009-11-27,10,12,8,11,1"]]))
        #expect(
            Self.lines(schedule, session: 0) == [
                "09:30:00 A 10 opening", "10:18:00 A 8", "11:55:00 A 12", "12:59:59 A 11", "13:00:00 closed",
                "13:00:00 A bar 11",
            ]
        )
    }

    @Test func `a date that the calendar calls closed is a full session when there are bars`() throws {
        let schedule = ReplaySchedule(try Bars.folder(["A": ["2009-12-25,10,12,8,11,1", "2009-12-27,10,12,8,11,1"]]))
        #expect(schedule.sessions.map(\.date.description) == ["2009-12-25", "2009-12-27"])
        #expect(Self.lines(schedule, session: 0).last == "16:00:00 A bar 11")
    }

    @Test func `a symbol without a bar on a date is silent that day`() throws {
        let schedule = ReplaySchedule(
            try Bars.folder(["A": ["2009-01-02,1,1,1,1,1", "2009-01-05,2,2,2,2,1"], "B": ["2009-01-05,3,3,3,3,1"]])
        )
        #expect(schedule.sessions.count == 2)
        #expect(Self.lines(schedule, session: 0).allSatisfy { !$0.contains("B") })
        #expect(Self.lines(schedule, session: 1).filter { $0.contains("B") }.count == 5)
    }

    @Test func `intraday bars complete inside the session, the last after the close`() throws {
        let folder = try Bars.folder([
            "A": ["2009-07-06T09:30:00-04:00,1,4,1,3,9", "2009-07-06T15:30:00-04:00,3,3,2,2,9"],
            "B": ["2009-07-06T10:00:00-04:00,7,8,6,7,9"],
        ])
        let schedule = ReplaySchedule(folder)
        #expect(schedule.sessions.count == 1)
        #expect(
            Self.lines(schedule, session: 0) == [
                "09:30:00 A 1 opening", "09:40:00 A 1", "09:50:00 A 4", "09:59:59 A 3", "10:00:00 A bar 3",
                "10:00:00 B 7 opening", "10:10:00 B 6", "10:20:00 B 8", "10:29:59 B 7", "10:30:00 B bar 7",
                "15:30:00 A 3", "15:40:00 A 3", "15:50:00 A 2", "15:59:59 A 2", "16:00:00 closed", "16:00:00 A bar 2",
            ]
        )
    }

    @Test func `bars before the open and after the close widen the session`() throws {
        let folder = try Bars.folder([
            "A": ["2009-07-06T08:00:00-04:00,1,1,1,1,9", "2009-07-06T17:00:00-04:00,1,1,1,1,9"]
        ])
        let session = try #require(ReplaySchedule(folder).sessions.first)
        #expect(Self.clock(session.open) == "08:00:00")
        // The smallest distance is nine hours, so the last bar lasts until two in the morning.
        #expect(Self.clock(session.close) == "02:00:00")
    }

    @Test func `time never runs backwards and every bar completes once`() throws {
        let rows = (0..<200).map { minute in
            let (hour, rest) = (9 + (30 + minute) / 60, (30 + minute) % 60)
            return "2009-07-06T\(hour < 10 ? "0" : "")\(hour):\(rest < 10 ? "0" : "")\(rest):00-04:00,5,6,4,5,1"
        }
        let schedule = ReplaySchedule(
            try Bars.folder(["A": rows, "B": rows.enumerated().filter { $0.offset % 3 != 1 }.map(\.element)])
        )
        var last = Timestamp(seconds: 0)
        var completed = 0
        for step in schedule.sessions.indices.flatMap(schedule.steps(ofSession:)) {
            let time: Timestamp
            switch step {
            case .tick(let tick): time = tick.at
            case .sessionClosed(let at): time = at
            case .barComplete(_, _, let at):
                time = at
                completed += 1
            }
            #expect(time >= last)
            last = time
        }
        #expect(completed == 200 + 133)
    }
}
