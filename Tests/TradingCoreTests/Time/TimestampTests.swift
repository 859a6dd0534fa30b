import Testing
import TradingCore

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("2025-10-28T14:30:00Z", 1_761_661_800_000_000_000),
        ("2025-10-28T10:30:00-04:00", 1_761_661_800_000_000_000),
        ("2025-10-28T20:00:00+05:30", 1_761_661_800_000_000_000),
        ("2025-10-28T14:30:00-00:00", 1_761_661_800_000_000_000),
        ("2025-10-28T14:30:00.1Z", 1_761_661_800_100_000_000),
        ("2025-10-28T14:30:00.000000001Z", 1_761_661_800_000_000_001),
        ("2025-10-28T14:30:00.1234567899-00:00", 1_761_661_800_123_456_789),
        ("2025-10-28T14:30:00.12345678912345678912345678Z", 1_761_661_800_123_456_789),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
        ("2000-02-29T23:59:59Z", 951_868_799_000_000_000),
        ("1900-01-01T00:00:00Z", -2_208_988_800_000_000_000),
        ("2199-12-31T23:59:59.999999999Z", 7_258_118_399_999_999_999),
    ])
    func `reads RFC 3339`(text: String, nanoseconds: Int64) {
        #expect(Timestamp(text)?.nanoseconds == nanoseconds)
        #expect(Timestamp(utf8: Array(text.utf8))?.nanoseconds == nanoseconds)
        #expect(Timestamp(utf8: text.utf8.reversed().lazy.reversed())?.nanoseconds == nanoseconds)
        #expect(Timestamp("<\(text)>".dropFirst().dropLast())?.nanoseconds == nanoseconds)
    }

    @Test(arguments: [
        "", "Z", "2025", "2025-10-28", "2025-10-28T14:30:00", "2025-10-28T14:30Z", "2025-10-28 14:30:00Z",
        "2025-10-28t14:30:00Z", "2025-10-28T14:30:00z", " 2025-10-28T14:30:00Z", "2025-10-28T14:30:00Z ",
        "2025-10-28T14:30:00ZZ", "2025-10-28T14:30:00Z\0", "20251028T143000Z", "25-10-28T14:30:00Z",
        "2025-1-28T14:30:00Z", "2025-10-28T4:30:00Z", "2025/10/28T14:30:00Z", "2025-10-28T14.30.00Z",
        "2025-00-28T14:30:00Z", "2025-13-28T14:30:00Z", "2025-10-00T14:30:00Z", "2025-10-32T14:30:00Z",
        "2025-04-31T14:30:00Z", "2025-02-29T14:30:00Z", "1900-02-29T14:30:00Z", "2100-02-29T14:30:00Z",
        "2025-10-28T24:00:00Z", "2025-10-28T14:60:00Z", "2025-10-28T14:30:60Z", "2016-12-31T23:59:60Z",
        "2025-10-28T14:30:00.Z", "2025-10-28T14:30:00,5Z", "2025-10-28T14:30:00.5", "2025-10-28T14:30:00.5.5Z",
        "2025-10-28T14:30:00.-5Z", "2025-10-28T14:30:00+5:30", "2025-10-28T14:30:00+0530",
        "2025-10-28T14:30:00+05", "2025-10-28T14:30:00+05:", "2025-10-28T14:30:00+24:00",
        "2025-10-28T14:30:00+05:60", "2025-10-28T14:30:00+05:30Z", "2025-10-28T14:30:00Z+05:30",
        "2025-10-28T14:30:00\u{2212}04:00", "2025-10-28T14:30:0\u{0660}Z", "２025-10-28T14:30:00Z",
        "+025-10-28T14:30:00Z", "-025-10-28T14:30:00Z", "1899-12-31T23:59:59Z", "2200-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", "1900-01-01T00:00:00+00:01", "2199-12-31T23:59:59-00:01",
    ])
    func `refuses what is not RFC 3339`(text: String) {
        #expect(Timestamp(text) == nil)
        #expect(Timestamp(utf8: Array(text.utf8)) == nil)
    }

    @Test func `refuses every truncation of a valid text`() {
        let text = "2025-10-28T10:30:00.5-04:00"
        #expect(Timestamp(text) != nil)
        for length in 0..<text.count {
            #expect(Timestamp(text.prefix(length)) == nil)
        }
    }

    @Test(arguments: [
        (1_761_661_800_000_000_000, "2025-10-28T14:30:00Z", "20251028T143000Z"),
        (1_761_661_800_500_000_000, "2025-10-28T14:30:00.5Z", "20251028T143000.5Z"),
        (1_761_661_800_050_000_000, "2025-10-28T14:30:00.05Z", "20251028T143000.05Z"),
        (1_761_661_800_000_000_001, "2025-10-28T14:30:00.000000001Z", "20251028T143000.000000001Z"),
        (1_233_954_000_000_000_000, "2009-02-06T21:00:00Z", "20090206T210000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z", "19691231T235959.999999999Z"),
        (Int64.min, "1677-09-21T00:12:43.145224192Z", "16770921T001243.145224192Z"),
        (Int64.max, "2262-04-11T23:47:16.854775807Z", "22620411T234716.854775807Z"),
    ])
    func `prints UTC with as many fraction digits as needed`(nanoseconds: Int64, text: String, compact: String) {
        let timestamp = Timestamp(nanoseconds: nanoseconds)
        #expect(timestamp.description == text)
        #expect(timestamp.compact == compact)
        var bytes = Array("at ".utf8)
        timestamp.appendText(to: &bytes)
        bytes.append(UInt8(ascii: " "))
        timestamp.appendCompact(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "at \(text) \(compact)")
    }

    @Test func `any instant of the readable years survives printing and reading`() throws {
        var generator = SeededGenerator(state: 20_251_028)
        let readable = -2_208_988_800_000_000_000..<Int64(7_258_118_400_000_000_000)
        for _ in 0..<20_000 {
            // Coarser units too, so that every length of fraction occurs.
            let unit = [1, 1000, 100_000, 1_000_000_000, 60_000_000_000][Int.random(in: 0..<5, using: &generator)]
            let nanoseconds = Int64.random(in: readable, using: &generator) / Int64(unit) * Int64(unit)
            let timestamp = Timestamp(nanoseconds: nanoseconds)
            #expect(Timestamp(timestamp.description) == timestamp)

            // The same clock reading in a zone east of Greenwich is an earlier instant.
            let minutes = Int.random(in: 0..<24 * 60, using: &generator)
            let zone = "+\(self.twoDigits(minutes / 60)):\(self.twoDigits(minutes % 60))"
            let earlier = timestamp - .seconds(minutes * 60)
            guard earlier.nanoseconds >= readable.lowerBound else { continue }
            #expect(Timestamp(timestamp.description.dropLast() + zone) == earlier)
        }
    }

    @Test func `order of texts is order of instants`() {
        var generator = SeededGenerator(state: 7)
        for _ in 0..<2000 {
            let one = Timestamp(seconds: .random(in: -2_000_000_000..<4_000_000_000, using: &generator))
            let other = Timestamp(seconds: .random(in: -2_000_000_000..<4_000_000_000, using: &generator))
            #expect((one < other) == (one.description < other.description))
        }
    }

    @Test func `other units round down`() {
        #expect(Timestamp(nanoseconds: 1999).microseconds == 1)
        #expect(Timestamp(nanoseconds: -1).microseconds == -1)
        #expect(Timestamp(nanoseconds: -1000).microseconds == -1)
        #expect(Timestamp(nanoseconds: -1).milliseconds == -1)
        #expect(Timestamp(nanoseconds: -1).seconds == -1)
        #expect(Timestamp(nanoseconds: 1_999_999_999).seconds == 1)
        #expect(Timestamp(microseconds: -5).nanoseconds == -5000)
        #expect(Timestamp(milliseconds: 1_761_661_800_123).description == "2025-10-28T14:30:00.123Z")
        #expect(Timestamp(milliseconds: 1_761_661_800_123).milliseconds == 1_761_661_800_123)
        #expect(Timestamp(seconds: 1_761_661_800).description == "2025-10-28T14:30:00Z")
    }

    @Test func `numbers out of range stop at the ends`() {
        let first = Timestamp(nanoseconds: .min)
        let last = Timestamp(nanoseconds: .max)
        #expect(Timestamp(seconds: .max) == last)
        #expect(Timestamp(seconds: .min) == first)
        #expect(Timestamp(milliseconds: .max) == last)
        #expect(Timestamp(microseconds: .min) == first)
        #expect(last + .nanoseconds(1) == last)
        #expect(first - .nanoseconds(1) == first)
        #expect(Timestamp(nanoseconds: 0) + .seconds(Int64.max) == last)
        #expect(Timestamp(nanoseconds: 0) - .seconds(Int64.max) == first)
        #expect(Timestamp(nanoseconds: 0) - .seconds(Int64.min) == last)
    }

    @Test func `adds and subtracts durations exactly`() throws {
        let open = try #require(Timestamp("2025-10-28T13:30:00Z"))
        let close = try #require(Timestamp("2025-10-28T20:00:00.000000001Z"))
        #expect(close - open == .seconds(6 * 3600 + 1800) + .nanoseconds(1))
        #expect(open - close == .zero - (close - open))
        #expect(open + (close - open) == close)
        #expect(close - (close - open) == open)
        #expect(
            Timestamp(nanoseconds: .max) - Timestamp(nanoseconds: .min) == .nanoseconds(Int64.max) * 2 + .nanoseconds(1)
        )
        #expect(open + Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999) == open + .nanoseconds(1))
    }

    private func twoDigits(_ number: Int) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}

/// Gives the same numbers on every run (the SplitMix64 sequence).
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
