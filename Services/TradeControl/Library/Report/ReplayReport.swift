package import TradingCore

/// What a replay has come to.
package struct ReplayReport: Sendable {
    package struct Rejection: Hashable, Sendable {
        package var timestamp: Timestamp
        package var symbol: Symbol
        package var refusal: RiskRefusal

        /// `cash_reserve: value 210.5 for one share, limit 180.22`
        package var reason: String {
            // A halt is told by its text alone.
            self.refusal.rule == .tradingHalted
                ? self.refusal.value
                : "\(self.refusal.rule.rawValue): value \(self.refusal.value), limit \(self.refusal.limit)"
        }
    }

    package var sessions: Int
    /// Wall time, in tenths of a second; nil if nobody took it.
    package var seconds: Double?
    package var settings: ReportedSettings
    package var cash: Money
    package var equity: Money
    package var peakEquity: Money
    /// A share of the peak.
    package var maximumDrawdown: Rate
    /// Closed ones, by the time they closed and then by id.
    package var trades: [ReportedTrade]
    /// By id.
    package var openTrades: [ReportedTrade]
    package var cancelled: Int
    /// By time, symbol and reason.
    package var rejections: [Rejection]
    package var publishedMessages: Int64
    package var deadLetters: Int64
    /// The newest of the dead letters, oldest first.
    package var lastDeadLetters: [DeadLetter]
    /// Of agents; nil if nobody counted.
    package var restarts: Int?
    package var redisRestarts: Int?
    package var equityCurve: [SimulatorResult.EquityPoint]

    package init(
        ledger: Ledger,
        broker: SimulatorResult,
        settings: ReportedSettings,
        elapsed: Duration? = nil,
        restarts: Int? = nil,
        redisRestarts: Int? = nil
    ) {
        self.sessions = broker.sessions
        self.seconds = elapsed.map { elapsed in
            let (seconds, attoseconds) = elapsed.components
            return Double(seconds * 10 + attoseconds / 100_000_000_000_000_000) / 10
        }
        self.settings = settings
        self.cash = broker.cash
        self.equity = broker.equity
        self.peakEquity = broker.peakEquity
        self.maximumDrawdown = broker.maximumDrawdown
        self.equityCurve = broker.equityCurve
        self.trades =
            ledger.records.filter { $0.trade.state == .closed }
            .map { ReportedTrade($0, exitReasons: ledger.exitReasons) }
            .sorted { ($0.closedAt ?? $0.signaledAt, $0.id) < ($1.closedAt ?? $1.signaledAt, $1.id) }
        self.openTrades =
            ledger.records.filter { !$0.trade.state.isTerminal && $0.trade.state != .scanning }
            .map { ReportedTrade($0) }.sorted { $0.id < $1.id }
        self.cancelled = ledger.records.count { $0.trade.state == .cancelled }
        self.rejections =
            ledger.records.compactMap { record in
                record.trade.refusal.map { refusal in
                    let refusedAt = record.history.last { $0.trigger == .tradeRejected }?.timestamp
                    return Rejection(
                        timestamp: refusedAt ?? record.trade.signaledAt,
                        symbol: record.trade.symbol,
                        refusal: refusal
                    )
                }
            }.sorted { ($0.timestamp, $0.symbol, $0.reason) < ($1.timestamp, $1.symbol, $1.reason) }
        self.publishedMessages = ledger.publishedMessages
        self.deadLetters = ledger.deadLetters
        self.lastDeadLetters = ledger.lastDeadLetters
        self.restarts = restarts
        self.redisRestarts = redisRestarts
    }

    package var startingCash: Money { self.settings.cash }
    package var timeStyle: TimeStyle { self.settings.timeStyle }

    package var wins: Int { self.trades.count { ($0.pnl ?? .zero) > .zero } }
    package var losses: Int { self.trades.count { ($0.pnl ?? .zero) < .zero } }
    package var profit: Money { self.trades.reduce(.zero) { $0 + ($1.pnl ?? .zero) } }

    /// Of the closed trades, rounded towards zero to 1e-8; nil if there is none.
    package var averageProfit: Money? {
        self.trades.isEmpty ? nil : Money(raw: self.profit.raw / Int64(self.trades.count))
    }

    /// The most frequent first.
    package var refusalsByRule: [(rule: RiskRule, count: Int)] {
        Dictionary(grouping: self.rejections, by: \.refusal.rule)
            .map { (rule: $0.key, count: $0.value.count) }
            .sorted { $0.count == $1.count ? $0.rule.rawValue < $1.rule.rawValue : $0.count > $1.count }
    }

    /// In the order of `ExitReason`.
    package var exitsByReason: [(reason: ExitReason, count: Int)] {
        ExitReason.allCases.map { reason in
            (reason: reason, count: self.trades.count { $0.exitReason == reason })
        }
    }
}

extension ReplayReport: JSONEncodable {
    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("sessions", self.sessions)
            writer.field("seconds", self.seconds)
            writer.object("account") {
                $0.field("cash", self.cash)
                $0.field("equity", self.equity)
                $0.field("peak_equity", self.peakEquity)
                $0.field("max_drawdown", self.maximumDrawdown)
            }
            writer.field("trades", self.trades.map { StyledTrade(trade: $0, style: self.timeStyle) })
            writer.field("open_trades", self.openTrades.map { StyledTrade(trade: $0, style: self.timeStyle) })
            writer.field("cancelled", self.cancelled)
            writer.field("rejections", self.rejections.map { StyledRejection(rejection: $0, style: self.timeStyle) })
            writer.object("messages") {
                $0.field("published", self.publishedMessages)
                $0.field("dead_lettered", self.deadLetters)
            }
            writer.field("restarts", self.restarts)
            writer.field("redis_restarts", self.redisRestarts)
            writer.field("dead_letters", self.lastDeadLetters)
            writer.field("settings", self.settings)
            writer.field("equity_curve", self.equityCurve)
        }
    }

    private struct StyledTrade: JSONEncodable {
        let trade: ReportedTrade
        let style: TimeStyle
        func write(to writer: inout JSONWriter) { self.trade.write(to: &writer, style: self.style) }
    }

    private struct StyledRejection: JSONEncodable {
        let rejection: Rejection
        let style: TimeStyle
        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("timestamp", self.style.text(self.rejection.timestamp))
                $0.field("symbol", self.rejection.symbol)
                $0.field("reason", self.rejection.reason)
            }
        }
    }

    /// The JSON for people: one member a line.
    package var prettyJSON: String {
        get throws(JSONError) { try JSONValue(parsing: JSONWriter.bytes(self)).indented() + "\n" }
    }
}

extension SimulatorResult.EquityPoint: JSONEncodable {
    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("date", self.date)
            $0.field("equity", self.equity)
        }
    }
}

extension JSONValue {
    /// JSON text with a member or an element on each line.
    fileprivate func indented(by indentation: String = "") -> String {
        let inner = indentation + "  "
        switch self {
        case .array(let values) where !values.isEmpty:
            let lines = values.map { inner + $0.indented(by: inner) }
            return "[\n\(lines.joined(separator: ",\n"))\n\(indentation)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.map { "\(inner)\(JSONWriter.text($0.name)): \($0.value.indented(by: inner))" }
            return "{\n\(lines.joined(separator: ",\n"))\n\(indentation)}"
        default:
            return JSONWriter.text(self)
        }
    }
}
