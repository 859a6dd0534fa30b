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
        /// Waits for its group's entry to be filled, or for its sibling to go live.
        case held
        case partiallyFilled = "partially_filled"
        /// Still fills.
        case pendingCancel = "pending_cancel"
        case filled
        case cancelled = "canceled"
        case expired
        case replaced
        case rejected

        package var isTerminal: Bool {
            switch self {
            case .accepted, .pendingNew, .new, .held, .partiallyFilled, .pendingCancel: false
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
    /// A fill of one exit of a group takes its shares off the other.
    package internal(set) var quantity: Quantity
    package let limitPrice: Price?
    /// For a trailing stop it follows the market, and is nil until the order is live.
    package internal(set) var stopPrice: Price?
    package let trailPrice: Price?
    /// In percent: 5 is 5 %.
    package let trailPercent: Rate?
    package let extendedHours: Bool
    /// The order it replaces.
    package internal(set) var replaces: String?
    package internal(set) var group: OrderGroup?
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
    /// Why the broker rejected it; nil when the cash no longer covered it.
    package internal(set) var rejectionReason: String?
    /// A stop that was crossed: from then on a market order, or a limit order.
    package internal(set) var isTriggered = false
    var fate = OrderFate.ordinary
    var updateCount = 0

    package var remainingQuantity: Quantity { self.quantity - self.filledQuantity }
    package var isOpen: Bool { !self.status.isTerminal }

    /// Hangs under the order that stands for its group: the entry, or the take-profit of two exits without one.
    package var isLeg: Bool {
        switch self.group?.role {
        case nil, .entry: false
        case .takeProfit: self.group?.orderClass != .oneCancelsOther
        case .stopLoss: true
        }
    }

    /// An exit of shares that its group's entry has yet to buy.
    package var awaitsEntry: Bool { self.status == .held && self.group?.orderClass != .oneCancelsOther }

    /// Rounded down to 1e-8; nil until something is filled.
    package var filledAveragePrice: Price? { try? self.filledValue.perShare(self.filledQuantity) }
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
