import TradingCore

/// What a closed trade came to.
struct PositionResult: Hashable {
    var quantity: Quantity
    var entryPrice: Price
    var exitPrice: Price
    var pnl: Money

    /// Nil while nothing was bought or sold.
    init?(_ trade: Trade) throws(ArithmeticOverflow) {
        var bought = (quantity: Quantity.zero, value: Money.zero)
        var sold = bought
        for order in trade.orders {
            switch order.terms.side {
            case .buy:
                bought.quantity += order.filledQuantity
                bought.value += order.filledValue
            case .sell:
                sold.quantity += order.filledQuantity
                sold.value += order.filledValue
            }
        }
        guard bought.quantity > .zero, sold.quantity > .zero else { return nil }
        self.quantity = bought.quantity
        self.entryPrice = try bought.value.perShare(bought.quantity)
        self.exitPrice = try sold.value.perShare(sold.quantity)
        self.pnl = sold.value - bought.value
    }
}
