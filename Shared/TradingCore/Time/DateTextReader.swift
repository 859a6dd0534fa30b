/// Reads the fixed-width fields of a date or time from ASCII bytes, left to right.
///
/// Valid only inside the closure that lends the buffer.
struct DateTextReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    var isAtEnd: Bool { self.position == self.bytes.count }

    /// Reads exactly `count` digits; nil (and a reader of no further use) if something else stands there.
    mutating func number(digits count: Int) -> Int? {
        guard self.bytes.count - self.position >= count else { return nil }
        var value = 0
        for _ in 0..<count {
            let digit = self.bytes[self.position] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
            self.position += 1
        }
        return value
    }

    /// Reads one or more digits as billionths; digits past the ninth are dropped.
    mutating func billionths() -> Int64? {
        let start = self.position
        var value: Int64 = 0
        var weight: Int64 = 100_000_000
        while !self.isAtEnd {
            let digit = self.bytes[self.position] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value += Int64(digit) * weight
            weight /= 10
            self.position += 1
        }
        return self.position > start ? value : nil
    }

    /// Steps over `byte` if it stands next; false, without moving, if not.
    mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard !self.isAtEnd, self.bytes[self.position] == UInt8(ascii: byte) else { return false }
        self.position += 1
        return true
    }

    /// Reads `YYYY-MM-DD`.
    mutating func date() -> CalendarDate? {
        guard let year = self.number(digits: 4), self.skip("-"), let month = self.number(digits: 2), self.skip("-"),
            let day = self.number(digits: 2)
        else { return nil }
        return CalendarDate(year: year, month: month, day: day)
    }
}

extension [UInt8] {
    /// Appends a number of 0–99 as two digits.
    mutating func appendTwoDigits(_ number: Int) {
        self.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10))
        self.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
    }
}
