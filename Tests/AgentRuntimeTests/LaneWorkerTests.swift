import AgentRuntime
import Brokerage
import Logging
import MessageBus
import TestSupport
import Testing
import TradingCore

/// A lane in a real market, whose time is the wall clock's.
@Suite struct LaneWorkerTests {
    /// Says what time it is, and counts what it is asked for.
    private final class Clockwork: Broker {
        let recognisesRepeatedOrders = true
        var time = Timestamp(seconds: 1_000_000)
        var placed = 0
        var looks = 0
        var failure: BrokerError?
        var clockFailure: BrokerError?
        var known: OrderReport?

        func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
            self.placed += 1
            if let failure { throw failure }
            throw BrokerError(.refused(code: "403"), "not now")
        }
        func requestCancel(brokerOrderID: String) throws(BrokerError) {}
        func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
            self.looks += 1
            return self.known
        }
        func replace(_ order: OrderReference, with replacement: OrderTerms) throws(BrokerError) -> OrderReport {
            throw BrokerError(.refused(code: "403"), "not now")
        }
        func openOrders() throws(BrokerError) -> [BrokerOrder] { [] }
        func positions() throws(BrokerError) -> [BrokerPosition] { [] }
        func executions(since: Timestamp) throws(BrokerError) -> [BrokerExecution] { [] }
        func checkAccount() throws(BrokerError) -> BrokerAccountCheck {
            throw BrokerError(.refused(code: "403"), "not now")
        }
        func account() throws(BrokerError) -> BrokerAccount { BrokerAccount(cash: .zero, equity: .zero) }
        func clock() throws(BrokerError) -> Timestamp {
            if let clockFailure { throw clockFailure }
            return self.time
        }
        func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] { [] }
        func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar] { [] }
        func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] { [] }
    }

    private final class Stage {
        let broker = Clockwork()
        let bus: any MessageBus
        let gate = BrokerGate(stop: StopSignal())
        /// The monotonic clock.
        let clock = Clock()
        let errors = Tally()
        private let agent: AgentName
        private let lane: BrokerLane
        private let worker: LaneWorker
        private let desk: BrokerDesk
        private var calls = 0

        final class Clock {
            var now = Duration.seconds(1)
        }

        init(
            _ agent: AgentName,
            _ lane: BrokerLane,
            marketTime: MarketTime,
            wallNow: Timestamp = Timestamp(seconds: 1_000_000),
            bus: any MessageBus = InMemoryMessageBus(store: InMemoryMessageStore())
        ) throws {
            (self.agent, self.lane, self.bus) = (agent, lane, bus)
            self.gate.open()
            self.worker = LaneWorker(
                agent: agent,
                lane: lane,
                instance: "a",
                bus: self.bus,
                stop: StopSignal(),
                readiness: ReadinessBoard(waitingFor: []),
                heartbeat: Heartbeat(),
                logger: Logger(label: "test") { [errors] _ in ErrorTally(errors) },
                claimIdle: .seconds(3600),
                breaker: BreakerSettings(),
                marketTime: marketTime,
                now: { [clock] in clock.now },
                wallNow: { wallNow },
                brokerGate: self.gate,
                makeBroker: { [broker] _ in broker }
            )
            self.desk = self.worker.makeDesk()
            try self.worker.synchronise(self.desk)
        }

        func ask(_ call: BrokerCall) throws {
            self.calls += 1
            var commit = Commit()
            let request = Speaker(self.agent).say(
                .brokerCallRequested(call),
                at: Timestamp(seconds: 0),
                about: "\(self.calls)"
            )
            commit.messages = [
                OutboundMessage(stream: self.agent.callStream(self.lane), channel: nil, body: request.encoded())
            ]
            _ = try self.bus.commit(commit)
        }

        func turn() throws { try self.worker.turn(self.desk) }

        var answers: Int64 { get throws { try self.bus.appendedCount(of: self.agent.inbox) } }

        /// Writes the order into the ledger.
        func store(_ order: Order) throws {
            let id = order.id.trade
            var trade = Trade(
                id: id,
                symbol: order.terms.symbol,
                strategy: "test",
                traceID: TraceID(seed: "", trade: id),
                signaledAt: order.intendedAt
            )
            trade.replace(order)
            var commit = Commit()
            commit.puts = [(key: Trade.key(id), body: JSONWriter.bytes(trade))]
            _ = try self.bus.commit(commit)
        }

        func halt() throws {
            let halt = TradingHalt(by: "ann", reason: "odd data", since: Timestamp(seconds: 0))
            var commit = Commit()
            commit.puts = [(key: TradingHalt.key, body: JSONWriter.bytes(halt))]
            _ = try self.bus.commit(commit)
        }

        /// As a worker does that died with a call in hand.
        func takeCallAndDie() throws {
            _ = try self.bus.receive(
                group: self.agent.rawValue,
                consumer: "a",
                streams: [self.agent.callStream(self.lane)],
                limit: 1,
                timeout: .zero
            )
        }

        func restart() throws { try self.worker.synchronise(self.desk) }

        func answer(_ call: BrokerCall) throws -> BrokerAnswer {
            try self.ask(call)
            try self.turn()
            return try self.lastAnswer()
        }

        func lastAnswer() throws -> BrokerAnswer {
            let body = try #require(try self.bus.tail(of: self.agent.inbox, limit: 1).last?.body)
            guard case .brokerCallCompleted(let answer) = try Message(decoding: body).body else {
                throw NotYet("the inbox holds something else than an answer")
            }
            return answer
        }
    }

    /// A read that is under way when the worker looks for what it owes is answered with the same entry afterwards.
    @Test func `a call that is owed and handed out at the same time is made once`() throws {
        let redis = try RedisServer()
        defer { redis.stop() }
        let stage = try Stage(
            .orderExecution,
            .protective,
            marketTime: .wall,
            bus: RedisMessageBus(endpoint: redis.endpoint)
        )
        let order = try Self.entry(at: Timestamp(seconds: 999_999))
        try stage.store(order)
        try stage.turn()
        try stage.ask(BrokerCall(.place(order.terms), lane: .protective))
        // Time for the look at what is owed.
        stage.clock.now += .seconds(3)
        for _ in 0..<3 { try stage.turn() }
        #expect(stage.broker.placed == 1)
        #expect(try stage.answers == 1)
    }

    @Test func `what is no call is set aside, and said to be`() throws {
        let stage = try Stage(.orderExecution, .entries, marketTime: .simulated)
        let calls = AgentName.orderExecution.callStream(.entries)
        var commit = Commit()
        commit.messages = [OutboundMessage(stream: calls, channel: nil, body: Array("nonsense".utf8))]
        _ = try stage.bus.commit(commit)
        try stage.turn()
        #expect(stage.errors.count == 1)
        let letter = try #require(try stage.bus.tail(of: .deadLetter, limit: 9).first)
        #expect(String(decoding: letter.body, as: UTF8.self).contains("this is no broker call"))
        let group = AgentName.orderExecution.rawValue
        #expect(try stage.bus.pending(group: group, consumer: "a", streams: [calls], limit: 9).isEmpty)
        #expect(try stage.answers == 0)
    }

    @Test func `a call whose trade cannot be read waits for it, and is looked up before it is made`() throws {
        let stage = try Stage(.orderExecution, .protective, marketTime: .simulated)
        let order = try Self.entry(at: Timestamp(seconds: 0))
        var commit = Commit()
        commit.puts = [(key: Trade.key(order.id.trade), body: Array("{}".utf8))]
        _ = try stage.bus.commit(commit)
        try stage.ask(BrokerCall(.place(order.terms), lane: .protective))
        for _ in 0..<3 {
            try stage.turn()
            stage.clock.now += .seconds(2)
        }
        #expect(try stage.answers == 0 && stage.broker.placed == 0)
        #expect(stage.errors.count == 1)
        #expect(try stage.bus.tail(of: .deadLetter, limit: 1).isEmpty)
        // No other waits for it.
        let other = try Self.entry(at: Timestamp(seconds: 60))
        try stage.store(other)
        let both = BrokerCall(.reconcile([order.id, other.id]), lane: .protective)
        let outcome = try stage.answer(both).outcome
        #expect(outcome == .orders([]), "\(outcome)")
        let looks = stage.broker.looks

        try stage.store(order)
        stage.clock.now += .seconds(2)
        try stage.turn()
        #expect(stage.broker.looks == looks + 1 && stage.broker.placed == 1)
        #expect(try stage.answers == 2)
    }

    @Test(arguments: [MarketTime.wall, .simulated])
    func `an entry is not sent once its time is over, which only a real market's clock can tell`(
        marketTime: MarketTime
    ) throws {
        let close = Timestamp(seconds: 1_000_000)
        let order = try Self.entry(at: close - .seconds(1))
        for (wallNow, isLate) in [(close - .milliseconds(1), false), (close, true)] {
            let stage = try Stage(.orderExecution, .entries, marketTime: marketTime, wallNow: wallNow)
            try stage.store(order)
            let answer = try stage.answer(BrokerCall(.place(order.terms), lane: .entries, sendBefore: close))
            let isSent = marketTime == .simulated || !isLate
            #expect(stage.broker.placed == (isSent ? 1 : 0))
            if case .unavailable = answer.outcome { #expect(!isSent) } else { #expect(isSent) }
        }
    }

    private static func entry(at time: Timestamp) throws -> Order {
        let symbol = try #require(Symbol("AAPL"))
        return Order(
            terms: OrderTerms(
                clientOrderID: ClientOrderID(
                    trade: TradeID(symbol: symbol, signaledAt: time),
                    role: .entry,
                    attempt: 1
                ),
                symbol: symbol,
                side: .buy,
                type: .limit,
                quantity: Quantity(1),
                limitPrice: Price(10),
                timeInForce: .day
            ),
            intendedAt: time
        )
    }

    @Test(arguments: [(5, 0), (6, 1)])
    func `a call that is made long after its time may have been made by another replica`(
        lateness: Int,
        looks: Int
    ) throws {
        let stage = try Stage(.orderExecution, .entries, marketTime: .simulated)
        let order = try Self.entry(at: Timestamp(seconds: 0))
        try stage.store(order)
        try stage.ask(BrokerCall(.place(order.terms), lane: .entries, delaySeconds: 1))
        try stage.turn()
        #expect(stage.broker.placed == 0)
        stage.clock.now += .seconds(1 + lateness)
        try stage.turn()
        #expect(stage.broker.looks == looks)
        #expect(stage.broker.placed == 1)
        #expect(try stage.answers == 1)
    }

    @Test func `a breaker's change is told even if the first commit that has it fails`() throws {
        let bus = InMemoryMessageBus(store: InMemoryMessageStore())
        let stage = try Stage(.orderExecution, .entries, marketTime: .simulated, bus: bus)
        let order = try Self.entry(at: Timestamp(seconds: 0))
        try stage.store(order)
        stage.broker.failure = BrokerError(.unknownOutcome, "timed out")
        let call = BrokerCall(.place(order.terms), lane: .entries)
        for _ in 0..<2 { _ = try stage.answer(call) }
        try stage.ask(call)
        bus.installation = "another"
        #expect(throws: MessageBusError.self) { try stage.turn() }
        bus.installation = nil
        #expect(try stage.bus.appendedCount(of: EventName.breakerStateChanged.stream) == 0)
        stage.clock.now += .seconds(2)
        try stage.turn()
        #expect(try stage.answers == 3)
        #expect(try stage.bus.appendedCount(of: EventName.breakerStateChanged.stream) == 1)
        try stage.ask(call)
        try stage.turn()
        #expect(try stage.bus.appendedCount(of: EventName.breakerStateChanged.stream) == 1, "once")
    }

    @Test func `each call asks whether the broker may be called, and waits its time while it may not`() throws {
        let stage = try Stage(.orderExecution, .protective, marketTime: .simulated)
        let order = try Self.entry(at: Timestamp(seconds: 0))
        try stage.store(order)
        let call = BrokerCall(.find(order.id), lane: .protective)
        stage.gate.openForProtection()
        #expect(try stage.answer(call).outcome == .notFound)
        stage.gate.close()
        try stage.ask(call)
        for _ in 0..<2 {
            try stage.turn()
            stage.clock.now += .seconds(2)
        }
        #expect(stage.broker.looks == 1)
        #expect(try stage.answers == 1)
        stage.gate.openForProtection()
        try stage.turn()
        #expect(stage.broker.looks == 2)
        #expect(try stage.answers == 2)
    }

    @Test func `while trading is halted no entry is sent, and stops and exits are`() throws {
        let stage = try Stage(.orderExecution, .entries, marketTime: .simulated)
        let order = try Self.entry(at: Timestamp(seconds: 0))
        try stage.store(order)
        let call = BrokerCall(.place(order.terms), lane: .entries)
        try stage.halt()
        guard case .unavailable(let reason) = try stage.answer(call).outcome else {
            Issue.record("an entry was not answered as certainly not sent")
            return
        }
        #expect(reason.contains("halted by ann") && reason.contains("odd data"))
        #expect(stage.broker.placed == 0 && stage.broker.looks == 0)
        var stop = order
        stop.terms.clientOrderID = ClientOrderID(trade: order.id.trade, role: .stop, attempt: 1)
        try stage.store(stop)
        guard case .unavailable = try stage.answer(BrokerCall(.place(stop.terms), lane: .entries)).outcome else {
            Issue.record("a purchase was sent because it is called a stop")
            return
        }
        #expect(stage.broker.placed == 0)
        stop.terms.side = .sell
        let sale = BrokerCall(.place(stop.terms), lane: .entries)
        #expect(!sale.isEntry)
        try stage.store(stop)
        _ = try stage.answer(sale)
        #expect(stage.broker.placed == 1)
    }

    @Test(arguments: [true, false])
    func `an entry that may have been sent before a halt is looked up and never sent`(isThere: Bool) throws {
        let stage = try Stage(.orderExecution, .entries, marketTime: .simulated)
        let order = try Self.entry(at: Timestamp(seconds: 0))
        try stage.store(order)
        try stage.ask(BrokerCall(.place(order.terms), lane: .entries))
        try stage.takeCallAndDie()
        try stage.halt()
        let report = OrderReport(
            clientOrderID: order.id,
            brokerOrderID: "b",
            event: .accepted,
            filledQuantity: .zero,
            averagePrice: nil,
            submittedAt: Timestamp(seconds: 0),
            timestamp: Timestamp(seconds: 0)
        )
        if isThere { stage.broker.known = report }
        try stage.restart()
        #expect(stage.broker.looks == 1)
        #expect(stage.broker.placed == 0)
        switch try stage.lastAnswer().outcome {
        case .orders(let reports): #expect(isThere && reports == [report])
        case .unknown: #expect(!isThere)
        default: Issue.record("\(try stage.lastAnswer().outcome)")
        }
    }

    @Test func `the journal has every call, and apart those that belong to no one trade`() throws {
        let stage = try Stage(.marketData, .marketData, marketTime: .simulated)
        func entries(_ stream: StreamName) throws -> [JournalEntry] {
            try stage.bus.tail(of: stream, limit: 10).map { try JournalEntry(json: try JSONValue(parsing: $0.body)) }
        }
        _ = try stage.answer(BrokerCall(.clock, lane: .marketData))
        #expect(try entries(.journal).isEmpty)
        let call = try #require(try entries(.callJournal).first)
        #expect(call.source == "market-data-agent" && call.instance == "a")
        #expect(call.spans.map(\.name) == ["broker_api.get_clock", "send broker.call.completed"])
        #expect(call.spans.first?.attributes["broker.outcome"] == .text("answered"))
        #expect(call.messages.isEmpty)
        // What has failed concerns everybody.
        stage.broker.clockFailure = BrokerError(.refused(code: "500"), "no clock")
        _ = try stage.answer(BrokerCall(.clock, lane: .marketData))
        let failed = try #require(try entries(.callJournal).last)
        #expect(failed.spans.first?.failure?.contains("no clock") == true)
        #expect(try entries(.journal).count == 1)
    }

    @Test func `the machine's clock is held against the broker's in a real market`() throws {
        for (marketTime, skew) in [(MarketTime.wall, 2500), (.simulated, nil as Int?)] {
            let stage = try Stage(
                .marketData,
                .marketData,
                marketTime: marketTime,
                wallNow: Timestamp(seconds: 1_000_000) + .milliseconds(2500)
            )
            #expect(try stage.answer(BrokerCall(.clock, lane: .marketData)).clockSkew == skew)
        }
    }
}
