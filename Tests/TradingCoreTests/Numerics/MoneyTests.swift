import Testing
import TradingCore

@Suite struct MoneyTests {
    /// Whether `result` is `numerator ÷ divisor`, rounded towards zero.
    private static func isQuotient(_ result: Int64, of numerator: Int128, by divisor: Int128) -> Bool {
        let rest = numerator - Int128(result) * divisor
        return rest.magnitude < divisor.magnitude && (rest == 0 || (rest < 0) == (numerator < 0))
    }

    /// Whether the exact quotient does not fit into 64 bits.
    private static func isBeyondRange(_ numerator: Int128, by divisor: Int128) -> Bool {
        let (least, most) = (Int128(Int64.min), Int128(Int64.max))
        let ends =
            divisor > 0 ? ((least - 1) * divisor, (most + 1) * divisor) : ((most + 1) * divisor, (least - 1) * divisor)
        return numerator <= ends.0 || numerator >= ends.1
    }

    @Test func `products and ratios are exact, rounded towards zero, or throw`() {
        var random = SplitMix64(seed: 2)
        let unit = Int128(Price.unit)
        var overflows = 0
        for _ in 0..<20_000 {
            let left = Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0..<63, using: &random)
            let right = Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0..<63, using: &random)
            let product = Int128(left) * Int128(right)
            let times = try? Price(raw: left).times(Quantity(raw: right)).raw
            let scaled = try? Money(raw: left).scaled(by: Rate(raw: right)).raw
            #expect(times == scaled)
            if let times {
                #expect(Self.isQuotient(times, of: product, by: unit), "\(left) × \(right)")
            } else {
                overflows += 1
                #expect(Self.isBeyondRange(product, by: unit), "\(left) × \(right)")
            }
            guard right != 0 else { continue }
            let ratio = try? Rate(Money(raw: left), over: Money(raw: right)).raw
            let perShare = try? Money(raw: left).perShare(Quantity(raw: right)).raw
            #expect(ratio == perShare)
            if let ratio {
                #expect(Self.isQuotient(ratio, of: Int128(left) * unit, by: Int128(right)), "\(left) ÷ \(right)")
            } else {
                #expect(Self.isBeyondRange(Int128(left) * unit, by: Int128(right)), "\(left) ÷ \(right)")
            }
        }
        #expect((1000..<19_000).contains(overflows))
    }

    @Test(arguments: [
        ("19.66", "0.95", "18.67"), ("100", "0.95", "95"), ("27.30999946", "0.95", "25.94"), ("0.01", "0.95", "0"),
        ("19.66", "1.15", "22.6"), ("19.99", "1.15", "22.98"), ("0.99999999", "1", "0.99"), ("85.88", "1", "85.88"),
    ])
    func `scaled prices are rounded down to the cent`(price: String, rate: String, expected: String?) throws {
        let scaled = try Price(price)?.scaled(by: try #require(Rate(rate)))
        #expect(scaled?.description == expected)
    }

    @Test func `no scaled price is a cent or more below the exact one`() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let price = Int64.random(in: 1...1_000_000_000_000, using: &random)
            let rate = Int64.random(in: 1...300_000_000, using: &random)
            let scaled = try Price(raw: price).scaled(by: Rate(raw: rate)).raw
            let rest = Int128(price) * Int128(rate) - Int128(scaled) * Int128(Price.unit)
            #expect(scaled % Price.cent.raw == 0)
            #expect(rest >= 0 && rest < Int128(Price.cent.raw) * Int128(Price.unit), "\(price) × \(rate)")
        }
        #expect(throws: ArithmeticOverflow.self) { try Price(raw: .max).scaled(by: Rate(2)) }
    }

    @Test(arguments: [
        ("1000", "19.66", 50), ("1000", "20", 50), ("999.99999999", "20", 49), ("19.65", "19.66", 0), ("0", "1", 0),
        ("-5", "1", 0), ("1000", "0", 0), ("1000", "-1", 0), ("10000000000", "0.00000001", 92_233_720_368),
    ])
    func `whole shares are what the money pays for`(amount: String, price: String, shares: Int) throws {
        let amount = try #require(Money(amount))
        #expect(amount.wholeShares(at: try #require(Price(price))) == Quantity(shares))
    }

    @Test func `errors name the operation`() {
        let ratio = #expect(throws: ArithmeticOverflow.self) { try Rate(Money(2), over: Money.zero) }
        #expect(ratio?.description == "2 ÷ 0")
        let perShare = #expect(throws: ArithmeticOverflow.self) { try Money(2).perShare(.zero) }
        #expect(perShare?.description == "2 ÷ 0 shares")
        let product = #expect(throws: ArithmeticOverflow.self) { try Price(90_000_000_000).times(Quantity(2)) }
        #expect(product?.description == "90000000000 × 2 is beyond ±92 billion")
    }
}
