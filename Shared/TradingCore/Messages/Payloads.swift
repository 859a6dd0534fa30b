/// `market_data.quote.requested`
package struct QuoteRequest: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol

    package init(symbol: Symbol) { self.symbol = symbol }

    package init(json: JSONValue) throws(JSONError) {
        self.init(symbol: try JSONObject(json).value("symbol"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("symbol", self.symbol) }
    }
}

/// `market_data.bars.requested`. Both ends are inclusive; an absent end means now.
package struct BarsRequest: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var timeframe: Timeframe
    package var start: Timestamp
    package var end: Timestamp?

    package init(symbol: Symbol, timeframe: Timeframe, start: Timestamp, end: Timestamp? = nil) {
        self.symbol = symbol
        self.timeframe = timeframe
        self.start = start
        self.end = end
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            timeframe: try object.value("timeframe"),
            start: try object.value("start"),
            end: try object.optional("end")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("timeframe", self.timeframe)
            $0.field("start", self.start)
            $0.field("end", self.end)
        }
    }
}

/// `market_data.status.requested`
package struct StatusRequest: Hashable, Sendable, JSONCodable {
    package init() {}

    package init(json: JSONValue) throws(JSONError) {
        _ = try JSONObject(json)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { _ in }
    }
}

/// `market_data.bars.received`: completed bars of one symbol, oldest first.
package struct BarsReceived: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var timeframe: Timeframe
    package var bars: [Bar]
    /// True when somebody asked for them; false for bars that have just been completed by the market.
    package var isHistorical: Bool

    package init(symbol: Symbol, timeframe: Timeframe, bars: [Bar], isHistorical: Bool) {
        self.symbol = symbol
        self.timeframe = timeframe
        self.bars = bars
        self.isHistorical = isHistorical
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            timeframe: try object.value("timeframe"),
            bars: try object.value("bars"),
            isHistorical: try object.value("historical")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("timeframe", self.timeframe)
            $0.field("bars", self.bars)
            $0.field("historical", self.isHistorical)
        }
    }
}

/// `market_data.market.status`
package struct MarketStatus: Hashable, Sendable, JSONCodable {
    package var isOpen: Bool
    /// True when the session has just opened or closed; false in answer to a request.
    package var isTransition: Bool
    /// The session that opened or closed last.
    package var sessionDate: CalendarDate
    package var nextOpen: Timestamp?
    package var nextClose: Timestamp?

    package init(
        isOpen: Bool,
        isTransition: Bool,
        sessionDate: CalendarDate,
        nextOpen: Timestamp?,
        nextClose: Timestamp?
    ) {
        self.isOpen = isOpen
        self.isTransition = isTransition
        self.sessionDate = sessionDate
        self.nextOpen = nextOpen
        self.nextClose = nextClose
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            isOpen: try object.value("is_open"),
            isTransition: try object.value("transition"),
            sessionDate: try object.value("session_date"),
            nextOpen: try object.optional("next_open"),
            nextClose: try object.optional("next_close")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("is_open", self.isOpen)
            $0.field("transition", self.isTransition)
            $0.field("session_date", self.sessionDate)
            $0.field("next_open", self.nextOpen)
            $0.field("next_close", self.nextClose)
        }
    }
}

/// `strategy.scan.started` and `strategy.candidate.found`
package struct ScanResult: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var strategy: String
    /// The completed bar that was looked at.
    package var barTimestamp: Timestamp
    package var close: Price

    package init(symbol: Symbol, strategy: String, barTimestamp: Timestamp, close: Price) {
        self.symbol = symbol
        self.strategy = strategy
        self.barTimestamp = barTimestamp
        self.close = close
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            strategy: try object.value("strategy"),
            barTimestamp: try object.value("bar_timestamp"),
            close: try object.value("close")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("strategy", self.strategy)
            $0.field("bar_timestamp", self.barTimestamp)
            $0.field("close", self.close)
        }
    }
}

