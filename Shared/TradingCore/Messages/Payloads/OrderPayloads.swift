/// All `order.*` events.
package struct OrderNotice: Hashable, Sendable, JSONCodable {
    package var role: OrderRole
    package var order: Order
    /// Why it was cancelled or refused, or what is not known.
    package var reason: String?

    package init(order: Order, reason: String? = nil) {
        self.role = order.id.role
        self.order = order
        self.reason = reason
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(order: try Order(json: json), reason: try object.optional("reason"))
        // A stop that fills is announced a second time as the trade's exit.
        self.role = try object.value("role")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.order.terms.symbol)
            $0.field("role", self.role)
            $0.field("client_order_id", self.order.id)
            $0.field("order_id", self.order.brokerOrderID)
            $0.field("side", self.order.terms.side)
            $0.field("type", self.order.terms.type)
            $0.field("quantity", self.order.terms.quantity)
            $0.field("limit_price", self.order.terms.limitPrice)
            $0.field("stop_price", self.order.terms.stopPrice)
            $0.field("time_in_force", self.order.terms.timeInForce)
            $0.field("intended_at", self.order.intendedAt)
            $0.field("state", self.order.state)
            $0.field("filled_quantity", self.order.filledQuantity)
            $0.field("filled_value", self.order.filledValue)
            $0.field("average_price", self.order.averagePrice)
            $0.field("submitted_at", self.order.submittedAt)
            $0.field("filled_at", self.order.filledAt)
            $0.field("reason", self.reason)
        }
    }
}

/// `broker.orders.moved`: from the agent that holds the broker's only stream to the one that watches orders.
package struct OrdersMoved: Hashable, Sendable, JSONCodable {
    /// Which of the stream's messages it was.
    package var ring: String
    /// The stream was connected anew: what it would have told meanwhile was missed.
    package var isReconnect: Bool

    package init(ring: String, isReconnect: Bool = false) {
        self.ring = ring
        self.isReconnect = isReconnect
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(ring: try object.value("ring"), isReconnect: try object.optional("reconnect") ?? false)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("ring", self.ring)
            $0.field("reconnect", self.isReconnect ? true : nil)
        }
    }
}
