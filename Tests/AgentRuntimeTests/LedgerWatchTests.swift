import AgentRuntime
import Brokerage
import Logging
import MessageBus
import Telemetry
import TestSupport
import Testing
import TradingCore

/// What an agent's metrics tell of the ledger.
@Suite struct LedgerWatchTests {
    private let server: RedisServer
    private let bus: RedisMessageBus
    private let metrics = PrometheusMetricsFactory()
    private static let endpoints = AlpacaEndpoints(
        trading: "http://127.0.0.1:1",
        data: "http://127.0.0.1:1",
        stream: "ws://127.0.0.1:1",
        feed: "iex",
        keyID: "PKPLANTEDKEY0000",
        secretKey: "planted-secret-0000"
    )
    private static let rates = Self.endpoints.rateBudgets(trading: 100, data: 60, reservedShare: .zero)

    init() throws {
        self.server = try RedisServer()
        self.bus = RedisMessageBus(endpoint: self.server.endpoint)
    }

    private func watch(_ agent: AgentName) -> LedgerWatch {
        LedgerWatch(
            agent: agent,
            bus: RedisMessageBus(endpoint: self.server.endpoint),
            rates: Self.rates,
            marketTime: .simulated,
            stop: StopSignal(),
            heartbeat: Heartbeat(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            metrics: self.metrics
        )
    }

    private var values: [String: String] {
        self.metrics.render().split(separator: "\n").filter { !$0.hasPrefix("#") }.reduce(into: [:]) { values, line in
            let parts = line.split(separator: " ")
            values[String(parts[0])] = String(parts[1])
        }
    }

    private func put(_ documents: (DocumentKey, any JSONEncodable)...) throws {
        var commit = Commit()
        commit.puts = documents.map { (key: $0, body: JSONWriter.bytes($1)) }
        _ = try self.bus.commit(commit)
    }

    private func publish(_ symbol: Symbol, bid: Int, at second: Int64) throws {
        let quote = Quote(
            symbol: symbol,
            bid: Price(bid),
            ask: Price(bid + 1),
            timestamp: Timestamp(seconds: second)
        )
        let message = Speaker(.marketData).say(.quoteUpdated(quote), at: quote.timestamp, about: "\(symbol)")
        _ = try self.bus.publishQuote(
            key: Quote.key(symbol),
            version: quote.timestamp.microseconds,
            body: message.encoded(),
            channel: message.event.rawValue
        )
    }

    @Test func `RiskManagement tells of the account, as far as it is known`() throws {
        let (ibm, msft) = (try #require(Symbol("IBM")), try #require(Symbol("MSFT")))
        var account = Account(cash: Money(10_000))
        account.record(equity: Money(16_000))
        account.resumeEntries()
        account.record(equity: Money(12_000))
        account.drawdownPeak = Money(12_500)
        account.positions = [ibm: Quantity(10), msft: Quantity(5)]
        account.entriesStopped = "a fall"
        account.frozenSymbols = [ibm: "a stranger's order"]
        let trade = TradeID(symbol: ibm, signaledAt: Timestamp(seconds: 0))
        account.reserve(try #require(Money("250.5")), for: trade, symbol: ibm)
        try self.put((Account.key, account))
        try self.publish(ibm, bid: 100, at: 60)

        let watch = self.watch(.riskManagement)
        watch.turn()
        #expect(self.values["quintet_cash_dollars"] == "10000")
        #expect(self.values["quintet_reserved_cash_dollars"] == "250.5")
        #expect(self.values["quintet_high_water_mark_dollars"] == "16000")
        #expect(self.values["quintet_entries_stopped"] == "1")
        #expect(self.values["quintet_frozen_symbols"] == "1")
        #expect(self.values["quintet_trading_halted"] == "0")
        // Nobody knows what MSFT is worth.
        #expect(self.values["quintet_equity_dollars"] == nil)
        #expect(self.values["quintet_drawdown_ratio{since=\"start\"}"] == nil)

        try self.publish(msft, bid: 200, at: 60)
        try self.put((TradingHalt.key, TradingHalt(by: "ann", reason: "a test", since: Timestamp(seconds: 0))))
        watch.turn()
        #expect(self.values["quintet_equity_dollars"] == "12000")
        #expect(self.values["quintet_exposure_dollars"] == "2000")
        #expect(self.values["quintet_drawdown_ratio{since=\"start\"}"] == "0.25")
        #expect(self.values["quintet_drawdown_ratio{since=\"resume\"}"] == "0.04")
        #expect(self.values["quintet_trading_halted"] == "1")

        self.server.stop()
        watch.turn()
        #expect(self.values.keys.sorted() == ["quintet_metrics_dropped_total"])
    }

    @Test func `OrderExecution tells of open orders, of the requests left and of dead letters`() throws {
        let symbol = try #require(Symbol("IBM"))
        let id = TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 0))
        var trade = Trade(
            id: id,
            symbol: symbol,
            strategy: "test",
            traceID: TraceID(seed: "", trade: id),
            signaledAt: Timestamp(seconds: 0)
        )
        func order(_ state: OrderState, attempt: Int) -> Order {
            let terms = OrderTerms(
                clientOrderID: ClientOrderID(trade: id, role: .entry, attempt: attempt),
                symbol: symbol,
                side: .buy,
                type: .market,
                quantity: Quantity(1),
                timeInForce: .day
            )
            return Order(terms: terms, intendedAt: Timestamp(seconds: 0), state: state)
        }
        trade.replace(order(.cancelled, attempt: 1))
        trade.replace(order(.unknown, attempt: 2))
        var account = Account(cash: Money(10_000))
        account.openTrades[id] = symbol
        try self.put((Account.key, account), (Trade.key(id), trade))
        var commit = Commit()
        commit.messages = [OutboundMessage(stream: .deadLetter, channel: nil, body: [1])]
        _ = try self.bus.commit(commit)
        let budget = try #require(Self.rates.all.first { $0.part == "trading" })
        for _ in 0..<3 { _ = try self.bus.takeRequest(.exit, of: budget) }

        let watch = self.watch(.orderExecution)
        watch.turn()
        #expect(self.values[#"quintet_orders{state="unknown"}"#] == "1")
        #expect(self.values[#"quintet_orders{state="cancelled"}"#] == "1")
        #expect(self.values[#"quintet_orders{state="filled"}"#] == "0")
        #expect(self.values[#"quintet_open_trades{state="SCANNING"}"#] == "1")
        #expect(self.values["quintet_unknown_order_age_seconds"] == "0")
        #expect(self.values["quintet_dead_letters_waiting"] == "1")
        #expect(self.values[#"quintet_rate_budget_left{part="trading"}"#] == "97")
        #expect(self.values[#"quintet_rate_budget_limit{part="trading"}"#] == "100")
        #expect(self.values[#"quintet_rate_budget_left{part="data"}"#] == "60")

        watch.turn()
        let age = self.values["quintet_unknown_order_age_seconds"].flatMap { Double($0) }
        #expect(try #require(age) > 0)
        trade.replace(order(.filled, attempt: 2))
        try self.put((Trade.key(id), trade))
        watch.turn()
        #expect(self.values["quintet_unknown_order_age_seconds"] == "0")
        #expect(self.values[#"quintet_orders{state="filled"}"#] == "1")
    }

    @Test func `every agent tells what waits for it, and since when`() throws {
        let agent = AgentName.strategy
        let stream = EventName.positionClosed.stream
        try self.bus.createGroup(agent.rawValue, on: stream)
        var commit = Commit()
        commit.messages = (0..<3).map { _ in OutboundMessage(stream: stream, channel: nil, body: [1]) }
        _ = try self.bus.commit(commit)
        func receive() throws -> [Delivery] {
            try self.bus.receive(
                group: agent.rawValue,
                consumer: "a",
                streams: [stream],
                limit: 1,
                timeout: .seconds(5)
            ).deliveries
        }
        let delivery = try #require(try receive().first)
        let labels = "{stream=\"\(stream)\"}"
        let watch = self.watch(agent)
        watch.turn()
        #expect(self.values["quintet_consumer_lag\(labels)"] == "2")
        #expect(self.values["quintet_consumer_pending\(labels)"] == "1")
        let age = self.values["quintet_consumer_pending_age_seconds\(labels)"].flatMap { Double($0) }
        #expect(try (0..<60).contains(#require(age)))
        let skew = self.values[#"quintet_clock_skew_seconds{to="redis"}"#].flatMap { Double($0) }
        #expect(try abs(#require(skew)) < 1)

        commit.messages = []
        commit.acknowledge = Acknowledgement(stream: stream, group: agent.rawValue, id: delivery.id)
        _ = try self.bus.commit(commit)
        watch.turn()
        #expect(self.values["quintet_consumer_pending\(labels)"] == "0")
        #expect(self.values["quintet_consumer_pending_age_seconds\(labels)"] == "0")
    }

    @Test func `MarketData tells how old each quote is by market time`() throws {
        var clock = MarketClock(since: Timestamp(seconds: 0))
        clock.isOpen = true
        try self.put((MarketClock.key, clock))
        try self.publish(try #require(Symbol("IBM")), bid: 100, at: 60)
        try self.publish(try #require(Symbol("MSFT")), bid: 200, at: 90)
        self.watch(.marketData).turn()
        #expect(self.values["quintet_market_open"] == "1")
        #expect(self.values[#"quintet_quote_age_seconds{symbol="IBM"}"#] == "30")
        #expect(self.values[#"quintet_quote_age_seconds{symbol="MSFT"}"#] == "0")
    }
}
