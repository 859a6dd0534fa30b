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
            plan: try EntryPlan(object),
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
            $0.field("session", self.plan.session)
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
