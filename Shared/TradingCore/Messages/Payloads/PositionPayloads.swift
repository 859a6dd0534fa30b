/// `position.opened`, `position.stop.set`, `position.target.hit`, `position.stop.hit` and `position.unprotected`
package struct PositionNotice: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var quantity: Quantity
    package var entryPrice: Price
    package var stopPrice: Price
    package var targetPrice: Price
    /// The stop order concerned.
    package var stopOrder: ClientOrderID?
    /// The price that hit the target or filled the stop.
    package var price: Price?
    package var reason: String?

    package init(
        symbol: Symbol,
        quantity: Quantity,
        entryPrice: Price,
        stopPrice: Price,
        targetPrice: Price,
        stopOrder: ClientOrderID? = nil,
        price: Price? = nil,
        reason: String? = nil
    ) {
        self.symbol = symbol
        self.quantity = quantity
        self.entryPrice = entryPrice
        self.stopPrice = stopPrice
        self.targetPrice = targetPrice
        self.stopOrder = stopOrder
        self.price = price
        self.reason = reason
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            quantity: try object.value("quantity"),
            entryPrice: try object.value("entry_price"),
            stopPrice: try object.value("stop_price"),
            targetPrice: try object.value("target_price"),
            stopOrder: try object.optional("client_order_id"),
            price: try object.optional("price"),
            reason: try object.optional("reason")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("quantity", self.quantity)
            $0.field("entry_price", self.entryPrice)
            $0.field("stop_price", self.stopPrice)
            $0.field("target_price", self.targetPrice)
            $0.field("client_order_id", self.stopOrder)
            $0.field("price", self.price)
            $0.field("reason", self.reason)
        }
    }
}

/// `position.closed`
package struct PositionClosed: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var quantity: Quantity
    package var entryPrice: Price
    package var exitPrice: Price
    package var exitReason: ExitReason
    /// Exact dollars.
    package var pnl: Money

    package init(
        symbol: Symbol,
        quantity: Quantity,
        entryPrice: Price,
        exitPrice: Price,
        exitReason: ExitReason,
        pnl: Money
    ) {
        self.symbol = symbol
        self.quantity = quantity
        self.entryPrice = entryPrice
        self.exitPrice = exitPrice
        self.exitReason = exitReason
        self.pnl = pnl
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            quantity: try object.value("quantity"),
            entryPrice: try object.value("entry_price"),
            exitPrice: try object.value("exit_price"),
            exitReason: try object.value("exit_reason"),
            pnl: try object.value("pnl")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("quantity", self.quantity)
            $0.field("entry_price", self.entryPrice)
            $0.field("exit_price", self.exitPrice)
            $0.field("exit_reason", self.exitReason)
            $0.field("pnl", self.pnl)
        }
    }
}
