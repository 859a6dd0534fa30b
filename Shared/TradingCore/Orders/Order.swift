/// One order of a trade as the ledger knows it.
package struct Order: Hashable, Sendable, JSONCodable {
    package var terms: OrderTerms
    /// When the intent was written down, in market time.
    package let intendedAt: Timestamp
    package internal(set) var state: OrderState
    /// The broker's own id; nil until the broker has answered.
    package var brokerOrderID: String?
    /// Cumulative, and the key by which fills are booked once: a report that is not above it is old news.
    package var filledQuantity: Quantity
    /// What the filled shares cost or brought, exact.
    package var filledValue: Money
    /// When the broker took it, in market time.
    package var submittedAt: Timestamp?
    /// The market time of the last fill.
    package var filledAt: Timestamp?
    /// We have asked the broker to cancel it.
    package var isRecalled = false

    package init(terms: OrderTerms, intendedAt: Timestamp, state: OrderState = .intent) {
        self.terms = terms
        self.intendedAt = intendedAt
        self.state = state
        self.filledQuantity = .zero
        self.filledValue = .zero
    }

    package var id: ClientOrderID { self.terms.clientOrderID }
    package var remainingQuantity: Quantity { self.terms.quantity - self.filledQuantity }

    /// Takes the step of the order's state machine for what our own side knows; fills are booked with `book(_:)`.
    package mutating func step(on event: OrderEvent) {
        if case .moves(let state) = OrderStateMachine.step(self.state, on: event) { self.state = state }
    }

    /// Nil while nothing is filled.
    package var averagePrice: Price? {
        self.filledQuantity > .zero ? try? self.filledValue.perShare(self.filledQuantity) : nil
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.terms = try OrderTerms(json: json)
        self.intendedAt = try object.value("intended_at")
        self.state = try object.value("state")
        self.brokerOrderID = try object.optional("order_id")
        self.filledQuantity = try object.value("filled_quantity")
        self.filledValue = try object.value("filled_value")
        self.submittedAt = try object.optional("submitted_at")
        self.filledAt = try object.optional("filled_at")
        self.isRecalled = try object.optional("recalled") ?? false
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            self.terms.writeFields(to: &$0)
            $0.field("intended_at", self.intendedAt)
            $0.field("state", self.state)
            $0.field("order_id", self.brokerOrderID)
            $0.field("filled_quantity", self.filledQuantity)
            $0.field("filled_value", self.filledValue)
            $0.field("submitted_at", self.submittedAt)
            $0.field("filled_at", self.filledAt)
            $0.field("recalled", self.isRecalled ? true : nil)
        }
    }
}

/// What a broker says of one order, from its stream, from a poll or in answer to a call.
package struct OrderReport: Hashable, Sendable, JSONCodable {
    package var clientOrderID: ClientOrderID
    package var brokerOrderID: String
    package var event: OrderEvent
    /// Cumulative.
    package var filledQuantity: Quantity
    /// Of everything filled so far; nil while nothing is.
    package var averagePrice: Price?
    /// This execution alone, where the report is about one.
    package var execution: Execution?
    package var submittedAt: Timestamp
    /// When what `event` says happened, in market time.
    package var timestamp: Timestamp
    /// The broker's reason for a refusal.
    package var reason: String?

    package init(
        clientOrderID: ClientOrderID,
        brokerOrderID: String,
        event: OrderEvent,
        filledQuantity: Quantity,
        averagePrice: Price?,
        execution: Execution? = nil,
        submittedAt: Timestamp,
        timestamp: Timestamp,
        reason: String? = nil
    ) {
        self.clientOrderID = clientOrderID
        self.brokerOrderID = brokerOrderID
        self.event = event
        self.filledQuantity = filledQuantity
        self.averagePrice = averagePrice
        self.execution = execution
        self.submittedAt = submittedAt
        self.timestamp = timestamp
        self.reason = reason
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let event: String = try object.value("event")
        guard let known = OrderEvent(rawValue: event) else {
            throw JSONError("\"\(event.prefix(32))\" is no order event").inside("event")
        }
        self.init(
            clientOrderID: try object.value("client_order_id"),
            brokerOrderID: try object.value("order_id"),
            event: known,
            filledQuantity: try object.value("filled_quantity"),
            averagePrice: try object.optional("average_price"),
            execution: try object.optional("execution"),
            submittedAt: try object.value("submitted_at"),
            timestamp: try object.value("timestamp"),
            reason: try object.optional("reason")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("client_order_id", self.clientOrderID)
            $0.field("order_id", self.brokerOrderID)
            $0.field("event", self.event.rawValue)
            $0.field("filled_quantity", self.filledQuantity)
            $0.field("average_price", self.averagePrice)
            $0.field("execution", self.execution)
            $0.field("submitted_at", self.submittedAt)
            $0.field("timestamp", self.timestamp)
            $0.field("reason", self.reason)
        }
    }
}

/// One execution at the broker.
package struct Execution: Hashable, Sendable, JSONCodable {
    package var id: String
    package var quantity: Quantity
    package var price: Price

    package init(id: String, quantity: Quantity, price: Price) {
        self.id = id
        self.quantity = quantity
        self.price = price
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            id: try object.value("id"),
            quantity: try object.value("quantity"),
            price: try object.value("price")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", self.id)
            $0.field("quantity", self.quantity)
            $0.field("price", self.price)
        }
    }
}
