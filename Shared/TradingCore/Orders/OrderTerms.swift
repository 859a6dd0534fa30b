package enum OrderSide: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case buy
    case sell
}

package enum OrderType: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case market
    case limit
    case stop
}

package enum TimeInForce: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case day
    case goodTillCancelled = "gtc"
}

/// What is asked of the broker. Equal terms with an equal client order id are the same order.
package struct OrderTerms: Hashable, Sendable, JSONCodable {
    package var clientOrderID: ClientOrderID
    package var symbol: Symbol
    package var side: OrderSide
    package var type: OrderType
    /// Whole shares.
    package var quantity: Quantity
    /// For limit orders.
    package var limitPrice: Price?
    /// For stop orders.
    package var stopPrice: Price?
    package var timeInForce: TimeInForce

    package init(
        clientOrderID: ClientOrderID,
        symbol: Symbol,
        side: OrderSide,
        type: OrderType,
        quantity: Quantity,
        limitPrice: Price? = nil,
        stopPrice: Price? = nil,
        timeInForce: TimeInForce
    ) {
        self.clientOrderID = clientOrderID
        self.symbol = symbol
        self.side = side
        self.type = type
        self.quantity = quantity
        self.limitPrice = limitPrice
        self.stopPrice = stopPrice
        self.timeInForce = timeInForce
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            clientOrderID: try object.value("client_order_id"),
            symbol: try object.value("symbol"),
            side: try object.value("side"),
            type: try object.value("type"),
            quantity: try object.value("quantity"),
            limitPrice: try object.optional("limit_price"),
            stopPrice: try object.optional("stop_price"),
            timeInForce: try object.value("time_in_force")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { self.writeFields(to: &$0) }
    }

    package func writeFields(to writer: inout JSONWriter) {
        writer.field("client_order_id", self.clientOrderID)
        writer.field("symbol", self.symbol)
        writer.field("side", self.side)
        writer.field("type", self.type)
        writer.field("quantity", self.quantity)
        writer.field("limit_price", self.limitPrice)
        writer.field("stop_price", self.stopPrice)
        writer.field("time_in_force", self.timeInForce)
    }
}
