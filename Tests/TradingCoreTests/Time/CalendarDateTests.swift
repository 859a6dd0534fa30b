import Testing
import TradingCore

@Suite struct CalendarDateTests {
    @Test func `agrees with counting day by day from 1900 to 2199`() throws {
        // 1900-01-01 was a Monday, 25 567 days before 1970-01-01.
        var (year, month, day) = (1900, 1, 1)
        var dayNumber = -25_567
        var weekday = 1
        var mismatches: [Int] = []
        while year < 2200 {
            let date = try #require(CalendarDate(year: year, month: month, day: day))
            let matches =
                date.dayNumber == dayNumber && date.weekday.rawValue == weekday && date.components == (year, month, day)
                && CalendarDate(dayNumber: dayNumber) == date && CalendarDate(date.description) == date
            if !matches { mismatches.append(dayNumber) }

            dayNumber += 1
            weekday = weekday % 7 + 1
            day += 1
            let isLeapYear = year % 400 == 0 || year % 4 == 0 && year % 100 != 0
            let lengths = [31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            if day > lengths[month - 1] { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
        #expect(mismatches == [])
        #expect(dayNumber == 84_006)
    }

    @Test(arguments: [
        ("2009-02-06", 14_281, Weekday.friday), ("1970-01-01", 0, .thursday), ("1969-12-31", -1, .wednesday),
        ("2024-02-29", 19_782, .thursday), ("2000-02-29", 11_016, .tuesday), ("2025-10-28", 20_389, .tuesday),
    ])
    func `knows well-known dates`(text: String, dayNumber: Int, weekday: Weekday) throws {
        let date = try #require(CalendarDate(text))
        #expect(date.dayNumber == dayNumber)
        #expect(date.weekday == weekday)
        #expect(date.description == text)
        #expect("\(date.year) \(date.month) \(date.day)" == self.withoutLeadingZeros(text))
    }

    @Test(arguments: [
        "", "2009", "2009-02", "2009-2-6", "2009-02-6", "09-02-06", "20090206", "2009/02/06", "2009-02-06 ",
        " 2009-02-06",
        "2009-02-06T", "2009-02-06T00:00:00Z", "2009-00-06", "2009-13-06", "2009-02-00", "2009-02-29", "2009-02-30",
        "2009-04-31", "1900-02-29", "2100-02-29", "1899-12-31", "2200-01-01", "0000-01-01", "+009-02-06", "2009-+2-06",
        "2009-02-0\u{0666}",
    ])
    func `refuses what is not a date`(text: String) {
        #expect(CalendarDate(text) == nil)
        #expect(CalendarDate(utf8: Array(text.utf8)) == nil)
    }

    @Test func `refuses parts that are not a date`() {
        #expect(CalendarDate(year: 2024, month: 2, day: 29) != nil)
        #expect(CalendarDate(year: 2023, month: 2, day: 29) == nil)
        #expect(CalendarDate(year: 2024, month: 0, day: 1) == nil)
        #expect(CalendarDate(year: 2024, month: 13, day: 1) == nil)
        #expect(CalendarDate(year: 2024, month: 1, day: 0) == nil)
        #expect(CalendarDate(year: 2024, month: 1, day: -1) == nil)
        #expect(CalendarDate(year: 1899, month: 12, day: 31) == nil)
        #expect(CalendarDate(year: 2200, month: 1, day: 1) == nil)
    }

    @Test func `adds days across months and years`() throws {
        let date = try #require(CalendarDate("2024-02-28"))
        #expect(date.adding(days: 1).description == "2024-02-29")
        #expect(date.adding(days: 2).description == "2024-03-01")
        #expect(date.adding(days: 366).description == "2025-02-28")
        #expect(date.adding(days: -59).description == "2023-12-31")
        #expect(date.adding(days: 0) == date)
        #expect(date < date.adding(days: 1))
        #expect(date.adding(days: -1) < date)
    }

    private func withoutLeadingZeros(_ text: String) -> String {
        text.split(separator: "-").compactMap { Int($0) }.map { "\($0)" }.joined(separator: " ")
    }
}
