import CoreMetrics
package import Logging
package import MessageBus
package import TradingCore

/// Looks into the ledger every few seconds for positions that neither a stop nor an exit protects at the broker, whatever
/// the reason: also that the agent which is to see to it hangs, or that the trade cannot be read. For how long, it measures
/// itself. Belongs to the thread of an agent other than that one.
package final class ProtectionWatch {
    private let patience: Duration
    private let now: () -> Duration
    private let logger: Logger
    private let gauge = Gauge(label: MetricName.unprotectedTime.rawValue)
    private var nextLook = Duration.zero
    private var uncovered: StandingTimes<TradeID> = StandingTimes()
    /// Since when the account cannot be read, so that nobody can see a position.
    private var blindSince: Duration?
    private var told: [Symbol]?
    private var repetitions = RepetitionFilter()

    private static let interval = Duration.seconds(2)

    /// - Parameters:
    ///   - patience: for how long a position may be so, such as while its stop is on the way.
    ///   - now: reads a monotonic clock.
    package init(patience: Duration, now: @escaping () -> Duration = MonotonicClock.now, logger: Logger) {
        self.patience = patience
        self.now = now
        self.logger = logger
    }

    /// Looks if it is time to, and tells the symbols of positions that have been so for longer than they may, when these
    /// are others than before. What `tell` throws is thrown on, and it is told again next time.
    package func turn(bus: any MessageBus, tell: ([Symbol]) throws -> Void) throws {
        let now = self.now()
        guard now >= self.nextLook else { return }
        self.nextLook = now + Self.interval
        guard let open = try bus.openTrades() else {
            let text = "which positions are protected cannot be seen: the account cannot be read"
            if self.repetitions.isWorthSaying(text, now: now) { self.logger.error("\(text)") }
            let since = self.blindSince ?? now
            self.blindSince = since
            return self.gauge.record(max(self.uncovered.longest, now - since).components.seconds)
        }
        self.blindSince = nil
        let uncovered = open.trades.filter { $0.uncoveredQuantity > .zero }
        self.uncovered.look(at: uncovered.map(\.id) + open.unreadable.map(\.id), now: now)
        self.gauge.record(self.uncovered.longest.components.seconds)
        let late = uncovered.filter { self.uncovered[$0.id] > self.patience }
        let lost = open.unreadable.filter { self.uncovered[$0.id] > self.patience }
        for trade in late { self.complain(of: trade, now: now) }
        for trade in lost { self.complain(of: trade, now: now) }
        let symbols = Set(late.map(\.symbol) + lost.compactMap(\.symbol)).sorted()
        guard symbols != self.told else { return }
        try tell(symbols)
        self.told = symbols
    }

    private func complain(of trade: UnreadableTrade, now: Duration) {
        let text = "an open trade cannot be read, and its shares may be without a stop"
        guard self.repetitions.isWorthSaying(text, about: trade.id.rawValue, now: now) else { return }
        self.logger.error(
            "\(text)",
            metadata: [
                "trade_id": "\(trade.id)", "reason": "\(trade.reason)",
                "seconds": "\(self.uncovered[trade.id].components.seconds)",
            ]
        )
    }

    private func complain(of trade: Trade, now: Duration) {
        let text = "a position has had no stop for too long"
        guard self.repetitions.isWorthSaying(text, about: trade.id.rawValue, now: now) else { return }
        self.logger.error(
            "\(text)",
            metadata: [
                "trade_id": "\(trade.id)", "trace_id": "\(trade.traceID)", "trade.symbol": "\(trade.symbol)",
                "trade.state": "\(trade.state.rawValue)", "shares": "\(trade.uncoveredQuantity)",
                "seconds": "\(self.uncovered[trade.id].components.seconds)",
            ]
        )
    }
}
