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
    /// Since when the `TradingHalt` has been in the ledger that this tells of; nil where the message stands by itself.
    package var since: Timestamp?

    package init(reason: String, since: Timestamp? = nil) {
        self.reason = reason
        self.since = since
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(reason: try object.value("reason"), since: try object.optional("since"))
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("reason", self.reason)
            $0.field("since", self.since)
        }
    }
}
