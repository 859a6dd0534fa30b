import Glibc
import MessageBus
import TestSupport
import Testing
import TradingCore

/// A trade that Risk has approved and whose approval OrderExecution has not heard of.
struct ApprovedTrade {
    static let reservedCash = Money(500)
    private(set) var trade: Trade
    private var history: [Transition] = []

    init(at time: Timestamp) throws {
        let symbol = try #require(Symbol("STALE"))
        self.trade = Trade(
            id: TradeID(symbol: symbol, signaledAt: time),
            symbol: symbol,
            strategy: "ma-rsi-volume",
            traceID: TraceID(seed: "test", trade: TradeID(symbol: symbol, signaledAt: time)),
            signaledAt: time
        )
        self.trade.plan = EntryPlan(
            entryPrice: Price(100),
            stopPrice: Price(95),
            targetPrice: Price(115),
            session: .next
        )
        self.trade.quantity = Quantity(5)
        for (state, trigger) in [
            (TradeState.setupDetected, TradeTrigger.candidateFound), (.entryApproved, .tradeApproved),
        ] {
            let id = MessageID(derivedFrom: "test", state.rawValue)
            self.history.append(try self.trade.transition(to: state, on: trigger, at: time, message: id))
        }
    }

    /// With the cash it reserves, as Risk writes both.
    func commit(account: Versioned<Account>) -> Commit {
        var account = account
        account.value.reserve(Self.reservedCash, for: self.trade.id, symbol: self.trade.symbol)
        var decision = Decision()
        decision.write(Versioned(new: Trade.key(self.trade.id), value: self.trade), history: self.history)
        decision.write(account)
        var commit = Commit()
        commit.writes = decision.changes.map { DocumentWrite($0) }
        commit.additions = decision.additions
        return commit
    }

    var staleFill: Message {
        get throws {
            var order = Order(
                terms: OrderTerms(
                    clientOrderID: self.trade.nextID(.entry),
                    symbol: self.trade.symbol,
                    side: .buy,
                    type: .limit,
                    quantity: self.trade.quantity,
                    limitPrice: Price(100),
                    timeInForce: .day
                ),
                intendedAt: self.trade.signaledAt,
                state: .filled
            )
            order.filledQuantity = self.trade.quantity
            order.filledValue = try Price(100).times(self.trade.quantity)
            order.filledAt = self.trade.signaledAt
            return Speaker(.orderExecution).say(
                .orderFilled(OrderNotice(order: order)),
                trade: self.trade,
                at: self.trade.signaledAt
            )
        }
    }
}

/// A ledger as anybody may read it who can reach its Redis.
private struct LedgerReader {
    let bus: RedisMessageBus

    init(_ run: ReplayRunner) async throws {
        self.bus = RedisMessageBus(endpoint: try RedisEndpoint(url: try await run.address(of: "redis")))
    }

    func documents(_ keys: [DocumentKey]) throws -> Documents {
        var documents = Documents()
        for (key, document) in zip(keys, try self.bus.load(keys)) { documents.insert(document, for: key) }
        return documents
    }

    func trade(_ id: TradeID) throws -> Trade { try self.documents([Trade.key(id)]).trade(id).value }
}

/// A replay that goes no further, because the strategy's process is stopped and has not taken in what it was told.
final class HeldReplay {
    private let run: ReplayRunner
    private let ledger: LedgerReader

    init(_ run: ReplayRunner, afterTick tick: Int) async throws {
        self.run = run
        try await run.reaches(ticks: tick)
        self.ledger = try await LedgerReader(run)
        try await self.hold()
    }

    deinit { self.release() }

    private func hold() async throws {
        let pid = try await awaited("strategy-agent.pid") { self.run.pid(of: AgentName.strategy.rawValue) }
        try await stop(process: pid)
        let streams = AgentName.strategy.inputStreams.map { (stream: $0, group: AgentName.strategy.rawValue) }
        _ = try await awaited("something that the strategy has to take in") {
            guard case .busy(let what) = try self.ledger.bus.quiescence(of: streams) else { return nil as Bool? }
            return what.contains("group \(AgentName.strategy)") ? true : nil
        }
        try await self.awaitOthers()
    }

