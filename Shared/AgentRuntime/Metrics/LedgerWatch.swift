package import Brokerage
package import CoreMetrics
package import Logging
package import MessageBus
package import TradingCore

/// Reads every few seconds what metrics tell of the ledger, and changes nothing in it. It has a thread and a bus of its
/// own, so that no message waits for it. Of what concerns the whole account each thing is told by one agent, and by all of
/// its replicas alike.
package final class LedgerWatch {
    private let agent: AgentName
    private let bus: RedisMessageBus
    private let rates: RateBudgets
    private let marketTime: MarketTime
    private let stop: StopSignal
    private let heartbeat: Heartbeat
    private let logger: Logger
    private var repetitions = RepetitionFilter()
    private var board: GaugeBoard
    private var unknownOrders: StandingTimes<ClientOrderID> = StandingTimes()

    private static let interval = Duration.seconds(5)

    package init(
        agent: AgentName,
        bus: RedisMessageBus,
        rates: RateBudgets,
        marketTime: MarketTime,
        stop: StopSignal,
        heartbeat: Heartbeat,
        logger: Logger,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.agent = agent
        self.bus = bus
        self.rates = rates
        self.marketTime = marketTime
        self.stop = stop
        self.heartbeat = heartbeat
        self.logger = logger
        self.board = GaugeBoard(metrics)
    }

    /// Runs until the stop signal is given.
    package func run() {
        repeat { self.turn() } while !self.stop.wait(for: Self.interval, beating: self.heartbeat)
    }

    package func turn() {
        do {
            self.board.show(try self.readings())
        } catch {
            // What Redis held is not known any more. That it is lost is said elsewhere.
            self.board.show([])
            let isLost = (error as? MessageBusError)?.code == .unreachable
            guard !isLost, self.repetitions.isWorthSaying("\(error)", now: MonotonicClock.now()) else { return }
            self.logger.error("metrics of the ledger cannot be read", metadata: ["reason": "\(error)"])
        }
    }

    private func readings() throws -> [GaugeReading] {
        let (time, skew) = try self.clocks()
        var readings = try self.backlog(at: time)
        readings.append(GaugeReading(.clockSkew, skew.inSeconds, ["to": "redis"]))
        switch self.agent {
        case .marketData: readings += try self.market()
        case .riskManagement: readings += try self.account()
        case .orderExecution:
            readings += try self.orders() + self.budgets()
            readings.append(GaugeReading(.deadLettersWaiting, Double(try self.bus.length(of: .deadLetter))))
        case .strategy, .positionManagement: break
        }
        return readings
    }

    /// The server's time, and by how much this machine's is ahead of it.
    private func clocks() throws -> (server: Timestamp, skew: Duration) {
        let before = WallClock.now()
        let server = try self.bus.time()
        let after = WallClock.now()
        return (server, before + (after - before) / 2 - server)
    }

    private func backlog(at time: Timestamp) throws -> [GaugeReading] {
        try self.agent.allStreams.flatMap { stream -> [GaugeReading] in
            let labels = ["stream": stream.rawValue]
            guard let group = try self.bus.groups(on: stream).first(where: { $0.name == self.agent.rawValue }) else {
                return []
            }
            let age = group.oldestPendingTime.map { max(time - $0, .zero) } ?? .zero
            return [
                GaugeReading(.consumerLag, Double(group.unread), labels),
                GaugeReading(.consumerPending, Double(group.pending), labels),
                GaugeReading(.consumerPendingAge, age.inSeconds, labels),
            ]
        }
    }

    private func account() throws -> [GaugeReading] {
        let documents = try self.bus.documents([Account.key, TradingHalt.key])
        var readings = [GaugeReading(.tradingHalted, documents.halt == nil ? 0 : 1)]
        guard let account = try documents.find(Account.key, as: Account.self)?.value else { return readings }
        readings += [
            GaugeReading(.entriesStopped, account.entriesStopped == nil ? 0 : 1),
            GaugeReading(.frozenSymbols, Double(account.frozenSymbols.count)),
            GaugeReading(.highWaterMark, account.highWaterMark.approximate),
            GaugeReading(.cash, account.cash.approximate),
            GaugeReading(.reservedCash, account.reservedCash.approximate),
        ]
        let symbols = account.positions.keys.sorted()
        let quotes = try self.bus.documents(symbols.map(Quote.key))
        let prices = try symbols.reduce(into: [:]) { $0[$1] = try quotes.quote($1)?.bid }
        guard let equity = try RiskRules.equity(of: account, prices: prices) else { return readings }
        readings += [
            GaugeReading(.equity, equity.approximate),
            GaugeReading(.exposure, (equity - account.cash).approximate),
        ]
        for (since, peak) in [("start", account.highWaterMark), ("resume", account.drawdownPeak)] {
            let drawdown = RiskRules.drawdown(of: equity, from: peak)
            readings.append(GaugeReading(.drawdown, drawdown.approximate, ["since": since]))
        }
        return readings
    }

    private func orders() throws -> [GaugeReading] {
        // Those that cannot be read count as unprotected elsewhere.
        let trades = try self.bus.openTrades()?.trades ?? []
        let orders = trades.flatMap(\.orders)
        self.unknownOrders.look(at: orders.filter { $0.state == .unknown }.map(\.id), now: MonotonicClock.now())
        return TradeState.allCases.filter { !$0.isTerminal }.map { state in
            GaugeReading(.openTrades, Double(trades.count { $0.state == state }), ["state": state.rawValue])
        }
            + OrderState.allCases.map { state in
                GaugeReading(.orders, Double(orders.count { $0.state == state }), ["state": state.rawValue])
            } + [GaugeReading(.unknownOrderAge, self.unknownOrders.longest.inSeconds)]
    }

    private func budgets() throws -> [GaugeReading] {
        try self.rates.all.flatMap { budget in
            let limit = budget.requestsPerMinute
            let left = max(limit - (try self.bus.departureCount(of: budget)), 0)
            return [
                GaugeReading(.rateBudgetLimit, Double(limit), ["part": budget.part]),
                GaugeReading(.rateBudgetLeft, Double(left), ["part": budget.part]),
            ]
        }
    }

    private func market() throws -> [GaugeReading] {
        var readings: [GaugeReading] = []
        let clock = try self.bus.documents([MarketClock.key]).find(MarketClock.key, as: MarketClock.self)?.value
        if let isOpen = clock?.isOpen { readings.append(GaugeReading(.marketOpen, isOpen ? 1 : 0)) }
        let quotes = try self.bus.quotes().compactMap { _, document -> Quote? in
            guard case .quoteUpdated(let quote)? = try? Message(decoding: document.body).body else { return nil }
            return quote
        }
        // A replay's market time has nothing to do with a clock's.
        let now = self.marketTime == .wall ? WallClock.now() : quotes.map(\.timestamp).max()
        guard let now else { return readings }
        return readings
            + quotes.map { quote in
                let age = max(now - quote.timestamp, .zero)
                return GaugeReading(.quoteAge, age.inSeconds, ["symbol": quote.symbol.rawValue])
            }
    }
}

extension FixedPoint {
    /// A metric is a floating-point number: money leaves its exact form here, for people to look at, and never returns.
    fileprivate var approximate: Double { Double(self.raw) / Double(Self.unit) }
}

extension Duration {
    fileprivate var inSeconds: Double { self / .seconds(1) }
}
