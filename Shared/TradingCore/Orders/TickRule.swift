/// The prices an exchange takes. An order with a finer one is refused, and if that order is a stop, a position stands
/// without one.
package enum TickRule: String, Hashable, Sendable, CaseIterable {
    /// From a dollar on whole cents, below it a hundredth of a cent (SEC Rule 612).
    case usStocks = "us"
    /// Every price as it is, for brokers that take any.
    case none

    /// The nearest price that is no worse than `price` for whoever places the limit order.
    package func limit(_ price: Price, _ side: OrderSide) -> Price {
        self.rounded(price, up: side == .sell)
    }

    /// The nearest price that triggers no earlier than `price` does.
    package func stop(_ price: Price, _ side: OrderSide) -> Price {
        self.rounded(price, up: side == .buy)
    }

    private func rounded(_ price: Price, up: Bool) -> Price {
        guard self == .usStocks, price > .zero else { return price }
        let tick = price >= Price(1) ? Price.cent : Price(raw: Price.unit / 10_000)
        let lower = price.roundedTowardZero(toMultipleOf: tick)
        return up && lower < price ? lower + tick : lower
    }
}
