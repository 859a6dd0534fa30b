import Testing
import TradingCore

@Suite struct MarketCalendarTests {
    /// What the exchanges did and announced, year by year; months and days without a separator.
    struct Year: Sendable, CustomTestStringConvertible {
        let number: Int
        let sessions: Int
        let closed: String
        let early: String

        init(_ number: Int, _ sessions: Int, closed: String, early: String) {
            self.number = number
            self.sessions = sessions
            self.closed = closed
            self.early = early
        }

        var testDescription: String { "\(self.number)" }
    }

    private static let years = [
        Year(2009, 252, closed: "0101 0119 0216 0410 0525 0703 0907 1126 1225", early: "1127 1224"),
        Year(2010, 252, closed: "0101 0118 0215 0402 0531 0705 0906 1125 1224", early: "1126"),
        Year(2011, 252, closed: "0117 0221 0422 0530 0704 0905 1124 1226", early: "1125"),
        Year(2012, 250, closed: "0102 0116 0220 0406 0528 0704 0903 1029 1030 1122 1225", early: "0703 1123 1224"),
        Year(2013, 252, closed: "0101 0121 0218 0329 0527 0704 0902 1128 1225", early: "0703 1129 1224"),
        Year(2014, 252, closed: "0101 0120 0217 0418 0526 0704 0901 1127 1225", early: "0703 1128 1224"),
        Year(2015, 252, closed: "0101 0119 0216 0403 0525 0703 0907 1126 1225", early: "1127 1224"),
        Year(2016, 252, closed: "0101 0118 0215 0325 0530 0704 0905 1124 1226", early: "1125"),
        Year(2017, 251, closed: "0102 0116 0220 0414 0529 0704 0904 1123 1225", early: "0703 1124"),
        Year(2018, 251, closed: "0101 0115 0219 0330 0528 0704 0903 1122 1205 1225", early: "0703 1123 1224"),
        Year(2019, 252, closed: "0101 0121 0218 0419 0527 0704 0902 1128 1225", early: "0703 1129 1224"),
        Year(2020, 253, closed: "0101 0120 0217 0410 0525 0703 0907 1126 1225", early: "1127 1224"),
        Year(2021, 252, closed: "0101 0118 0215 0402 0531 0705 0906 1125 1224", early: "1126"),
        Year(2022, 251, closed: "0117 0221 0415 0530 0620 0704 0905 1124 1226", early: "1125"),
        Year(2023, 250, closed: "0102 0116 0220 0407 0529 0619 0704 0904 1123 1225", early: "0703 1124"),
        Year(2024, 252, closed: "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225", early: "0703 1129 1224"),
        Year(2025, 250, closed: "0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225", early: "0703 1128 1224"),
        Year(2026, 251, closed: "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225", early: "1127 1224"),
        Year(2027, 251, closed: "0101 0118 0215 0326 0531 0618 0705 0906 1125 1224", early: "1126"),
        Year(2028, 251, closed: "0117 0221 0414 0529 0619 0704 0904 1123 1225", early: "0703 1124"),
        Year(2029, 251, closed: "0101 0115 0219 0330 0528 0619 0704 0903 1122 1225", early: "0703 1123 1224"),
    ]

    @Test(arguments: years)
    func `closes as the exchanges do`(year: Year) throws {
        let dates = try Self.dates(of: year.number)
        var closed: [String] = []
        var early: [String] = []
        var sessions = 0
        for dayNumber in dates.lowerBound.dayNumber...dates.upperBound.dayNumber {
            let date = CalendarDate(dayNumber: dayNumber)
            let isWeekend = date.weekday == .saturday || date.weekday == .sunday
            let monthAndDay = date.description.split(separator: "-").dropFirst().joined()
            guard let session = MarketCalendar.session(on: date) else {
                if !isWeekend { closed.append(monthAndDay) }
                #expect(MarketCalendar.isHoliday(date) == !isWeekend)
                continue
            }
            #expect(!isWeekend && !MarketCalendar.isHoliday(date))
            sessions += 1
            #expect(session.date == date)
            #expect(NewYorkTime.date(of: session.open) == date && NewYorkTime.date(of: session.close) == date)
            #expect(NewYorkTime.timeOfDay(of: session.open) == 9 * 3600 + 1800)
            let closeHour = MarketCalendar.isHalfDay(date) ? 13 : 16
            #expect(NewYorkTime.timeOfDay(of: session.close) == closeHour * 3600)
            if closeHour == 13 { early.append(monthAndDay) }
        }
        #expect(closed.joined(separator: " ") == year.closed)
        #expect(early.joined(separator: " ") == year.early)
        #expect(sessions == year.sessions)
        #expect(MarketCalendar.sessions(in: dates).count == year.sessions)
    }

