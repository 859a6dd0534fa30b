/// The wall clock of the New York exchanges, US Eastern time.
///
/// Computed from the rules in force since 1967 and not from the machine's time zone data: TradingCore does no I/O,
/// and a replay gives the same result on every machine, whatever data is installed there. A future change of the law
/// is a change here. Before 1967, when places differed, the clock is taken to stay on standard time.
///
/// The clock changes at 02:00 on a Sunday, so every day on which the market opens has 24 hours.
package enum NewYorkTime {
    /// Seconds to add to UTC to get the local clock: −18 000 in winter, −14 400 in summer.
    package static func secondsFromUTC(at timestamp: Timestamp) -> Int {
        let standardSeconds = timestamp.seconds + Int64(Self.standardOffset)
        let standardDay = Timestamp.floor(standardSeconds, by: Timestamp.secondsPerDay)
        let date = CalendarDate(dayNumber: Int(standardDay.quotient))
        guard let summer = Self.summerTime(year: date.year), date >= summer.start, date <= summer.end else {
            return Self.standardOffset
        }
        let secondOfDay = Int(standardDay.remainder)
        // Both by the standard clock: summer time starts at 02:00 and ends at 01:00.
        if date == summer.start { return secondOfDay < 2 * 3600 ? Self.standardOffset : Self.summerOffset }
        if date == summer.end { return secondOfDay < 1 * 3600 ? Self.summerOffset : Self.standardOffset }
        return Self.summerOffset
    }

    /// The local calendar date.
    package static func date(of timestamp: Timestamp) -> CalendarDate {
        CalendarDate(dayNumber: Int(Self.localDay(of: timestamp).quotient))
    }

    /// What the local clock shows, in whole seconds since 00:00: 0 to 86 399.
    ///
    /// On the two days a year when the clock changes this is not the time elapsed since midnight.
    package static func timeOfDay(of timestamp: Timestamp) -> Int {
        Int(Self.localDay(of: timestamp).remainder)
    }

    /// The instant at which the local clock shows this time.
    ///
    /// A time that the clock skips in March (02:00–02:59) means the instant one hour after 01:00–01:59, when the
    /// clock already shows 03:00–03:59. A time that it shows twice in November (01:00–01:59) means the first of the two.
    ///
    /// - Precondition: `hour` is 0–23, `minute` and `second` are 0–59.
    package static func timestamp(on date: CalendarDate, hour: Int, minute: Int = 0, second: Int = 0) -> Timestamp {
        precondition(
            (0..<24).contains(hour) && (0..<60).contains(minute) && (0..<60).contains(second),
            "\(hour):\(minute):\(second) is not a time of day"
        )
        var offset = Self.standardOffset
        if let summer = Self.summerTime(year: date.year), date >= summer.start, date <= summer.end {
            let isStandard = date == summer.start && hour < 3 || date == summer.end && hour >= 2
            offset = isStandard ? Self.standardOffset : Self.summerOffset
        }
        let localSeconds = date.dayNumber * 86_400 + hour * 3600 + minute * 60 + second
        return Timestamp(seconds: Int64(localSeconds - offset))
    }

    private static let standardOffset = -5 * 3600
    private static let summerOffset = -4 * 3600

    private static func localDay(of timestamp: Timestamp) -> (quotient: Int64, remainder: Int64) {
        let localSeconds = timestamp.seconds + Int64(Self.secondsFromUTC(at: timestamp))
        return Timestamp.floor(localSeconds, by: Timestamp.secondsPerDay)
    }

    /// The Sundays on which summer time starts and ends.
    private static func summerTime(year: Int) -> (start: CalendarDate, end: CalendarDate)? {
        switch year {
        case 2007...:
            (.nth(2, .sunday, ofMonth: 3, year: year), .nth(1, .sunday, ofMonth: 11, year: year))
        case 1987...2006:
            (.nth(1, .sunday, ofMonth: 4, year: year), .last(.sunday, ofMonth: 10, year: year))
        case 1974:
            // The oil crisis moved two starts.
            (.nth(1, .sunday, ofMonth: 1, year: year), .last(.sunday, ofMonth: 10, year: year))
        case 1975:
            (.last(.sunday, ofMonth: 2, year: year), .last(.sunday, ofMonth: 10, year: year))
        case 1967...1986:
            (.last(.sunday, ofMonth: 4, year: year), .last(.sunday, ofMonth: 10, year: year))
        default:
            nil
        }
    }
}

extension CalendarDate {
    /// The `number`th such weekday of a month, for a month that has it.
    static func nth(_ number: Int, _ weekday: Weekday, ofMonth month: Int, year: Int) -> CalendarDate {
        let first = CalendarDate(validYear: year, month: month, day: 1)
        let daysToWeekday = (weekday.rawValue - first.weekday.rawValue + 7) % 7
        return first.adding(days: daysToWeekday + 7 * (number - 1))
    }

    /// The last such weekday of a month.
    static func last(_ weekday: Weekday, ofMonth month: Int, year: Int) -> CalendarDate {
        let fifth = Self.nth(5, weekday, ofMonth: month, year: year)
        return fifth.month == month ? fifth : fifth.adding(days: -7)
    }
}
