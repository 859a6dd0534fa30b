/// A day of the Gregorian calendar, without a time or a zone.
///
/// Dates that are read or put together from parts lie in the years 1900–2199, which leaves every instant of them
/// within the range of ``Timestamp``.
package struct CalendarDate: Hashable, Comparable, Sendable {
    /// Days since 1970-01-01, negative before it.
    package var dayNumber: Int { Int(self.storedDayNumber) }

    // Four bytes: sessions and daily bars are held by the million in a backtest.
    private let storedDayNumber: Int32

    /// The date that lies `dayNumber` days after 1970-01-01.
    ///
    /// - Precondition: The date lies in the years 1–9999.
    package init(dayNumber: Int) {
        precondition((-719_162...2_932_896).contains(dayNumber), "Day number \(dayNumber) is outside the years 1–9999")
        self.storedDayNumber = Int32(dayNumber)
    }

    /// Nil unless the year is 1900–2199 and the month has that day.
    package init?(year: Int, month: Int, day: Int) {
        guard (1900...2199).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.length(ofMonth: month, year: year)
        else { return nil }
        self.init(validYear: year, month: month, day: day)
    }

    /// Reads `YYYY-MM-DD` and nothing else; nil if the text is not a date of the years 1900–2199.
    package init?(_ text: some StringProtocol) {
        self.init(utf8: text.utf8)
    }

    /// Reads `YYYY-MM-DD` from its bytes, by the same rule as ``init(_:)``.
    package init?(utf8 bytes: some Collection<UInt8>) {
        guard
            let date = bytes.withContiguousStorageIfAvailable(Self.read)
                ?? Array(bytes).withUnsafeBufferPointer(Self.read)
        else { return nil }
        self = date
    }

    private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> CalendarDate? {
        var reader = DateTextReader(bytes)
        guard let date = reader.date(), reader.isAtEnd else { return nil }
        return date
    }

    /// The year starts in March here, so that the leap day is its last day and months follow one formula.
    init(validYear year: Int, month: Int, day: Int) {
        let marchYear = month > 2 ? year : year - 1
        let monthsSinceMarch = (month + 9) % 12
        let leapDays = marchYear / 4 - marchYear / 100 + marchYear / 400
        let dayOfYear = (153 * monthsSinceMarch + 2) / 5 + day - 1
        self.storedDayNumber = Int32(365 * marchYear + leapDays + dayOfYear - Self.daysFromMarchOfYearZero)
    }

    // From 0000-03-01 to 1970-01-01.
    private static let daysFromMarchOfYearZero = 719_468

    package var year: Int { self.components.year }

    /// 1–12.
    package var month: Int { self.components.month }

    /// 1–31.
    package var day: Int { self.components.day }

    /// Year, month and day together, for the price of one of them.
    package var components: (year: Int, month: Int, day: Int) {
        // Counted in quarter days, so that a century and a year have a whole length (146097 / 4 and 1461 / 4 days).
        let quarterDays = 4 * (self.dayNumber + Self.daysFromMarchOfYearZero) + 3
        let century = quarterDays / 146_097
        let quarterDaysOfCentury = quarterDays % 146_097 / 4 * 4 + 3
        let yearOfCentury = quarterDaysOfCentury / 1461
        let dayOfYear = quarterDaysOfCentury % 1461 / 4
        let monthsSinceMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthsSinceMarch + 2) / 5 + 1
        let marchYear = 100 * century + yearOfCentury
        return monthsSinceMarch < 10
            ? (marchYear, monthsSinceMarch + 3, day)
            : (marchYear + 1, monthsSinceMarch - 9, day)
    }

    package var weekday: Weekday {
        // Counted from 0001-01-01, the first date there is and a Monday.
        Weekday.allCases[(self.dayNumber + 719_162) % 7]
    }

    /// The date `days` later, or earlier if negative.
    ///
    /// - Precondition: The result lies in the years 1–9999.
    package func adding(days: Int) -> CalendarDate {
        CalendarDate(dayNumber: self.dayNumber + days)
    }

    package static func < (left: CalendarDate, right: CalendarDate) -> Bool {
        left.storedDayNumber < right.storedDayNumber
    }

    /// Appends `YYYY-MM-DD`.
    package func appendText(to bytes: inout [UInt8]) {
        let (year, month, day) = self.components
        bytes.appendTwoDigits(year / 100)
        bytes.appendTwoDigits(year % 100)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendTwoDigits(month)
        bytes.append(UInt8(ascii: "-"))
        bytes.appendTwoDigits(day)
    }

    private static func length(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension CalendarDate: CustomStringConvertible {
    /// `YYYY-MM-DD`
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(10)
        self.appendText(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A day of the week; the raw value is its ISO 8601 number, Monday 1 to Sunday 7.
package enum Weekday: Int, CaseIterable, Hashable, Sendable {
    case monday = 1
    case tuesday, wednesday, thursday, friday, saturday, sunday
}
