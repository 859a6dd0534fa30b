package import TradingCore

/// All that the ledger knows of one order and a broker may need to find it. Brokers that take a client order id need no
/// more than that; the others have to recognise the order by what it asks for and when.
package struct OrderReference: Hashable, Sendable {
    package var terms: OrderTerms
    package var state: OrderState
    /// The broker's own id; nil until the broker has told it.
    package var brokerOrderID: String?
    /// When the intent was written down, in market time: nothing that the broker had before can be this order.
    package var intendedAt: Timestamp
    /// The broker's ids of the trade's other orders: none of them is this one.
    package var claimed: Set<String>

    package init(
        terms: OrderTerms,
        state: OrderState = .intent,
        brokerOrderID: String? = nil,
        intendedAt: Timestamp,
        claimed: Set<String> = []
    ) {
        self.terms = terms
        self.state = state
        self.brokerOrderID = brokerOrderID
        self.intendedAt = intendedAt
        self.claimed = claimed
    }

    /// Nil if the trade has no such order.
    package init?(_ id: ClientOrderID, in trade: Trade) {
        guard let order = trade.order(id) else { return nil }
        self.init(
            terms: order.terms,
            state: order.state,
            brokerOrderID: order.brokerOrderID,
            intendedAt: order.intendedAt,
            claimed: Set(trade.orders.filter { $0.id != id }.compactMap(\.brokerOrderID))
        )
    }

    package var id: ClientOrderID { self.terms.clientOrderID }
}
