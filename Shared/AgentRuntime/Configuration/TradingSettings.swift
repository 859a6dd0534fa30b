package import TradingCore

/// The settings that say what is traded and how much may be risked.
///
/// | environment | file | default |
/// |---|---|---|
/// | `SYMBOLS` | `symbols` | none: required where quotes are asked for |
/// | `TIMEFRAME` | `timeframe` | `1Day` |
/// | `STRATEGY_PARAMETERS` | `strategy.parameters` | none; `name=value` pairs separated by commas |
extension Settings {
    package func symbols() throws -> [Symbol] {
        let names = try self.list("symbols", default: [])
        guard !names.isEmpty else {
            throw ConfigurationError(
                .missing,
                "SYMBOLS (symbols) is missing; expected ticker symbols separated by commas, such as AAPL,MSFT"
            )
        }
        return try names.map { name in
            guard let symbol = Symbol(name) else {
                throw ConfigurationError(
                    .malformed,
                    "SYMBOLS (symbols): \"\(name)\" is no ticker symbol; expected one such as AAPL"
                )
            }
            return symbol
        }
    }

    package func timeframe() throws -> Timeframe {
        let text = try self.string("timeframe", default: Timeframe.day.rawValue)
        guard let timeframe = Timeframe(text) else {
            throw ConfigurationError(
                .malformed,
                "TIMEFRAME (timeframe): \"\(text)\" is no timeframe; expected one such as 5Min, 1Hour or 1Day"
            )
        }
        return timeframe
    }

    package func strategyParameters() throws -> [String: String] {
        var parameters: [String: String] = [:]
        for pair in try self.list("strategy.parameters", default: []) {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parameters.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
                throw ConfigurationError(
                    .malformed,
                    "STRATEGY_PARAMETERS (strategy.parameters): \"\(pair)\"; expected name=value, each name once"
                )
            }
        }
        return parameters
    }

    /// A decimal in the range.
    package func decimal<Value: FixedPoint>(
        _ path: String,
        default value: Value,
        in range: ClosedRange<Value>
    ) throws -> Value {
        let text = try self.decimalText(path, default: value.description)
        guard let number = Value(text), range.contains(number) else {
            throw ConfigurationError(
                .malformed,
                "\(SettingsKey(path: path)): \"\(text)\" is out of range; expected a decimal from \(range.lowerBound) to "
                    + "\(range.upperBound)"
            )
        }
        return number
    }
}

extension RiskLimits {
    /// `RISK_MAX_POSITION_VALUE`, `RISK_MAX_POSITION_SHARE`, `RISK_CASH_RESERVE`, `RISK_MAX_DRAWDOWN`,
    /// `RISK_MAX_STOP_DISTANCE` and `RISK_MIN_REWARD_RISK_RATIO`; shares of equity are written as decimals, 0.2 for 20 %.
    /// And `SCHWAB_LOGIN_RESERVE`, such as 36h.
    package init(_ settings: Settings) throws {
        self.init()
        let share = Rate.zero...Rate.one
        self.positionValue = try settings.decimal(
            "risk.maxPositionValue",
            default: self.positionValue,
            in: Money(1)...Money(1_000_000_000)
        )
        self.positionShare = try settings.decimal("risk.maxPositionShare", default: self.positionShare, in: share)
        self.cashReserve = try settings.decimal("risk.cashReserve", default: self.cashReserve, in: share)
        self.drawdown = try settings.decimal("risk.maxDrawdown", default: self.drawdown, in: share)
        self.stopDistance = try settings.decimal(
            "risk.maxStopDistance",
            default: self.stopDistance,
            in: Rate(raw: 1)...Rate(raw: Rate.unit - 1)
        )
        self.rewardRiskRatio = try settings.decimal(
            "risk.minRewardRiskRatio",
            default: self.rewardRiskRatio,
            in: Rate.zero...Rate(1000)
        )
        self.loginReserve = try settings.duration(
            "schwab.loginReserve",
            default: self.loginReserve,
            in: .zero ... .seconds(6 * 86_400)
        )
    }
}
