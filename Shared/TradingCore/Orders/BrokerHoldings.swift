/// What the broker says is in the account: shares, open orders and what was lately executed, whoever caused it.
package struct BrokerHoldings: Hashable, Sendable, JSONCodable {
    /// Symbols without shares are left out; a short position is negative.
    package var positions: [BrokerPosition]
    package var openOrders: [BrokerOrder]
    /// Since the moment asked for, oldest first.
    package var executions: [BrokerExecution]

    package init(positions: [BrokerPosition], openOrders: [BrokerOrder], executions: [BrokerExecution]) {
        self.positions = positions
        self.openOrders = openOrders
        self.executions = executions
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.positions = try object.value("positions")
        self.openOrders = try object.value("open_orders")
        self.executions = try object.value("executions")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("positions", self.positions)
            $0.field("open_orders", self.openOrders)
            $0.field("executions", self.executions)
        }
    }
}

package struct BrokerPosition: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var quantity: Quantity

    package init(symbol: Symbol, quantity: Quantity) {
        self.symbol = symbol
        self.quantity = quantity
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(symbol: try object.value("symbol"), quantity: try object.value("quantity"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("quantity", self.quantity)
        }
    }
}

/// An order that is not at its end, as the broker knows it.
package struct BrokerOrder: Hashable, Sendable, JSONCodable {
    package var brokerOrderID: String
    /// Nil where it was not entered by this system, or the broker takes no such ids.
    package var clientOrderID: ClientOrderID?
    package var symbol: Symbol
    package var side: OrderSide
    package var remainingQuantity: Quantity

    package init(
        brokerOrderID: String,
        clientOrderID: ClientOrderID?,
        symbol: Symbol,
        side: OrderSide,
        remainingQuantity: Quantity
    ) {
        self.brokerOrderID = brokerOrderID
        self.clientOrderID = clientOrderID
        self.symbol = symbol
        self.side = side
        self.remainingQuantity = remainingQuantity
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            brokerOrderID: try object.value("broker_order_id"),
            clientOrderID: try object.optional("client_order_id"),
            symbol: try object.value("symbol"),
            side: try object.value("side"),
            remainingQuantity: try object.value("remaining_quantity")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("broker_order_id", self.brokerOrderID)
            $0.field("client_order_id", self.clientOrderID)
            $0.field("symbol", self.symbol)
            $0.field("side", self.side)
            $0.field("remaining_quantity", self.remainingQuantity)
        }
    }
}

/// One fill, as the broker's own list of executions has it.
package struct BrokerExecution: Hashable, Sendable, JSONCodable {
    /// The broker's; each is told once however often it is asked for.
    package var id: String
    package var brokerOrderID: String
    package var symbol: Symbol
    package var side: OrderSide
    package var quantity: Quantity
    package var price: Price
    package var timestamp: Timestamp

    package init(
        id: String,
        brokerOrderID: String,
        symbol: Symbol,
        side: OrderSide,
        quantity: Quantity,
        price: Price,
        timestamp: Timestamp
    ) {
        self.id = id
        self.brokerOrderID = brokerOrderID
        self.symbol = symbol
        self.side = side
        self.quantity = quantity
        self.price = price
        self.timestamp = timestamp
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            id: try object.value("id"),
            brokerOrderID: try object.value("broker_order_id"),
            symbol: try object.value("symbol"),
            side: try object.value("side"),
            quantity: try object.value("quantity"),
            price: try object.value("price"),
            timestamp: try object.value("timestamp")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", self.id)
            $0.field("broker_order_id", self.brokerOrderID)
            $0.field("symbol", self.symbol)
            $0.field("side", self.side)
            $0.field("quantity", self.quantity)
            $0.field("price", self.price)
            $0.field("timestamp", self.timestamp)
        }
    }
}
