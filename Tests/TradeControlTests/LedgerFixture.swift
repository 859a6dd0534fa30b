import MessageBus
import TestSupport
import TradeControl
import TradingCore

/// A small run by hand: one trade stopped out, one still held, one cancelled, one refused.
struct LedgerFixture {
    static let startingCash = Money(10_000)

    var records: [Ledger.Record]
    var account: Account
    var broker: SimulatorResult
    var deadLetters: [DeadLetter] = []
    var exitReasons: [MessageID: String] = [:]

    init() throws {
        let stopped = try Self.stoppedOut()
        let held = try Self.held()
        self.records = [stopped, held, try Self.cancelled(), try Self.refused()]
        let cash = try Self.money("9031.75")
        var account = Account(cash: cash)
        account.positions = [try Self.symbol("IBM"): Quantity(10)]
        account.openTrades = [held.trade.id: try Self.symbol("IBM")]
        account.highWaterMark = Self.startingCash
        account.equity = try Self.money("9961.75")
        account.maximumDrawdown = try Rate(Money(50), over: Self.startingCash)
        self.account = account
        self.broker = SimulatorResult(
            sessions: 3,
            cash: cash,
            equity: account.equity,
            peakEquity: Self.startingCash,
            maximumDrawdown: account.maximumDrawdown,
            positions: account.positions,
            equityCurve: [
                .init(date: try Self.date("2009-02-06"), equity: Self.startingCash),
                .init(date: try Self.date("2009-02-09"), equity: Money(9950)),
                .init(date: try Self.date("2009-02-12"), equity: account.equity),
            ]
        )
    }

    var ledger: Ledger {
        Ledger(
            records: self.records,
            account: self.account,
            publishedMessages: 40,
            deadLetters: Int64(self.deadLetters.count),
            lastDeadLetters: self.deadLetters,
            strategy: "ma-rsi-volume",
            exitReasons: self.exitReasons
        )
    }

    var discrepancies: [String] {
        LedgerAudit.discrepancies(in: self.ledger, broker: self.broker, startingCash: Self.startingCash)
            .map(\.description)
    }

    func report(timeframe: Timeframe = .day, redisRestarts: Int = 0) -> ReplayReport {
        ReplayReport(
            ledger: self.ledger,
            broker: self.broker,
            settings: ReportedSettings(
                bars: "SampleBars",
                cash: Self.startingCash,
                symbols: self.records.map(\.trade.symbol).sorted(),
                timeframe: timeframe,
                strategy: self.ledger.strategy,
                killEvery: .milliseconds(1500),
                seed: 7,
                replicas: [.strategy: 2]
            ),
            elapsed: .milliseconds(31_260),
            restarts: 2,
            redisRestarts: redisRestarts
        )
    }

    /// Writes the records and the account as agents do.
    func store(in bus: any MessageBus) throws {
        var commit = Commit()
        for record in self.records {
            let key = Trade.key(record.trade.id)
            commit.writes.append(
                DocumentWrite(
                    key: key,
                    expectedVersion: 0,
                    expectedState: "",
                    state: record.storedState,
                    body: JSONWriter.bytes(record.trade),
                    history: record.history.map { JSONWriter.bytes($0) }
                )
            )
            commit.additions.append((set: "trades", member: record.trade.id.rawValue))
        }
        commit.writes.append(
            DocumentWrite(
                key: Account.key,
                expectedVersion: 0,
                expectedState: "",
                state: "",
                body: JSONWriter.bytes(self.account)
            )
        )
        let symbol = self.records[0].trade.symbol
        let scan = ScanResult(
            symbol: symbol,
            strategy: "ma-rsi-volume",
            barTimestamp: self.records[0].trade.signaledAt,
            close: try Self.price("19.66")
        )
        let bodies = [
            (event: EventName.scanStarted, body: self.message(.scanStarted(scan)).encoded()),
            (event: .exitSignal, body: self.message(.exitSignal(ExitSignal(symbol: symbol, reason: "late"))).encoded()),
            (event: .exitSignal, body: Array("{}".utf8)),
        ]
        for (event, body) in bodies {
            commit.messages.append(OutboundMessage(stream: event.stream, channel: event.rawValue, body: body))
        }
        let letter = #"{"reason":"out of reach","agent":"strategy-agent","stream":"order.filled","body":"{}"}"#
        commit.messages.append(OutboundMessage(stream: .deadLetter, channel: nil, body: Array(letter.utf8)))
        guard try bus.commit(commit) == .committed else { throw TestFailure("the commit was not taken") }
    }

    /// Of the first trade; its id is `message`.
    private func message(_ body: MessageBody) -> Message {
        let trade = self.records[0].trade
        return Message(
            timestamp: trade.signaledAt,
            traceID: trade.traceID,
            body: body,
            source: "StrategyAgent",
            correlationID: "test",
            tradeID: trade.id,
            id: MessageID(derivedFrom: "message"),
            causationID: nil
        )
    }

    /// 50 MSFT bought at 19.66 and sold at 18.67 by the stop.
    static func stoppedOut() throws -> Ledger.Record {
        var record = try self.open("MSFT", quantity: 50, entry: "19.66", stop: "18.67", target: "22.60")
        try record.fillOrder(.entry, value: "983", at: "2009-02-09T14:30:00Z")
        try record.step(to: .filled, on: .orderFilled, at: "2009-02-09T14:30:00Z")
        try record.rest(.stop)
        try record.step(to: .holding, on: .stopSet, at: "2009-02-09T14:30:00Z")
        try record.fillOrder(.stop, value: "933.5", at: "2009-02-12T19:00:00Z")
        record.trade.exitReason = .stop
        record.trade.pnl = try self.money("-49.5")
        try record.step(to: .exitTriggered, on: .stopHit, at: "2009-02-12T19:00:00Z")
        try record.step(to: .orderClosing, on: .orderSubmitted, at: "2009-02-12T19:00:00Z")
        try record.step(to: .closed, on: .orderFilled, at: "2009-02-12T19:00:00Z")
        return record
    }

