/// When the US stock exchanges are open, by their rules.
///
/// Full closures follow the rules in force since 1998, early closes those since 2009. Closures that no rule foretells
/// (mourning, storms, disasters) are a list that ends when this was written, so a broker's calendar overrides this
/// one: see ``SessionSchedule``.
package enum MarketCalendar {
    /// The regular session of a date, 09:30 to 16:00 or, on a half day, to 13:00; nil if the market stays closed.
    package static func session(on date: CalendarDate) -> TradingSession? {
        guard !self.isWeekend(date), !self.isHoliday(date) else { return nil }
        return TradingSession(
            date: date,
            open: NewYorkTime.timestamp(on: date, hour: 9, minute: 30),
            close: NewYorkTime.timestamp(on: date, hour: self.isHalfDay(date) ? 13 : 16)
        )
    }

    /// All sessions of a range of dates, in order.
    package static func sessions(in dates: ClosedRange<CalendarDate>) -> [TradingSession] {
        (dates.lowerBound.dayNumber...dates.upperBound.dayNumber).compactMap {
            self.session(on: CalendarDate(dayNumber: $0))
        }
    }

    /// Whether the market stays closed all day on a date that is not a Saturday or Sunday.
    package static func isHoliday(_ date: CalendarDate) -> Bool {
        guard !self.isWeekend(date) else { return false }
        let (year, month, day) = date.components
        let isHolidayByRule =
            switch month {
            case 1:
                // A New Year's Day on a Saturday is not made up for.
                day == 1 || day == 2 && date.weekday == .monday
                    || year >= 1998 && date == .nth(3, .monday, ofMonth: 1, year: year)
            case 2: date == .nth(3, .monday, ofMonth: 2, year: year)
            case 3, 4: date == self.easter(year: year).adding(days: -2)
            case 5: date == .last(.monday, ofMonth: 5, year: year)
            case 6: year >= 2022 && self.isObserved(date, day: 19)
            case 7: self.isObserved(date, day: 4)
            case 9: date == .nth(1, .monday, ofMonth: 9, year: year)
            case 11: date == self.thanksgiving(year: year)
            case 12: self.isObserved(date, day: 25)
            default: false
            }
        return isHolidayByRule || self.isUnforeseenClosure(year: year, month: month, day: day)
    }

    /// Whether the market closes at 13:00: on the day after Thanksgiving, and on 3 July and 24 December if the
    /// holiday is the next day and neither is moved by a weekend.
    package static func isHalfDay(_ date: CalendarDate) -> Bool {
        let (year, month, day) = date.components
        switch (month, day) {
        case (7, 3), (12, 24):
            return date.weekday.rawValue <= Weekday.thursday.rawValue && !self.isHoliday(date)
        case (11, _):
            return date == self.thanksgiving(year: year).adding(days: 1)
        default:
            return false
        }
    }

    /// What the market does at an instant: pre-market from 04:00 to the open, the regular session, post-market for
    /// four hours from the close. Each phase includes its first instant and not its last.
    package static func phase(at timestamp: Timestamp) -> MarketPhase {
        let date = NewYorkTime.date(of: timestamp)
        guard let session = self.session(on: date) else { return .closed }
        if session.contains(timestamp) { return .regular }
        if timestamp < session.open {
            return timestamp >= NewYorkTime.timestamp(on: date, hour: 4) ? .preMarket : .closed
        }
        return timestamp < session.close + .seconds(4 * 3600) ? .postMarket : .closed
    }

    /// The first open later than `timestamp`.
    package static func nextOpen(after timestamp: Timestamp) -> Timestamp {
        self.first(after: timestamp, \.open)
    }

    /// The first close later than `timestamp`: today's, if the market is open.
    package static func nextClose(after timestamp: Timestamp) -> Timestamp {
        self.first(after: timestamp, \.close)
    }

    /// Easter Sunday of the Gregorian calendar.
    static func easter(year: Int) -> CalendarDate {
        let century = year / 100
        let goldenNumber = year % 19
        // The age of the moon as the church reckons it, corrected for dropped leap days and for the moon's drift.
        let droppedLeapDays = century - century / 4
        let moonDrift = (8 * century + 13) / 25
        var daysToFullMoon = (19 * goldenNumber + droppedLeapDays - moonDrift + 15) % 30
        if daysToFullMoon == 29 || daysToFullMoon == 28 && goldenNumber > 10 { daysToFullMoon -= 1 }
        let fullMoon = CalendarDate(validYear: year, month: 3, day: 21).adding(days: daysToFullMoon)
        return fullMoon.adding(days: 7 - fullMoon.weekday.rawValue % 7)
    }

    private static func first(after timestamp: Timestamp, _ boundary: (TradingSession) -> Timestamp) -> Timestamp {
        let today = NewYorkTime.date(of: timestamp)
        // The longest closure since 1998 lasted six days, from 11 to 16 September 2001.
        for days in 0...14 {
            guard let session = self.session(on: today.adding(days: days)) else { continue }
            if boundary(session) > timestamp { return boundary(session) }
        }
        // Reached only in 2262, where timestamps end.
        return Timestamp(nanoseconds: .max)
    }

    private static func isWeekend(_ date: CalendarDate) -> Bool {
        date.weekday == .saturday || date.weekday == .sunday
    }

    /// Whether a weekday is the day off for a holiday on `day` of its month: Friday for Saturday, Monday for Sunday.
    private static func isObserved(_ date: CalendarDate, day: Int) -> Bool {
        switch date.day - day {
        case 0: true
        case -1: date.weekday == .friday
        case 1: date.weekday == .monday
        default: false
        }
    }

    private static func thanksgiving(year: Int) -> CalendarDate {
        .nth(4, .thursday, ofMonth: 11, year: year)
    }

    private static func isUnforeseenClosure(year: Int, month: Int, day: Int) -> Bool {
        switch (year, month, day) {
        case (2001, 9, 11...14): true  // attacks of 11 September
        case (2004, 6, 11): true  // mourning for Ronald Reagan
        case (2007, 1, 2): true  // mourning for Gerald Ford
        case (2012, 10, 29...30): true  // hurricane Sandy
        case (2018, 12, 5): true  // mourning for George H. W. Bush
        case (2025, 1, 9): true  // mourning for Jimmy Carter
        default: false
        }
    }
}
