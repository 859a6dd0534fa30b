/// A decimal number kept as a whole count of 1e-8, so that money is exact from the wire to the report.
///
/// The range is ±92 billion. Operators trap on overflow: values read from outside are parsed up to ±10 billion only, so
/// an overflowing sum of a few of them is a broken invariant. Products, and sums with them through `adding`, throw
/// `ArithmeticOverflow`.
package protocol FixedPoint: Hashable, Comparable, Sendable, CustomStringConvertible, JSONCodable {
    var raw: Int64 { get }
    init(raw: Int64)
}

package struct ArithmeticOverflow: Error, Hashable, CustomStringConvertible {
    package let description: String
}

extension FixedPoint {
    /// How many raw units make one.
    package static var unit: Int64 { 100_000_000 }
    package static var zero: Self { Self(raw: 0) }

    package init(_ whole: Int) {
        self.init(raw: Int64(whole) * Self.unit)
    }

    /// Reads a plain or exponent decimal such as `19.66`, `-3` or `1e-4`; nil if it is malformed, beyond ±10 billion or
    /// finer than 1e-8.
    package init?(_ text: some StringProtocol) {
        guard let raw = parseFixedPoint(text.utf8) else { return nil }
        self.init(raw: raw)
    }

    package var description: String {
        var bytes: [UInt8] = []
        self.append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the shortest exact decimal text.
    package func append(to bytes: inout [UInt8]) {
        var magnitude = self.raw.magnitude
        if self.raw < 0 { bytes.append(UInt8(ascii: "-")) }
        let whole = magnitude / UInt64(Self.unit)
        magnitude %= UInt64(Self.unit)
        appendDecimal(whole, to: &bytes)
        guard magnitude > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        var divisor = UInt64(Self.unit) / 10
        while magnitude > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(magnitude / divisor))
            magnitude %= divisor
            divisor /= 10
        }
    }

    package static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    package static func + (left: Self, right: Self) -> Self { Self(raw: left.raw + right.raw) }
    package static func - (left: Self, right: Self) -> Self { Self(raw: left.raw - right.raw) }
    package static func += (left: inout Self, right: Self) { left = left + right }
    package static func -= (left: inout Self, right: Self) { left = left - right }
    package static prefix func - (value: Self) -> Self { Self(raw: -value.raw) }

    /// The sum where an operand is a product of figures from outside, and so may lie near the ends of the range.
    package func adding(_ other: Self) throws(ArithmeticOverflow) -> Self {
        let (sum, overflow) = self.raw.addingReportingOverflow(other.raw)
        guard !overflow else { throw ArithmeticOverflow(description: "\(self) + \(other) is beyond ±92 billion") }
        return Self(raw: sum)
    }

    /// Rounded towards zero to a multiple of `step`, which must be positive.
    package func roundedTowardZero(toMultipleOf step: Self) -> Self {
        Self(raw: self.raw - self.raw % step.raw)
    }

    package init(json: JSONValue) throws(JSONError) {
        guard case .number(let text) = json, let value = Self(text) else {
            throw JSONError("expected a decimal number with at most 8 decimals, found \(json.summary)")
        }
        self = value
    }

    package func write(to writer: inout JSONWriter) {
        writer.value { self.append(to: &$0) }
    }
}

func appendDecimal(_ value: UInt64, to bytes: inout [UInt8]) {
    if value >= 10 { appendDecimal(value / 10, to: &bytes) }
    bytes.append(UInt8(ascii: "0") + UInt8(value % 10))
}

/// Ten billion.
private let parsedMaximum: Int128 = 1_000_000_000_000_000_000

private func parseFixedPoint(_ text: some Collection<UInt8>) -> Int64? {
    var bytes = text.makeIterator()
    var next = bytes.next()
    let negative = next == UInt8(ascii: "-")
    if negative { next = bytes.next() }
    var mantissa: Int128 = 0
    var digits = 0
    var decimals = 0
    var seenPoint = false
    while let byte = next, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
        if byte == UInt8(ascii: ".") {
            guard !seenPoint, digits > 0 else { return nil }
            seenPoint = true
        } else {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits < 30 else { return nil }
            mantissa = mantissa * 10 + Int128(byte - UInt8(ascii: "0"))
            digits += 1
            if seenPoint { decimals += 1 }
        }
        next = bytes.next()
    }
    guard digits > 0, !(seenPoint && decimals == 0) else { return nil }
    var exponent = 0
    if next != nil {
        next = bytes.next()
        let negativeExponent = next == UInt8(ascii: "-")
        if negativeExponent || next == UInt8(ascii: "+") { next = bytes.next() }
        var exponentDigits = 0
        while let byte = next {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), exponentDigits < 3 else { return nil }
            exponent = exponent * 10 + Int(byte - UInt8(ascii: "0"))
            exponentDigits += 1
            next = bytes.next()
        }
        guard exponentDigits > 0 else { return nil }
        if negativeExponent { exponent = -exponent }
    }
    var shift = 8 - decimals + exponent
    while shift > 0, mantissa != 0 {
        let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
        guard !overflow else { return nil }
        mantissa = product
        shift -= 1
    }
    while shift < 0, mantissa != 0 {
        guard mantissa % 10 == 0 else { return nil }
        mantissa /= 10
        shift += 1
    }
    guard mantissa <= parsedMaximum else { return nil }
    return Int64(negative ? -mantissa : mantissa)
}
