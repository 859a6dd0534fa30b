/// An instant: nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Holds instants from 1677 to 2262. Texts are read for the years 1900–2199 only. Arithmetic and the initialisers
/// from other units stop at the ends of the range instead of trapping, so a senseless number from outside gives a
/// visibly wrong instant and not a crash.
package struct Timestamp: Hashable, Comparable, Sendable {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    package init(microseconds: Int64) {
        self.nanoseconds = Self.clamped(microseconds.multipliedReportingOverflow(by: 1000), sign: microseconds)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    package init(milliseconds: Int64) {
        self.nanoseconds = Self.clamped(milliseconds.multipliedReportingOverflow(by: 1_000_000), sign: milliseconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    package init(seconds: Int64) {
        self.nanoseconds = Self.clamped(seconds.multipliedReportingOverflow(by: Self.second), sign: seconds)
    }

    /// Whole microseconds since 1970-01-01T00:00:00Z, rounded down.
    package var microseconds: Int64 { Self.floor(self.nanoseconds, by: 1000).quotient }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded down.
    package var milliseconds: Int64 { Self.floor(self.nanoseconds, by: 1_000_000).quotient }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    package var seconds: Int64 { Self.floor(self.nanoseconds, by: Self.second).quotient }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The part of the duration below a nanosecond is dropped.
    package static func + (timestamp: Timestamp, duration: Duration) -> Timestamp {
        let nanoseconds = duration.clampedNanoseconds
        let sum = timestamp.nanoseconds.addingReportingOverflow(nanoseconds)
        return Timestamp(nanoseconds: Self.clamped(sum, sign: nanoseconds))
    }

    /// The part of the duration below a nanosecond is dropped.
    package static func - (timestamp: Timestamp, duration: Duration) -> Timestamp {
        timestamp + (.zero - duration)
    }

    /// The exact time from `earlier` to `later`, negative if they stand the other way round.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .nanoseconds(later.nanoseconds) - .nanoseconds(earlier.nanoseconds)
    }

    static let second: Int64 = 1_000_000_000
    static let secondsPerDay: Int64 = 86_400

    /// Division that rounds down, with a remainder that is never negative; `divisor` is positive.
    static func floor(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// The end of the range on the side of `sign` where the exact result did not fit.
    fileprivate static func clamped(_ result: (partialValue: Int64, overflow: Bool), sign: Int64) -> Int64 {
        guard result.overflow else { return result.partialValue }
        return sign < 0 ? .min : .max
    }
}

extension Timestamp {
    /// Reads RFC 3339: `YYYY-MM-DDTHH:MM:SS`, a fraction if any, then `Z` or `±HH:MM`.
    ///
    /// Nil if the text is anything else: a day or a time of day that does not exist (24:00 and leap seconds
    /// included), a lower-case `t` or `z`, no zone, or an instant outside the years 1900–2199. Fraction digits past the
    /// ninth are dropped.
    package init?(_ text: some StringProtocol) {
        self.init(utf8: text.utf8)
    }

    /// Reads RFC 3339 from its bytes, by the same rule as ``init(_:)``.
    package init?(utf8 bytes: some Collection<UInt8>) {
        guard
            let timestamp = bytes.withContiguousStorageIfAvailable(Self.read)
                ?? Array(bytes).withUnsafeBufferPointer(Self.read)
        else { return nil }
        self = timestamp
    }

    private static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Timestamp? {
        var reader = DateTextReader(bytes)
        guard let date = reader.date(), reader.skip("T"),
            let hour = reader.number(digits: 2), hour < 24, reader.skip(":"),
            let minute = reader.number(digits: 2), minute < 60, reader.skip(":"),
            let second = reader.number(digits: 2), second < 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.skip(".") {
            guard let billionths = reader.billionths() else { return nil }
            fraction = billionths
        }
        guard let offset = Self.readOffset(&reader), reader.isAtEnd else { return nil }
        let localSeconds = date.dayNumber * 86_400 + hour * 3600 + minute * 60 + second
        let seconds = Int64(localSeconds - offset)
        guard Self.readableSeconds.contains(seconds) else { return nil }
        return Timestamp(nanoseconds: seconds * Self.second + fraction)
    }

    /// Seconds east of UTC.
    private static func readOffset(_ reader: inout DateTextReader) -> Int? {
        if reader.skip("Z") { return 0 }
        let isEast = reader.skip("+")
        guard isEast || reader.skip("-"),
            let hours = reader.number(digits: 2), hours < 24, reader.skip(":"),
            let minutes = reader.number(digits: 2), minutes < 60
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return isEast ? offset : -offset
    }

    // 1900-01-01T00:00:00Z up to 2200-01-01T00:00:00Z: what is read prints as a text that is read again.
    private static let readableSeconds: Range<Int64> = -2_208_988_800..<7_258_118_400
}

extension Timestamp: CustomStringConvertible {
    /// RFC 3339 in UTC, `2025-10-28T14:30:00Z`, with as many fraction digits as the instant needs.
    package var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(30)
        self.appendText(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text without its separators, `20090206T210000Z`, for names and ids; a fraction if there is one.
    package var compact: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(26)
        self.appendCompact(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the same text as ``description``.
    package func appendText(to bytes: inout [UInt8]) {
        let (date, secondOfDay, fraction) = self.parts
        date.appendText(to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        bytes.appendTwoDigits(secondOfDay / 3600)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendTwoDigits(secondOfDay / 60 % 60)
        bytes.append(UInt8(ascii: ":"))
        bytes.appendTwoDigits(secondOfDay % 60)
        Self.appendFraction(fraction, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// Appends the same text as ``compact``.
    package func appendCompact(to bytes: inout [UInt8]) {
        let (date, secondOfDay, fraction) = self.parts
        let (year, month, day) = date.components
        bytes.appendTwoDigits(year / 100)
        bytes.appendTwoDigits(year % 100)
        bytes.appendTwoDigits(month)
        bytes.appendTwoDigits(day)
        bytes.append(UInt8(ascii: "T"))
        bytes.appendTwoDigits(secondOfDay / 3600)
        bytes.appendTwoDigits(secondOfDay / 60 % 60)
        bytes.appendTwoDigits(secondOfDay % 60)
        Self.appendFraction(fraction, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    private var parts: (date: CalendarDate, secondOfDay: Int, fraction: Int) {
        let (seconds, fraction) = Self.floor(self.nanoseconds, by: Self.second)
        let (day, secondOfDay) = Self.floor(seconds, by: Self.secondsPerDay)
        return (CalendarDate(dayNumber: Int(day)), Int(secondOfDay), Int(fraction))
    }

    private static func appendFraction(_ fraction: Int, to bytes: inout [UInt8]) {
        guard fraction != 0 else { return }
        bytes.append(UInt8(ascii: "."))
        var rest = fraction
        repeat {
            rest *= 10
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / 1_000_000_000))
            rest %= 1_000_000_000
        } while rest != 0
    }
}

extension Duration {
    fileprivate var clampedNanoseconds: Int64 { Int64(clamping: self.attoseconds / 1_000_000_000) }
}