    @Test(arguments: [
        ("2026-07-02", "20:00"), ("2026-07-03", nil), ("2027-07-02", "20:00"), ("2027-07-05", nil),
        ("2027-12-23", "21:00"), ("2027-12-24", nil), ("2027-12-31", "21:00"), ("2028-12-22", "21:00"),
        ("2028-12-25", nil), ("2028-01-03", "21:00"), ("2028-07-03", "17:00"), ("2021-06-18", "20:00"),
        ("2022-06-20", nil), ("2001-09-10", "20:00"), ("2001-09-11", nil), ("2001-09-14", nil), ("2001-09-17", "20:00"),
        ("2004-06-11", nil), ("2007-01-02", nil), ("2012-10-30", nil), ("2012-10-31", "20:00"), ("2025-01-09", nil),
        ("1998-01-19", nil), ("1997-01-20", "21:00"), ("2025-10-13", "20:00"), ("2025-11-11", "21:00"),
    ])
    func `knows the dates that are easy to get wrong`(date: String, close: String?) throws {
        let session = MarketCalendar.session(on: try #require(CalendarDate(date)))
        #expect(session?.close.description == close.map { "\(date)T\($0):00Z" })
    }

    @Test(arguments: [
        "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2028-04-16", "2029-04-01",
        // The earliest and latest, and the years in which the full moon is moved.
        "2008-03-23", "2038-04-25", "1943-04-25", "1954-04-18", "1981-04-19", "2049-04-18", "2076-04-19", "2199-04-14",
    ])
    func `closes on the Friday before Easter`(easter: String) throws {
        let easter = try #require(CalendarDate(easter))
        #expect(easter.weekday == .sunday)
        let fridays = (-30...30).map { easter.adding(days: $0) }.filter { $0.weekday == .friday }
        #expect(fridays.filter { MarketCalendar.isHoliday($0) } == [easter.adding(days: -2)])
    }

    @Test(arguments: [
        ("2025-10-28T03:59:59", MarketPhase.closed), ("2025-10-28T04:00:00", .preMarket),
        ("2025-10-28T09:29:59", .preMarket), ("2025-10-28T09:30:00", .regular), ("2025-10-28T15:59:59", .regular),
        ("2025-10-28T16:00:00", .postMarket), ("2025-10-28T19:59:59", .postMarket), ("2025-10-28T20:00:00", .closed),
        ("2025-11-28T12:59:59", .regular), ("2025-11-28T13:00:00", .postMarket),
        ("2025-11-28T16:59:59", .postMarket), ("2025-11-28T17:00:00", .closed),
        ("2025-11-27T12:00:00", .closed), ("2025-10-25T12:00:00", .closed), ("2025-10-26T12:00:00", .closed),
    ])
    func `tells the phase`(localTime: String, phase: MarketPhase) throws {
        let isWinter = localTime > "2025-11-02"
        let timestamp = try #require(Timestamp(localTime + (isWinter ? "-05:00" : "-04:00")))
        #expect(MarketCalendar.phase(at: timestamp) == phase)
        #expect(MarketCalendar.phase(at: timestamp + .milliseconds(999)) == phase)
    }

    @Test(arguments: [
        // Before, at and after the open; at the close.
        ("2025-10-28T13:29:59Z", "2025-10-28T13:30:00Z", "2025-10-28T20:00:00Z"),
        ("2025-10-28T13:30:00Z", "2025-10-29T13:30:00Z", "2025-10-28T20:00:00Z"),
        ("2025-10-28T20:00:00Z", "2025-10-29T13:30:00Z", "2025-10-29T20:00:00Z"),
        // Over a weekend on which the clock changes.
        ("2025-10-31T20:00:00Z", "2025-11-03T14:30:00Z", "2025-11-03T21:00:00Z"),
        // Over Thanksgiving, to a half day.
        ("2025-11-26T21:00:00Z", "2025-11-28T14:30:00Z", "2025-11-28T18:00:00Z"),
        // Evening in New York, the next day in UTC.
        ("2025-10-29T01:00:00Z", "2025-10-29T13:30:00Z", "2025-10-29T20:00:00Z"),
        // The longest closure.
        ("2001-09-10T20:00:00Z", "2001-09-17T13:30:00Z", "2001-09-17T20:00:00Z"),
    ])
    func `finds the next open and close`(text: String, open: String, close: String) throws {
        let timestamp = try #require(Timestamp(text))
        #expect(MarketCalendar.nextOpen(after: timestamp) == Timestamp(open))
        #expect(MarketCalendar.nextClose(after: timestamp) == Timestamp(close))
    }

    @Test func `the end of time has no next open`() {
        let end = Timestamp(nanoseconds: .max)
        #expect(MarketCalendar.nextOpen(after: end) == end)
        #expect(MarketCalendar.nextClose(after: end) == end)
    }

    private static func dates(of year: Int) throws -> ClosedRange<CalendarDate> {
        let first = try #require(CalendarDate(year: year, month: 1, day: 1))
        let last = try #require(CalendarDate(year: year, month: 12, day: 31))
        return first...last
    }
}
