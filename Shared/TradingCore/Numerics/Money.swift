/// Dollars for one share.
package struct Price: FixedPoint {
    package let raw: Int64
    package init(raw: Int64) { self.raw = raw }

    package static let cent = Price(raw: Self.unit / 100)

    /// This price times `rate`, rounded down to the cent. For positive prices and rates.
    package func scaled(by rate: Rate) throws(ArithmeticOverflow) -> Price {
        let product = Int128(self.raw) * Int128(rate.raw)
        return Price(raw: try narrowed(product / Int128(Self.unit), "\(self) × \(rate)"))
            .roundedTowardZero(toMultipleOf: .cent)
    }

    package func times(_ quantity: Quantity) throws(ArithmeticOverflow) -> Money {
        let product = Int128(self.raw) * Int128(quantity.raw)
        return Money(raw: try narrowed(product / Int128(Self.unit), "\(self) × \(quantity)"))
    }
}

/// Shares. Orders use whole shares; a broker may report fractions.
package struct Quantity: FixedPoint {
    package let raw: Int64
    package init(raw: Int64) { self.raw = raw }
}

/// Dollars.
package struct Money: FixedPoint {
    package let raw: Int64
    package init(raw: Int64) { self.raw = raw }

    /// This amount times `rate`, rounded down to 1e-8 of a dollar.
    package func scaled(by rate: Rate) throws(ArithmeticOverflow) -> Money {
        let product = Int128(self.raw) * Int128(rate.raw)
        return Money(raw: try narrowed(product / Int128(Self.unit), "\(self) × \(rate)"))
    }

    /// How many whole shares at `price` this pays for; zero for a non-positive amount or price, and no more than
    /// `Quantity` holds.
    package func wholeShares(at price: Price) -> Quantity {
        guard self.raw > 0, price.raw > 0 else { return .zero }
        return Quantity(Int(min(self.raw / price.raw, Int64.max / Quantity.unit)))
    }

    /// The price of one share if `quantity` shares cost this much, rounded down to 1e-8.
    package func perShare(_ quantity: Quantity) throws(ArithmeticOverflow) -> Price {
        guard quantity.raw != 0 else { throw ArithmeticOverflow(description: "\(self) ÷ 0 shares") }
        return Price(
            raw: try narrowed(Int128(self.raw) * Int128(Self.unit) / Int128(quantity.raw), "\(self) ÷ \(quantity)")
        )
    }
}

/// A number without a dimension: a share of equity, a ratio.
package struct Rate: FixedPoint {
    package let raw: Int64
    package init(raw: Int64) { self.raw = raw }

    package static let one = Rate(1)

    /// `numerator ÷ denominator`, rounded towards zero to 1e-8.
    package init(_ numerator: some FixedPoint, over denominator: some FixedPoint) throws(ArithmeticOverflow) {
        guard denominator.raw != 0 else { throw ArithmeticOverflow(description: "\(numerator) ÷ 0") }
        self.init(
            raw: try narrowed(
                Int128(numerator.raw) * Int128(Self.unit) / Int128(denominator.raw),
                "\(numerator) ÷ \(denominator)"
            )
        )
    }
}

private func narrowed(_ value: Int128, _ operation: String) throws(ArithmeticOverflow) -> Int64 {
    guard let result = Int64(exactly: value) else {
        throw ArithmeticOverflow(description: "\(operation) is beyond ±92 billion")
    }
    return result
}
