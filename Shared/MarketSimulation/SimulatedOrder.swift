package import TradingCore

/// An order as the simulated broker keeps it. Shares are whole.
package struct SimulatedOrder: Hashable, Sendable {
    package enum Side: String, Hashable, Sendable, CaseIterable {
        case buy
        case sell
    }

    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case market
        case limit
        case stop
        case stopLimit = "stop_limit"
        case trailingStop = "trailing_stop"
    }

    package enum TimeInForce: String, Hashable, Sendable, CaseIterable {
        case day
        case goodTillCancelled = "gtc"
        case immediateOrCancel = "ioc"
        case fillOrKill = "fok"
    }

    package enum Status: String, Hashable, Sendable, CaseIterable {
        /// Waits for its symbol's next opening tick.
        case accepted
        /// Entered in an open session; what the answer to its entry says.
        case pendingNew = "pending_new"
        case new
        case partiallyFilled = "partially_filled"
        case filled
        case cancelled = "canceled"
        case expired
        case replaced
        case rejected

        package var isTerminal: Bool {
            switch self {
            case .accepted, .pendingNew, .new, .partiallyFilled: false
            case .filled, .cancelled, .expired, .replaced, .rejected: true
            }
        }
    }

    package let id: String
    package let clientOrderID: String
    /// Counts all orders of the account from 1, in order of entry.
    package let sequence: Int
    package let symbol: Symbol
    package let slot: Int
    package let side: Side
    package let kind: Kind
    package let timeInForce: TimeInForce
    package let quantity: Quantity
    package let limitPrice: Price?
    /// For a trailing stop it follows the market, and is nil until the order is live.
    package internal(set) var stopPrice: Price?
    package let trailPrice: Price?
    /// In percent: 5 is 5 %.
    package let trailPercent: Rate?
    package let extendedHours: Bool
    /// The order it replaces.
    package let replaces: String?
    package let createdAt: Timestamp

    package internal(set) var status: Status
    package internal(set) var updatedAt: Timestamp
    package internal(set) var filledQuantity: Quantity = .zero
    /// What the filled shares cost or brought.
    package internal(set) var filledValue: Money = .zero
    package internal(set) var filledAt: Timestamp?
    package internal(set) var cancelledAt: Timestamp?
    package internal(set) var expiredAt: Timestamp?
    package internal(set) var failedAt: Timestamp?
    package internal(set) var replacedAt: Timestamp?
    package internal(set) var replacedBy: String?
    /// The best price a trailing stop has seen since it is live.
    package internal(set) var bestPrice: Price?
    /// A stop that was crossed: from then on a market order, or a limit order.
    var isTriggered = false
    var updateCount = 0

    package var remainingQuantity: Quantity { self.quantity - self.filledQuantity }
    package var isOpen: Bool { !self.status.isTerminal }

    /// Rounded down to 1e-8; nil until something is filled.
    package var filledAveragePrice: Price? { try? self.filledValue.perShare(self.filledQuantity) }
}

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

/// One change of one order, in the order in which the engine made them.
package struct OrderUpdate: Hashable, Sendable {
    package enum Event: String, Hashable, Sendable {
        case new
        case partialFill = "partial_fill"
        case fill
        case cancelled = "canceled"
        case expired
        case replaced
        case rejected
    }

    package var event: Event
    /// The order after the change.
    package var order: SimulatedOrder
    package var executionID: String
    /// Shares and price of this execution alone; nil unless the event is a fill.
    package var quantity: Quantity?
    package var price: Price?
    /// Shares held after it.
    package var positionQuantity: Quantity
    package var timestamp: Timestamp
}

/// Shares held of one symbol.
package struct SimulatedPosition: Hashable, Sendable {
    package let slot: Int
    package let symbol: Symbol
    package internal(set) var quantity: Quantity
    /// What the shares still held were bought for.
    package internal(set) var costBasis: Money

    /// Rounded down to 1e-8.
    package var averageEntryPrice: Price { (try? self.costBasis.perShare(self.quantity)) ?? .zero }
}

/// One fill.
package struct SimulatedExecution: Hashable, Sendable {
    package let id: String
    package let orderID: String
    package let symbol: Symbol
    package let side: SimulatedOrder.Side
    package let quantity: Quantity
    package let price: Price
    /// Of the order, this fill included.
    package let cumulativeQuantity: Quantity
    package let remainingQuantity: Quantity
    package let at: Timestamp
}

/// The account after a session's closing ticks.
package struct EquityRecord: Hashable, Sendable {
    package let date: CalendarDate
    package let cash: Money
    package let equity: Money
}
