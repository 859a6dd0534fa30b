import TradingCore

/// An order as Alpaca writes it.
struct AlpacaOrder: JSONDecodable {
    let id: String
    let clientOrderID: String
    let symbol: String
    let side: String
    let quantity: Quantity
    let filledQuantity: Quantity
    let filledAveragePrice: Price?
    let status: String
    /// `""` and `simple`, `bracket`, `oco`, `oto`.
    let orderClass: String
    let replaces: String?
    let replacedBy: String?
    /// Only where the orders were asked for nested.
    let legs: [AlpacaOrder]
    let submittedAt: Timestamp
    /// When the order reached the state it is in.
    let changedAt: Timestamp

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.id = try object.value("id")
        self.clientOrderID = try object.value("client_order_id")
        self.symbol = try object.value("symbol")
        self.side = try object.value("side")
        self.quantity = try object.optional("qty", as: BrokerNumber<Quantity>.self)?.value ?? .zero
        self.filledQuantity = try object.optional("filled_qty", as: BrokerNumber<Quantity>.self)?.value ?? .zero
        self.filledAveragePrice = try object.optional("filled_avg_price", as: BrokerNumber<Price>.self)?.value
        self.status = try object.value("status")
        self.orderClass = try object.optional("order_class") ?? ""
        self.replaces = try object.optional("replaces")
        self.replacedBy = try object.optional("replaced_by")
        self.legs = try object.optional("legs") ?? []
        let created: Timestamp = try object.value("created_at")
        self.submittedAt = try object.optional("submitted_at") ?? created
        let ended: Timestamp? =
            switch self.status {
            case "filled": try object.optional("filled_at")
            case "canceled": try object.optional("canceled_at")
            case "expired": try object.optional("expired_at")
            case "rejected": try object.optional("failed_at")
            case "replaced": try object.optional("replaced_at")
            case "partially_filled": try object.optional("updated_at")
            default: self.filledQuantity > .zero ? try object.optional("updated_at") : nil
            }
        self.changedAt = ended ?? self.submittedAt
    }

    var event: OrderEvent {
        switch self.status {
        case "filled": .filled
        case "canceled": .cancelled
        case "expired": .expired
        case "rejected": .rejected
        // A cancellation or replacement under way may still be overtaken by a fill. A day that is done
        // (`done_for_day`, `calculated`) may have a next one; what is suspended may be let go; `stopped` has a price
        // but no fill yet. `replaced` is an end, but what goes on in its place is to be looked up. Statuses that are
        // not known here are no end either.
        default: self.filledQuantity > .zero ? .partiallyFilled : .accepted
        }
    }

    /// Only this id has ended: another order goes on in its place.
    var isReplaced: Bool { self.status == "replaced" }
    var isOpen: Bool { !self.event.isTerminal && !self.isReplaced }
    /// Whether other orders came with it.
    var isOfAClass: Bool { !["", "simple"].contains(self.orderClass) }

    /// Nil for an order whose client order id was not made here.
    func report(execution: Execution? = nil, at timestamp: Timestamp? = nil, reason: String? = nil) -> OrderReport? {
        ClientOrderID(self.clientOrderID).map { self.report($0, execution: execution, at: timestamp, reason: reason) }
    }

    func report(
        _ id: ClientOrderID,
        execution: Execution? = nil,
        at timestamp: Timestamp? = nil,
        reason: String? = nil
    ) -> OrderReport {
        OrderReport(
            clientOrderID: id,
            brokerOrderID: self.id,
            event: self.event,
            filledQuantity: self.filledQuantity,
            averagePrice: self.filledAveragePrice,
            execution: execution,
            submittedAt: self.submittedAt,
            timestamp: timestamp ?? self.changedAt,
            reason: reason
        )
    }

    func matches(_ terms: OrderTerms) -> Bool {
        self.symbol == terms.symbol.rawValue && self.side == terms.side.rawValue && self.quantity == terms.quantity
    }
}