    func release() {
        if let pid = self.run.pid(of: AgentName.strategy.rawValue) { kill(pid, SIGCONT) }
    }

    /// Waits until everybody but the strategy has done what there is to do.
    func awaitOthers() async throws {
        let groups = AgentName.allCases.filter { $0 != .strategy }.flatMap { agent in
            agent.allStreams.map { (stream: $0, group: agent.rawValue) }
        }
        _ = try await awaited("the other agents to have done their work") {
            try self.ledger.bus.quiescence(of: groups) == .settled ? true : nil
        }
    }

    /// Lets the replay go on until it is held after a close while a position is open.
    func untilClosedWithPosition() async throws -> (Trade, closedAt: Timestamp) {
        let (trade, clock) = try await self.until("after a close with a position open") { trade, clock in
            clock.isOpen == false && trade.state == .holding
        }
        return (trade, clock.lastBoundary)
    }

    /// Lets the replay go on until it is held while an open trade and the market are as wanted.
    func until(
        _ what: String,
        _ isWanted: (Trade, MarketClock) -> Bool
    ) async throws -> (Trade, MarketClock) {
        for _ in 0..<200 {
            let documents = try self.ledger.documents([Account.key, MarketClock.key])
            if let clock: Versioned<MarketClock> = try documents.find(MarketClock.key) {
                for id in try documents.account().value.openTrades.keys.sorted() {
                    let trade = try self.trade(id)
                    if isWanted(trade, clock.value) { return (trade, clock.value) }
                }
            }
            let ticks = self.run.ticks ?? 0
            self.release()
            try await self.run.reaches(ticks: ticks + 1)
            try await self.hold()
        }
        throw TestFailure("The replay was never held \(what).")
    }

    func trade(_ id: TradeID) throws -> Trade { try self.ledger.trade(id) }
    func account() throws -> Account { try self.ledger.documents([Account.key]).account().value }

    func approveTrade() throws -> ApprovedTrade {
        let documents = try self.ledger.documents([Account.key, MarketClock.key])
        let clock: Versioned<MarketClock> = try #require(try documents.find(MarketClock.key))
        let trade = try ApprovedTrade(at: clock.value.lastBoundary)
        #expect(try self.ledger.bus.commit(trade.commit(account: try documents.account())) == .committed)
        return trade
    }

    /// Appends an event to its stream, as anybody can who may write to it.
    func say(_ message: Message) throws {
        var commit = Commit()
        commit.messages = [
            OutboundMessage(stream: message.event.stream, channel: message.event.rawValue, body: message.encoded())
        ]
        _ = try self.ledger.bus.commit(commit)
    }

    func quote(_ symbol: Symbol, _ price: Price, at time: Timestamp) throws {
        let quote = Quote(symbol: symbol, bid: price, ask: price, timestamp: time)
        let message = Speaker(.marketData).say(.quoteUpdated(quote), at: time, about: "\(symbol) \(time)")
        #expect(
            try self.ledger.bus.publishQuote(
                key: Quote.key(symbol),
                version: time.microseconds,
                body: message.encoded(),
                channel: EventName.quoteUpdated.rawValue
            )
        )
    }

    /// The rules of Risk's last hundred refusals.
    func refusals() throws -> [RiskRule] {
        try self.ledger.bus.tail(of: EventName.tradeRejected.stream, limit: 100).compactMap { entry in
            guard case .tradeRejected(let breach) = try Message(decoding: entry.body).body else { return nil }
            return breach.refusal.rule
        }
    }

    func notices(_ event: EventName) throws -> [OrderNotice] {
        try self.ledger.bus.tail(of: event.stream, limit: 100).compactMap { entry in
            guard case .orderCancelled(let notice) = try Message(decoding: entry.body).body else { return nil }
            return notice
        }
    }
}
