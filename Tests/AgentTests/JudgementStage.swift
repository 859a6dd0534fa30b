import Testing
import TradingCore

/// A ledger for one judgement: reads what it asks for, applies what it decides, and keeps what it says.
final class JudgementStage {
    private var judgement: any Judgement
    private var documents: [DocumentKey: StoredDocument] = [:]
    private(set) var histories: [DocumentKey: [Transition]] = [:]

    init(_ judgement: any Judgement) {
        self.judgement = judgement
    }

    /// Another replica is asked from now on; returns the one that was.
    @discardableResult
    func exchange(for replica: any Judgement) -> any Judgement {
        defer { self.judgement = replica }
        return self.judgement
    }

    func put(_ key: DocumentKey, _ value: some JSONEncodable, state: String = "") {
        self.documents[key] = StoredDocument(version: 1, state: state, body: JSONWriter.bytes(value))
    }

    func put(_ quote: Quote) {
        let message = Speaker(.marketData).say(.quoteUpdated(quote), at: quote.timestamp, about: "quote")
        self.documents[Quote.key(quote.symbol)] = StoredDocument(version: 1, state: "", body: message.encoded())
    }

    func put(_ trade: Trade) { self.put(Trade.key(trade.id), trade, state: trade.state.rawValue) }

    /// The ledger has been held against the broker, and both agree.
    func putCompared() {
        let body = Array(
            #"{"polls_since":0,"question":{"asking":false,"wanted_again":false,"polled":false,"polls_waited":0},"#.utf8
        )
        self.documents[DocumentKey(rawValue: "holdings-watch")] = StoredDocument(
            version: 1,
            state: "",
            body: body + Array(#""pending":false,"suspicions":[]}"#.utf8)
        )
    }

    /// What keeps the agent from being ready.
    func obstacle() throws -> String? {
        var read = Documents()
        for key in self.judgement.readinessReads { read.insert(self.documents[key], for: key) }
        return try self.judgement.obstacle(given: read)
    }

    func trade(_ id: TradeID) throws -> Trade {
        try Trade(json: try JSONValue(parsing: try #require(self.documents[Trade.key(id)]).body))
    }

    func account() throws -> Account {
        try Account(json: try JSONValue(parsing: try #require(self.documents[Account.key]).body))
    }

    func clock() throws -> MarketClock {
        try MarketClock(json: try JSONValue(parsing: try #require(self.documents[MarketClock.key]).body))
    }

    /// Decides and applies; throws what the judgement throws.
    @discardableResult
    func judge(_ input: Input) throws -> Decision {
        var read = Documents()
        for _ in 0..<4 {
            let keys = try self.judgement.reads(for: input, given: read).filter { !read.hasRead($0) }
            if keys.isEmpty { break }
            for key in keys { read.insert(self.documents[key], for: key) }
            self.checkAccess(reading: keys)
        }
        let decision = try self.judgement.decide(input, given: read)
        for change in decision.changes {
            #expect(change.expectedVersion == self.documents[change.key]?.version ?? 0)
            self.documents[change.key] = StoredDocument(
                version: change.expectedVersion + 1,
                state: change.state,
                body: change.body
            )
            self.histories[change.key, default: []] += change.history
        }
        for (key, body) in decision.puts {
            self.documents[key] = StoredDocument(version: 1, state: "", body: body)
        }
        for key in decision.deletes { self.documents[key] = nil }
        self.checkAccess(decision)
        return decision
    }

    /// Redis refuses an agent what it is not said to do.
    private func checkAccess(reading keys: [DocumentKey]) {
        let agent = self.judgement.agent
        let families = agent.readDocuments + agent.writtenDocuments
        for key in keys {
            #expect(families.contains { $0.contains(key) }, "\(agent) is not said to read \(key)")
        }
    }

    private func checkAccess(_ decision: Decision) {
        let agent = self.judgement.agent
        for key in decision.changes.map(\.key) + decision.puts.map(\.key) {
            #expect(agent.writtenDocuments.contains { $0.contains(key) }, "\(agent) is not said to write \(key)")
        }
        for key in decision.deletes {
            #expect(agent.deletedDocuments.contains { $0.contains(key) }, "\(agent) is not said to delete \(key)")
        }
        for event in Set((decision.messages + decision.quotes).map(\.event)) where event != .brokerCallRequested {
            #expect(agent.publications.contains(event), "\(agent) is not said to say \(event.rawValue)")
        }
        for call in decision.calls { #expect(agent.lanes.contains(call.lane), "\(agent) has no lane for \(call)") }
        #expect(decision.additions.isEmpty || agent.beginsTrades)
    }
}

extension Decision {
    var events: [EventName] { self.messages.map(\.event).filter { !$0.isPrivate } }

    var calls: [BrokerCall] {
        self.messages.compactMap {
            guard case .brokerCallRequested(let call) = $0.body else { return nil }
            return call
        }
    }
}

/// A trade at whatever point of its life a test needs.
enum Sample {
    static let now = Timestamp(seconds: 1_233_954_000)

    static func symbol() throws -> Symbol { try #require(Symbol("MSFT")) }
    static func id() throws -> TradeID { TradeID(symbol: try Self.symbol(), signaledAt: Self.now) }

    static func plan() throws -> EntryPlan {
        EntryPlan(
            entryPrice: try #require(Price("19.66")),
            stopPrice: try #require(Price("18.67")),
            targetPrice: try #require(Price("22.60")),
            session: .next
        )
    }

    /// The market at `now`, which is the close of a session.
    static func clock(isOpen: Bool = false) -> MarketClock {
        var clock = MarketClock(since: Self.now)
        clock.isOpen = isOpen
        return clock
    }

    static func trade(_ state: TradeState) throws -> Trade {
        var trade = Trade(
            id: try Self.id(),
            symbol: try Self.symbol(),
            strategy: "test",
            traceID: TraceID(seed: "", trade: try Self.id()),
            signaledAt: Self.now
        )
        trade.plan = try Self.plan()
        trade.quantity = Quantity(50)
        var walk: [(TradeState, TradeTrigger)] = [
            (.setupDetected, .candidateFound), (.entryApproved, .tradeApproved), (.orderPlaced, .orderSubmitted),
            (.filled, .orderFilled), (.holding, .stopSet), (.exitTriggered, .targetHit),
            (.orderClosing, .orderSubmitted), (.closed, .orderFilled),
        ]
        if state == .cancelled { walk[3...] = [(.cancelled, .orderCancelled)] }
        for (next, trigger) in walk {
            if trade.state == state { break }
            _ = try trade.transition(to: next, on: trigger, at: Self.now, message: MessageID(derivedFrom: "test"))
        }
        #expect(trade.state == state)
        return trade
    }

    static func order(
        _ role: OrderRole,
        _ trade: Trade,
        state: OrderState,
        quantity: Int = 50,
        filled: Int = 0,
        price: String = "19.66"
    ) throws -> Order {
        var order = Order(
            terms: OrderTerms(
                clientOrderID: trade.nextID(role),
                symbol: trade.symbol,
                side: role == .entry ? .buy : .sell,
                type: role == .entry ? .limit : role == .stop ? .stop : .market,
                quantity: Quantity(quantity),
                limitPrice: role == .entry ? Price("19.66") : nil,
                stopPrice: role == .stop ? Price("18.67") : nil,
                timeInForce: role == .stop ? .goodTillCancelled : .day
            ),
            intendedAt: Self.now,
            state: state
        )
        order.filledQuantity = Quantity(filled)
        order.filledValue = try #require(Price(price)).times(Quantity(filled))
        if filled > 0 { order.filledAt = Self.now }
        order.submittedAt = Self.now
        return order
    }

    static func account(reserving trade: Trade? = nil, cash: Int = 10_000) throws -> Account {
        var account = Account(cash: Money(cash))
        if let trade {
            account.reserve(try Self.plan().entryPrice.times(Quantity(50)), for: trade.id, symbol: trade.symbol)
        }
        return account
    }

    static func message(_ body: MessageBody, _ trade: Trade, at time: Timestamp = now) -> Input {
        .message(Speaker(.strategy).say(body, trade: trade, at: time))
    }

    static func report(
        _ id: ClientOrderID,
        _ event: OrderEvent,
        filled: Int = 0,
        price: String? = nil,
        at time: Timestamp = now
    ) -> OrderReport {
        OrderReport(
            clientOrderID: id,
            brokerOrderID: "b-\(id)",
            event: event,
            filledQuantity: Quantity(filled),
            averagePrice: price.flatMap { Price($0) },
            submittedAt: Self.now,
            timestamp: time
        )
    }

    static func holdings(of trade: Trade, shares: Int) -> BrokerAnswer.Outcome {
        let position = BrokerPosition(symbol: trade.symbol, quantity: Quantity(shares))
        return .holdings(BrokerHoldings(positions: shares == 0 ? [] : [position], openOrders: [], executions: []))
    }

    /// What the broker says it holds, when it is asked for the sake of one trade.
    static func holds(_ shares: Int, of trade: Trade) -> Input {
        Self.answer(.holdings(since: nil), Self.holdings(of: trade, shares: shares), trade)
    }

    static func answer(
        _ operation: BrokerCall.Operation,
        _ outcome: BrokerAnswer.Outcome,
        _ trade: Trade,
        attempt: Int = 1,
        misses: Int = 0
    ) -> Input {
        var call = BrokerCall(operation, lane: .protective, attempt: attempt)
        call.misses = misses
        return Self.message(.brokerCallCompleted(BrokerAnswer(call, outcome)), trade)
    }

    /// As a lane answers a request.
    static func answer(to request: Message, _ outcome: BrokerAnswer.Outcome) -> Input {
        guard case .brokerCallRequested(let call) = request.body else { return .poll }
        var message = request
        message.body = .brokerCallCompleted(BrokerAnswer(call, outcome))
        message.id = MessageID(derivedFrom: "completed", request.id.rawValue)
        return .message(message)
    }
}
