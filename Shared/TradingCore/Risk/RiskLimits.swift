/// What an entry may not exceed. All configurable; these are the defaults.
package struct RiskLimits: Hashable, Sendable {
    /// Dollars in one position.
    package var positionValue = Money(1000)
    /// Share of equity in one position.
    package var positionShare = Rate(raw: Rate.unit / 5)
    /// Share of equity that stays in cash, approvals not yet filled counted as spent.
    package var cashReserve = Rate(raw: Rate.unit / 2)
    /// Fall from the highest equity ever recorded at which entries stop until an operator resumes them.
    package var drawdown = Rate(raw: Rate.unit / 5)
    /// How far below the entry the stop may lie, one cent of tolerance beside it.
    package var stopDistance = Rate(raw: Rate.unit / 20)
    /// Reward ÷ risk must be greater than this.
    package var rewardRiskRatio = Rate(raw: Rate.unit * 5 / 2)
    /// So much has to be left of a login that a person has to renew: what is bought has to be sold, too.
    package var loginReserve = Duration.seconds(24 * 3600)

    package init() {}
}

/// The rules a trade can break, by the code that refusals carry.
package enum RiskRule: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case positionValue = "position_value"
    case positionShare = "position_share"
    case cashReserve = "cash_reserve"
    case drawdown
    case stopRequired = "stop_required"
    case stopDistance = "stop_distance"
    case rewardRiskRatio = "reward_risk_ratio"
    case openTrades = "open_trades"
    case entriesStopped = "entries_stopped"
    case tradingHalted = "trading_halted"
    case frozenSymbol = "frozen_symbol"
    case unprotectedPosition = "unprotected_position"
    case signalQuantity = "signal_quantity"
    case marketSession = "market_session"
    case clockSkew = "clock_skew"
    case brokerLogin = "broker_login"
}

/// A refusal: which rule, its limit, and the value that broke it.
package struct RiskRefusal: Hashable, Sendable, JSONCodable, CustomStringConvertible {
    package var rule: RiskRule
    package var limit: String
    package var value: String

    package init(rule: RiskRule, limit: String, value: String) {
        self.rule = rule
        self.limit = limit
        self.value = value
    }

    package var description: String { "\(self.rule.rawValue): \(self.value), limit \(self.limit)" }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            rule: try object.value("rule"),
            limit: try object.value("limit"),
            value: try object.value("value")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("rule", self.rule)
            $0.field("limit", self.limit)
            $0.field("value", self.value)
        }
    }
}