    /// 10 IBM bought at 91.875 with a stop resting.
    static func held() throws -> Ledger.Record {
        var record = try self.open("IBM", quantity: 10, entry: "92", stop: "87.4", target: "105.8")
        try record.fillOrder(.entry, value: "918.75", at: "2009-02-09T14:30:00Z")
        try record.step(to: .filled, on: .orderFilled, at: "2009-02-09T14:30:00Z")
        try record.rest(.stop)
        try record.step(to: .holding, on: .stopSet, at: "2009-02-09T14:30:00Z")
        return record
    }

    static func cancelled() throws -> Ledger.Record {
        var record = try self.open("AAPL", quantity: 9, entry: "100", stop: "95", target: "115")
        record.trade.orders[0].step(on: .expired)
        try record.step(to: .cancelled, on: .orderCancelled, at: "2009-02-09T21:00:00Z")
        return record
    }

    static func refused() throws -> Ledger.Record {
        var record = try self.detected("GOOG", entry: "371.28", stop: "352.71", target: "426.97")
        record.trade.refusal = RiskRefusal(rule: .cashReserve, limit: "180.5", value: "371.28 for one share")
        try record.step(to: .scanning, on: .tradeRejected, at: "2009-02-06T21:00:00Z")
        return record
    }

    private static func detected(
        _ name: String,
        entry: String,
        stop: String,
        target: String
    ) throws -> Ledger.Record {
        let symbol = try self.symbol(name)
        let signaledAt = try self.time("2009-02-06T21:00:00Z")
        let id = TradeID(symbol: symbol, signaledAt: signaledAt)
        var trade = Trade(
            id: id,
            symbol: symbol,
            strategy: "ma-rsi-volume",
            traceID: TraceID(seed: "test", trade: id),
            signaledAt: signaledAt
        )
        trade.plan = EntryPlan(
            entryPrice: try self.price(entry),
            stopPrice: try self.price(stop),
            targetPrice: try self.price(target)
        )
        var record = Ledger.Record(trade: trade, storedState: "SCANNING", history: [])
        try record.step(to: .setupDetected, on: .candidateFound, at: "2009-02-06T21:00:00Z")
        return record
    }

    private static func open(
        _ name: String,
        quantity: Int,
        entry: String,
        stop: String,
        target: String
    ) throws -> Ledger.Record {
        var record = try self.detected(name, entry: entry, stop: stop, target: target)
        record.trade.quantity = Quantity(quantity)
        try record.step(to: .entryApproved, on: .tradeApproved, at: "2009-02-06T21:00:00Z")
        try record.rest(.entry)
        try record.step(to: .orderPlaced, on: .orderSubmitted, at: "2009-02-06T21:00:00Z")
        return record
    }

    static func symbol(_ text: String) throws -> Symbol { try self.read(text, Symbol.init(_:)) }
    static func price(_ text: String) throws -> Price { try self.read(text, Price.init(_:)) }
    static func money(_ text: String) throws -> Money { try self.read(text, Money.init(_:)) }
    static func time(_ text: String) throws -> Timestamp { try self.read(text, Timestamp.init(_:)) }
    static func date(_ text: String) throws -> CalendarDate { try self.read(text, CalendarDate.init(_:)) }

    private static func read<Value>(_ text: String, _ parse: (String) -> Value?) throws -> Value {
        guard let value = parse(text) else { throw TestFailure("\(text) is no \(Value.self)") }
        return value
    }
}

extension Ledger.Record {
    mutating func step(to state: TradeState, on trigger: TradeTrigger, at time: String) throws {
        let message = MessageID(derivedFrom: self.trade.id.rawValue, "\(self.history.count)")
        self.history.append(
            try self.trade.transition(to: state, on: trigger, at: try LedgerFixture.time(time), message: message)
        )
        self.storedState = state.rawValue
    }

    /// Adds an order of that role that the broker has taken.
    mutating func rest(_ role: OrderRole) throws {
        let terms = OrderTerms(
            clientOrderID: self.trade.nextID(role),
            symbol: self.trade.symbol,
            side: role == .entry ? .buy : .sell,
            type: role == .entry ? .limit : .stop,
            quantity: self.trade.quantity,
            limitPrice: role == .entry ? self.trade.plan?.entryPrice : nil,
            stopPrice: role == .stop ? self.trade.plan?.stopPrice : nil,
            timeInForce: role == .entry ? .day : .goodTillCancelled
        )
        self.trade.orders.append(Order(terms: terms, intendedAt: self.trade.signaledAt, state: .accepted))
    }

    mutating func fillOrder(_ role: OrderRole, value: String, at time: String) throws {
        guard let index = self.trade.orders.lastIndex(where: { $0.id.role == role }) else {
            throw TestFailure("there is no \(role.rawValue) order to fill")
        }
        self.trade.orders[index].step(on: .filled)
        self.trade.orders[index].filledQuantity = self.trade.orders[index].terms.quantity
        self.trade.orders[index].filledValue = try LedgerFixture.money(value)
        self.trade.orders[index].filledAt = try LedgerFixture.time(time)
    }
}
