import Testing
import TradingCore

@Suite struct NewYorkTimeTests {
    /// The first and the last day of summer time.
    private static let summers = [
        ("2009-03-08", "2009-11-01"), ("2010-03-14", "2010-11-07"), ("2011-03-13", "2011-11-06"),
        ("2012-03-11", "2012-11-04"), ("2013-03-10", "2013-11-03"), ("2024-03-10", "2024-11-03"),
        ("2025-03-09", "2025-11-02"), ("2026-03-08", "2026-11-01"), ("2027-03-14", "2027-11-07"),
        ("2028-03-12", "2028-11-05"), ("2029-03-11", "2029-11-04"),
        // The last and first years of the older rules.
        ("2007-03-11", "2007-11-04"), ("2006-04-02", "2006-10-29"), ("1987-04-05", "1987-10-25"),
        ("1986-04-27", "1986-10-26"), ("1976-04-25", "1976-10-31"), ("1975-02-23", "1975-10-26"),
        ("1974-01-06", "1974-10-27"), ("1967-04-30", "1967-10-29"),
    ]

    @Test(arguments: summers)
    func `the clock changes at two in the morning`(start: String, end: String) throws {
        let start = try #require(CalendarDate(start))
        let end = try #require(CalendarDate(end))
        let spring = try #require(Timestamp("\(start)T07:00:00Z"))
        let autumn = try #require(Timestamp("\(end)T06:00:00Z"))
        let instant = Duration.nanoseconds(1)

        #expect(NewYorkTime.secondsFromUTC(at: spring - instant) == -18_000)
        #expect(NewYorkTime.timeOfDay(of: spring - instant) == 2 * 3600 - 1)
        #expect(NewYorkTime.secondsFromUTC(at: spring) == -14_400)
        #expect(NewYorkTime.timeOfDay(of: spring) == 3 * 3600)
        #expect(NewYorkTime.date(of: spring) == start)

        #expect(NewYorkTime.secondsFromUTC(at: autumn - instant) == -14_400)
        #expect(NewYorkTime.timeOfDay(of: autumn - instant) == 2 * 3600 - 1)
        #expect(NewYorkTime.secondsFromUTC(at: autumn) == -18_000)
        #expect(NewYorkTime.timeOfDay(of: autumn) == 3600)
        #expect(NewYorkTime.date(of: autumn) == end)

        for (date, offset) in [(start.adding(days: -2), 5), (start.adding(days: 1), 4), (end.adding(days: -2), 4)] {
            let noon = try #require(Timestamp("\(date)T\(12 + offset):00:00Z"))
            #expect(NewYorkTime.timestamp(on: date, hour: 12) == noon)
        }
        let noonAfter = try #require(Timestamp("\(end.adding(days: 1))T17:00:00Z"))
        #expect(NewYorkTime.timestamp(on: end.adding(days: 1), hour: 12) == noonAfter)
    }

    @Test(arguments: [
        ("2025-03-09", 1, 59, "2025-03-09T06:59:00Z"),
        // Skipped: the clock goes from 01:59 to 03:00.
        ("2025-03-09", 2, 0, "2025-03-09T07:00:00Z"),
        ("2025-03-09", 2, 30, "2025-03-09T07:30:00Z"),
        ("2025-03-09", 3, 30, "2025-03-09T07:30:00Z"),
        ("2025-11-02", 0, 59, "2025-11-02T04:59:00Z"),
        // Shown twice: the first is meant.
        ("2025-11-02", 1, 0, "2025-11-02T05:00:00Z"),
        ("2025-11-02", 1, 59, "2025-11-02T05:59:00Z"),
        ("2025-11-02", 2, 0, "2025-11-02T07:00:00Z"),
    ])
    func `skipped and repeated times are defined`(date: String, hour: Int, minute: Int, text: String) throws {
        let date = try #require(CalendarDate(date))
        #expect(NewYorkTime.timestamp(on: date, hour: hour, minute: minute) == Timestamp(text))
    }

    @Test func `every hour of the clock leads back to itself`() {
        // 2005 to 2012, across both of the rules of this century.
        for dayNumber in 12_784..<15_706 {
            let date = CalendarDate(dayNumber: dayNumber)
            for hour in 0..<24 {
                let timestamp = NewYorkTime.timestamp(on: date, hour: hour, minute: 7, second: 9)
                let isSkipped = hour == 2 && NewYorkTime.timeOfDay(of: timestamp) == 3 * 3600 + 429
                guard !isSkipped else { continue }
                #expect(NewYorkTime.date(of: timestamp) == date)
                #expect(NewYorkTime.timeOfDay(of: timestamp) == hour * 3600 + 429)
            }
        }
    }

    @Test func `a year has one skipped hour and one repeated hour`() throws {
        let start = try #require(Timestamp("2025-01-01T05:00:00Z"))
        var hoursShown: [String: Int] = [:]
        for hour in 0..<365 * 24 {
            let timestamp = start + .seconds(hour * 3600)
            hoursShown["\(NewYorkTime.date(of: timestamp)) \(NewYorkTime.timeOfDay(of: timestamp))", default: 0] += 1
        }
        #expect(hoursShown.count == 365 * 24 - 1)
        #expect(hoursShown["2025-03-09 7200"] == nil)
        #expect(hoursShown.filter { $0.value > 1 } == ["2025-11-02 3600": 2])
    }

    @Test func `the local date changes at local midnight`() throws {
        let winter = try #require(Timestamp("2026-01-01T04:59:59Z"))
        #expect(NewYorkTime.date(of: winter).description == "2025-12-31")
        #expect(NewYorkTime.date(of: winter + .seconds(1)).description == "2026-01-01")
        let summer = try #require(Timestamp("2025-07-01T03:59:59Z"))
        #expect(NewYorkTime.date(of: summer).description == "2025-06-30")
        #expect(NewYorkTime.timeOfDay(of: summer + .seconds(1)) == 0)
    }

    @Test(arguments: [Int64.min, Int64.max])
    func `the ends of time have a date`(nanoseconds: Int64) {
        let date = NewYorkTime.date(of: Timestamp(nanoseconds: nanoseconds))
        #expect(date.year == (nanoseconds < 0 ? 1677 : 2262))
    }
}