/// `strategy.entry.signal`
package struct EntrySignal: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var plan: EntryPlan
    /// The most shares the strategy wants; nil leaves the size to Risk.
    package var quantity: Quantity?

    package init(symbol: Symbol, plan: EntryPlan, quantity: Quantity? = nil) {
        self.symbol = symbol
        self.plan = plan
        self.quantity = quantity
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            plan: EntryPlan(
                entryPrice: try object.value("entry_price"),
                stopPrice: try object.value("stop_price"),
                targetPrice: try object.value("target_price")
            ),
            quantity: try object.optional("quantity")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("entry_price", self.plan.entryPrice)
            $0.field("stop_price", self.plan.stopPrice)
            $0.field("target_price", self.plan.targetPrice)
            $0.field("quantity", self.quantity)
            $0.field("risk_reward_ratio", self.plan.rewardRiskRatio)
        }
    }
}

/// `strategy.exit.signal` and the private `order.exit.requested`
package struct ExitSignal: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var reason: String

    package init(symbol: Symbol, reason: String) {
        self.symbol = symbol
        self.reason = reason
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(symbol: try object.value("symbol"), reason: try object.value("reason"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("reason", self.reason)
        }
    }
}

/// `risk.trade.approved`
package struct TradeApproval: Hashable, Sendable, JSONCodable {
    package var symbol: Symbol
    package var quantity: Quantity
    package var plan: EntryPlan
    package var reservedCash: Money
    package var expiresAt: Timestamp

    package init(symbol: Symbol, quantity: Quantity, plan: EntryPlan, reservedCash: Money, expiresAt: Timestamp) {
        self.symbol = symbol
        self.quantity = quantity
        self.plan = plan
        self.reservedCash = reservedCash
        self.expiresAt = expiresAt
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            symbol: try object.value("symbol"),
            quantity: try object.value("quantity"),
            plan: EntryPlan(
                entryPrice: try object.value("entry_price"),
                stopPrice: try object.value("stop_price"),
                targetPrice: try object.value("target_price")
            ),
            reservedCash: try object.value("reserved_cash"),
            expiresAt: try object.value("expires_at")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("quantity", self.quantity)
            $0.field("entry_price", self.plan.entryPrice)
            $0.field("stop_price", self.plan.stopPrice)
            $0.field("target_price", self.plan.targetPrice)
            $0.field("reserved_cash", self.reservedCash)
            $0.field("expires_at", self.expiresAt)
        }
    }
}

/// `risk.trade.rejected` and `risk.limit.exceeded`
package struct LimitBreach: Hashable, Sendable, JSONCodable {
    /// Absent where a limit of the whole account is exceeded.
    package var symbol: Symbol?
    package var refusal: RiskRefusal

    package init(symbol: Symbol?, refusal: RiskRefusal) {
        self.symbol = symbol
        self.refusal = refusal
    }

    package init(json: JSONValue) throws(JSONError) {
        self.init(symbol: try JSONObject(json).optional("symbol"), refusal: try RiskRefusal(json: json))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("rule", self.refusal.rule)
            $0.field("limit", self.refusal.limit)
            $0.field("value", self.refusal.value)
        }
    }
}

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

/// `circuit_breaker.state.changed`
package struct BreakerChange: Hashable, Sendable, JSONCodable {
    package var breaker: String
    package var from: BreakerState
    package var to: BreakerState
    package var reason: String

    package init(breaker: String, from: BreakerState, to: BreakerState, reason: String) {
        self.breaker = breaker
        self.from = from
        self.to = to
        self.reason = reason
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            breaker: try object.value("breaker"),
            from: try object.value("from"),
            to: try object.value("to"),
            reason: try object.value("reason")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("breaker", self.breaker)
            $0.field("from", self.from)
            $0.field("to", self.to)
            $0.field("reason", self.reason)
        }
    }
}

/// `system.trading.halted` and `system.trading.resumed`
package struct TradingSwitch: Hashable, Sendable, JSONCodable {
    package var reason: String

    package init(reason: String) { self.reason = reason }

    package init(json: JSONValue) throws(JSONError) {
        self.init(reason: try JSONObject(json).value("reason"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("reason", self.reason) }
    }
}
