package import TradingCore

/// What somebody asks the broker to do.
package struct OrderRequest: Hashable, Sendable {
    package var symbol: Symbol
    package var side: SimulatedOrder.Side
    package var kind: SimulatedOrder.Kind
    package var timeInForce: SimulatedOrder.TimeInForce
    package var quantity: Quantity
    package var limitPrice: Price?
    package var stopPrice: Price?
    package var trailPrice: Price?
    /// In percent: 5 is 5 %.
    package var trailPercent: Rate?
    /// Made up from the order's sequence when nil.
    package var clientOrderID: String?
    package var extendedHours: Bool

    package init(
        symbol: Symbol,
        side: SimulatedOrder.Side,
        kind: SimulatedOrder.Kind,
        timeInForce: SimulatedOrder.TimeInForce,
        quantity: Quantity,
        limitPrice: Price? = nil,
        stopPrice: Price? = nil,
        trailPrice: Price? = nil,
        trailPercent: Rate? = nil,
        clientOrderID: String? = nil,
        extendedHours: Bool = false
    ) {
        self.symbol = symbol
        self.side = side
        self.kind = kind
        self.timeInForce = timeInForce
        self.quantity = quantity
        self.limitPrice = limitPrice
        self.stopPrice = stopPrice
        self.trailPrice = trailPrice
        self.trailPercent = trailPercent
        self.clientOrderID = clientOrderID
        self.extendedHours = extendedHours
    }
}

/// What a replacement changes; nil leaves the old value.
package struct OrderChange: Hashable, Sendable {
    /// The new total, what is filled already included.
    package var quantity: Quantity?
    package var limitPrice: Price?
    package var stopPrice: Price?
    /// The new trail, in the unit (dollars or percent) the order has.
    package var trail: Rate?
    package var timeInForce: SimulatedOrder.TimeInForce?
    package var clientOrderID: String?

    package init(
        quantity: Quantity? = nil,
        limitPrice: Price? = nil,
        stopPrice: Price? = nil,
        trail: Rate? = nil,
        timeInForce: SimulatedOrder.TimeInForce? = nil,
        clientOrderID: String? = nil
    ) {
        self.quantity = quantity
        self.limitPrice = limitPrice
        self.stopPrice = stopPrice
        self.trail = trail
        self.timeInForce = timeInForce
        self.clientOrderID = clientOrderID
    }
}

/// Why the broker refused to enter, cancel or replace an order. Nothing was changed.
package enum OrderRefusal: Error, Hashable, Sendable {
    case unknownOrder
    case unknownSymbol(Symbol)
    case duplicateClientOrderID
    case insufficientBuyingPower(available: Money, cost: Money)
    case insufficientQuantity(requested: Quantity, available: Quantity, held: Quantity, orders: [String])
    /// A sale by somebody who holds nothing.
    case shortSale
    case notCancellable(SimulatedOrder.Status)
    case notReplaceable(SimulatedOrder.Status)
    /// The text says which rule the order breaks.
    case invalid(String)
}
