package enum OrderSide: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case buy
    case sell
}

package enum OrderType: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case market
    case limit
    case stop
    case stopLimit = "stop_limit"
    case trailingStop = "trailing_stop"
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
    /// For limit and stop-limit orders.
    package var limitPrice: Price?
    /// For stop and stop-limit orders.
    package var stopPrice: Price?
    /// For trailing stops.
    package var trail: Trail?
    package var timeInForce: TimeInForce
    package var orderClass: OrderClass

    package init(
        clientOrderID: ClientOrderID,
        symbol: Symbol,
        side: OrderSide,
        type: OrderType,
        quantity: Quantity,
        limitPrice: Price? = nil,
        stopPrice: Price? = nil,
        trail: Trail? = nil,
        timeInForce: TimeInForce,
        orderClass: OrderClass = .simple
    ) {
        self.clientOrderID = clientOrderID
        self.symbol = symbol
        self.side = side
        self.type = type
        self.quantity = quantity
        self.limitPrice = limitPrice
        self.stopPrice = stopPrice
        self.trail = trail
        self.timeInForce = timeInForce
        self.orderClass = orderClass
    }

    /// For people: `sell 100 AAPL, stop_limit, stop 147.00, limit 146.50, gtc`.
    package var summary: String {
        var parts = ["\(self.side.rawValue) \(self.quantity) \(self.symbol)", self.type.rawValue]
        if let stopPrice { parts.append("stop \(stopPrice)") }
        if let limitPrice { parts.append("limit \(limitPrice)") }
        if let trail { parts.append("trail \(JSONWriter.text(trail))") }
        parts.append(self.timeInForce.rawValue)
        if self.orderClass != .simple { parts.append("class \(JSONWriter.text(self.orderClass))") }
        return parts.joined(separator: ", ")
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
            trail: try object.optional("trail"),
            timeInForce: try object.value("time_in_force"),
            orderClass: try object.optional("order_class") ?? .simple
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
        writer.field("trail", self.trail)
        writer.field("time_in_force", self.timeInForce)
        writer.field("order_class", self.orderClass == .simple ? nil : self.orderClass)
    }
}
