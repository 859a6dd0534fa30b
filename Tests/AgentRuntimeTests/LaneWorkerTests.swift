import AgentRuntime
import Brokerage
import Logging
import MessageBus
import Testing
import TradingCore

/// A lane in a real market, whose time is the wall clock's.
@Suite struct LaneWorkerTests {
    /// Says what time it is, and counts what it is asked for.
    private final class Clockwork: Broker {
        let recognisesRepeatedOrders = true
        var time = Timestamp(seconds: 1_000_000)
        var placed = 0

        func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
            self.placed += 1
            throw BrokerError(.refused(code: "403"), "not now")
        }
        func requestCancel(brokerOrderID: String) throws(BrokerError) {}
        func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? { nil }
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
        func clock() throws(BrokerError) -> Timestamp { self.time }
        func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] { [] }
        func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar] { [] }
        func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] { [] }
    }

    private final class Stage {
        let broker = Clockwork()
        let bus = InMemoryMessageBus(store: InMemoryMessageStore())
        private let agent: AgentName
        private let lane: BrokerLane
        private let worker: LaneWorker
        private let desk: BrokerDesk

        init(_ agent: AgentName, _ lane: BrokerLane, marketTime: MarketTime, wallNow: Timestamp) throws {
            (self.agent, self.lane) = (agent, lane)
            self.worker = LaneWorker(
                agent: agent,
                lane: lane,
                instance: "a",
                bus: self.bus,
                stop: StopSignal(),
                readiness: ReadinessBoard(waitingFor: []),
                heartbeat: Heartbeat(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                claimIdle: .seconds(3600),
                breaker: BreakerSettings(),
                marketTime: marketTime,
                wallNow: { wallNow },
                makeBroker: { [broker] _ in broker }
            )
            self.desk = self.worker.makeDesk()
            try self.worker.synchronise(self.desk)
        }

        func answer(_ call: BrokerCall) throws -> BrokerAnswer {
            var commit = Commit()
            let request = Speaker(self.agent).say(.brokerCallRequested(call), at: Timestamp(seconds: 0), about: "1")
            commit.messages = [
                OutboundMessage(stream: self.agent.callStream(self.lane), channel: nil, body: request.encoded())
            ]
            _ = try self.bus.commit(commit)
            try self.worker.turn(self.desk)
            let body = try #require(try self.bus.tail(of: self.agent.inbox, limit: 1).last?.body)
            guard case .brokerCallCompleted(let answer) = try Message(decoding: body).body else {
                throw NotYet("the inbox holds something else than an answer")
            }
            return answer
        }
    }

    @Test(arguments: [MarketTime.wall, .simulated])
    func `an entry is not sent once its time is over, which only a real market's clock can tell`(
        marketTime: MarketTime
    ) throws {
        let symbol = try #require(Symbol("AAPL"))
        let close = Timestamp(seconds: 1_000_000)
        let order = Order(
            terms: OrderTerms(
                clientOrderID: ClientOrderID(
                    trade: TradeID(symbol: symbol, signaledAt: close - .seconds(1)),
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
            intendedAt: close - .seconds(1)
        )
        for (wallNow, isLate) in [(close - .milliseconds(1), false), (close, true)] {
            let stage = try Stage(.orderExecution, .entries, marketTime: marketTime, wallNow: wallNow)
            let id = order.id.trade
            var trade = Trade(
                id: id,
                symbol: symbol,
                strategy: "test",
                traceID: TraceID(seed: "", trade: id),
                signaledAt: close
            )
            trade.replace(order)
            var commit = Commit()
            commit.puts = [(key: Trade.key(id), body: JSONWriter.bytes(trade))]
            _ = try stage.bus.commit(commit)
            let answer = try stage.answer(BrokerCall(.place(order.terms), lane: .entries, sendBefore: close))
            let isSent = marketTime == .simulated || !isLate
            #expect(stage.broker.placed == (isSent ? 1 : 0))
            if case .unavailable = answer.outcome { #expect(!isSent) } else { #expect(isSent) }
        }
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
