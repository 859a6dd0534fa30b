import Testing
import TradingCore

@Suite struct FixedPointTests {
    @Test func `prints the shortest exact text and reads it back`() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<20_000 {
            // Shifted by a random number of bits, so that small and large numbers come up alike.
            let raw =
                Int64.random(in: -Self.largestRead...Self.largestRead, using: &random)
                >> Int64.random(in: 0..<60, using: &random)
            let value = Money(raw: raw)
            let text = value.description
            #expect(text == Self.exactText(raw))
            #expect(Money(text) == value)
            #expect((try? Money(json: .number(text))) == value)
        }
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("0.0", 0), ("0e999", 0), ("0.000e-999", 0), ("1", 100_000_000),
        ("19.66", 1_966_000_000), ("-3", -300_000_000), ("-0.5", -50_000_000), ("1e-4", 10_000),
        ("1E+2", 10_000_000_000), ("1.5e3", 150_000_000_000), ("100e-2", 100_000_000), ("0.00000001", 1),
        ("-1e-8", -1), ("1.500000000000000", 150_000_000), ("5000e-11", 5), ("1e010", 1_000_000_000_000_000_000),
        ("123456789.12345678", 12_345_678_912_345_678), ("9999999999.99999999", 999_999_999_999_999_999),
        ("10000000000", 1_000_000_000_000_000_000), ("-10000000000", -1_000_000_000_000_000_000),
        ("0.1e11", 1_000_000_000_000_000_000),
    ])
    func `reads decimals and exponents`(text: String, raw: Int64) {
        #expect(Price(text)?.raw == raw)
        #expect(Price("<\(text)>".dropFirst().dropLast())?.raw == raw)
    }

    @Test(arguments: [
        "", "-", "+", "+1", ".", ".5", "-.5", "1.", "1.e5", "e5", "1e", "1e+", "1e-", "1e+-2", "1e1000", "1e5.5",
        "1e5e5",
        "1.2.3", "--1", "1-", " 1", "1 ", "1,5", "1_000", "0x10", "NaN", "nan", "inf", "Infinity", "1\0", "\u{0661}",
        "１", "1\u{301}",
    ])
    func `refuses what is no decimal`(text: String) {
        #expect(Price(text) == nil)
    }

    @Test(arguments: ["0.000000001", "-0.000000001", "1e-9", "1.123456789", "10e-10", "0.100000001", "1e-999"])
    func `refuses more than eight decimals`(text: String) {
        #expect(Price(text) == nil)
    }

    @Test(arguments: [
        "10000000000.00000001", "-10000000000.00000001", "1e11", "-1e11", "92233720368.54775807",
        "-92233720368.54775808", "92233720368.54775808", "18446744073709551616", "1e99", "1e999",
        "999999999999999999999999999999", "1000000000000000000000000000000", "170141183460469231731687303715884105728",
    ])
    func `refuses more than ten billion`(text: String) {
        #expect(Price(text) == nil)
    }

    @Test func `prints the ends of the range`() {
        #expect(Money(raw: .max).description == "92233720368.54775807")
        #expect(Money(raw: .min).description == "-92233720368.54775808")
        #expect(Money(raw: -1).description == "-0.00000001")
        #expect(Money(raw: 10).description == "0.0000001")
        #expect(Money(1200).description == "1200")
    }

    @Test func `sums and differences of what was read never overflow`() throws {
        let most = try #require(Price("10000000000"))
        let least = try #require(Price("-10000000000"))
        #expect((most - least).description == "20000000000")
        #expect((least + least).description == "-20000000000")
        // Through the one difference that is taken from a message's own figures.
        #expect(EntryPlan(entryPrice: most, stopPrice: least, targetPrice: least).rewardRiskRatio == Rate(-1))
    }

    @Test func `a sum beyond the range throws`() throws {
        #expect(try Money(raw: .max - 5).adding(Money(raw: 5)) == Money(raw: .max))
        #expect(try Money(raw: .min + 5).adding(Money(raw: -5)) == Money(raw: .min))
        #expect(throws: ArithmeticOverflow.self) { try Money(raw: .max).adding(Money(raw: 1)) }
        #expect(throws: ArithmeticOverflow.self) { try Money(raw: .min).adding(Money(raw: -1)) }
    }

    @Test func `orders by value`() {
        let ordered = [Price(-2), Price(raw: -1), .zero, Price(raw: 1), .cent, Price(1)]
        #expect(ordered.shuffled().sorted() == ordered)
        #expect(-Price(2) == Price(-2))
        #expect(Price.cent.description == "0.01")
    }

    @Test func `rounds towards zero to a step`() {
        #expect(Price(raw: 1_966_999_999).roundedTowardZero(toMultipleOf: .cent).description == "19.66")
        #expect(Price(raw: -1_966_999_999).roundedTowardZero(toMultipleOf: .cent).description == "-19.66")
        #expect(Quantity(raw: 399_999_999).roundedTowardZero(toMultipleOf: Quantity(1)) == Quantity(3))
    }

    @Test func `reads a JSON number and nothing else`() {
        #expect((try? Price(json: .number("175.50")))?.description == "175.5")
        for json: JSONValue in [.string("175.50"), .null, .bool(true), .array([]), .number("1e-9"), .number("1e11")] {
            let error = #expect(throws: JSONError.self) { _ = try Price(json: json) }
            #expect(error?.problem.hasPrefix("expected a decimal number with at most 8 decimals") == true)
        }
    }

    private static let largestRead: Int64 = 1_000_000_000_000_000_000

    /// The digits with a point put in, without arithmetic.
    private static func exactText(_ raw: Int64) -> String {
        var digits = Array(String(raw.magnitude))
        while digits.count < 9 { digits.insert("0", at: 0) }
        digits.insert(".", at: digits.count - 8)
        while digits.last == "0" { digits.removeLast() }
        if digits.last == "." { digits.removeLast() }
        return (raw < 0 ? "-" : "") + String(digits)
    }
}
