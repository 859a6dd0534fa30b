import MarketSimulation
import TradingCore

/// An order with all the members the trading API gives it.
struct WireOrder: JSONEncodable {
    let order: SimulatedOrder
    let legs: [SimulatedOrder]

    /// Flat, as the stream and plain lists show it.
    init(_ order: SimulatedOrder) {
        self.order = order
        self.legs = []
    }

    init(_ order: SimulatedOrder, legs: [SimulatedOrder]) {
        self.order = order
        self.legs = legs
    }

    /// With the orders that hang under it.
    init(_ order: SimulatedOrder, nestedIn engine: MatchingEngine) {
        self.order = order
        self.legs = engine.legs(of: order)
    }

    /// The replay itself lets an order that is good till cancelled wait as long as there are bars.
    private var expiresAt: Timestamp {
        self.order.timeInForce == .goodTillCancelled
            ? self.order.createdAt + .seconds(90 * 86_400) : MarketCalendar.nextClose(after: self.order.createdAt)
    }

    func write(to writer: inout JSONWriter) {
        let order = self.order
        writer.object {
            $0.field("id", order.id)
            $0.field("client_order_id", order.clientOrderID)
            $0.field("created_at", order.createdAt)
            $0.field("updated_at", order.updatedAt)
            $0.field("submitted_at", order.createdAt)
            $0.nullable("filled_at", order.filledAt)
            $0.nullable("expired_at", order.expiredAt)
            $0.field("expires_at", self.expiresAt)
            $0.nullable("canceled_at", order.cancelledAt)
            $0.nullable("failed_at", order.failedAt)
            $0.nullable("replaced_at", order.replacedAt)
            $0.nullable("replaced_by", order.replacedBy)
            $0.nullable("replaces", order.replaces)
            $0.field("asset_id", AccountEndpoints.assetID(order.symbol))
            $0.field("symbol", order.symbol)
            $0.field("asset_class", "us_equity")
            $0.field("notional", JSONValue.null)
            $0.decimal("qty", order.quantity)
            $0.decimal("filled_qty", order.filledQuantity)
            $0.decimal("filled_avg_price", order.filledAveragePrice)
            $0.field("order_class", order.group?.orderClass.rawValue ?? "simple")
            $0.field("order_type", order.kind.rawValue)
            $0.field("type", order.kind.rawValue)
            $0.field("side", order.side.rawValue)
            $0.field("time_in_force", order.timeInForce.rawValue)
            $0.decimal("limit_price", order.limitPrice)
            $0.decimal("stop_price", order.stopPrice)
            $0.field("status", order.status.rawValue)
            $0.field("extended_hours", order.extendedHours)
            $0.nullable("legs", self.legs.isEmpty ? nil : self.legs.map { WireOrder($0) })
            $0.decimal("trail_percent", order.trailPercent)
            $0.decimal("trail_price", order.trailPrice)
            $0.decimal("hwm", order.bestPrice)
            $0.field("position_intent", order.side == .buy ? "buy_to_open" : "sell_to_close")
            $0.field("subtag", JSONValue.null)
            $0.field("source", JSONValue.null)
            $0.field("group_id", order.group?.id)
            $0.field("group_role", order.group?.role.rawValue)
        }
    }
}

/// The message of the `trade_updates` stream.
struct WireTradeUpdate: JSONEncodable {
    let update: OrderUpdate

    func write(to writer: inout JSONWriter) {
        let update = self.update
        writer.object {
            $0.field("stream", "trade_updates")
            $0.object("data") {
                $0.field("event", update.event.rawValue)
                $0.field("execution_id", update.executionID)
                $0.field("timestamp", update.timestamp)
                $0.field("price", update.price?.description)
                $0.field("qty", update.quantity?.description)
                if update.quantity != nil { $0.decimal("position_qty", update.positionQuantity) }
                $0.field("order", WireOrder(update.order))
            }
        }
    }
}
