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
            plan: try EntryPlan(object),
            quantity: try object.optional("quantity")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.symbol)
            $0.field("entry_price", self.plan.entryPrice)
            $0.field("stop_price", self.plan.stopPrice)
            $0.field("target_price", self.plan.targetPrice)
            $0.field("session", self.plan.session)
            $0.field("quantity", self.quantity)
            $0.field("risk_reward_ratio", self.plan.rewardRiskRatio)
        }
    }
}

/// `strategy.exit.signal`, and the private `order.exit.requested` and `order.abort.requested`
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
