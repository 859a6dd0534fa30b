package import AgentRuntime
package import MessageBus
package import TradingCore

/// The agents' ledger as an operator's command finds it. Belongs to one thread and blocks it.
package final class OperatorDesk {
    package let bus: RedisMessageBus
    package let endpoint: RedisEndpoint
    package let namespace: String

    /// - Throws: `CommandFailure` if there is no ledger, `MessageBusError` if Redis does not answer.
    package init(endpoint: RedisEndpoint, namespace: String) throws {
        self.endpoint = endpoint
        self.namespace = namespace
        self.bus = RedisMessageBus(endpoint: endpoint, namespace: namespace)
        guard let installation = try self.bus.load([.installation]).first.flatMap({ $0 }) else {
            throw CommandFailure(
                .notFound,
                "There is no ledger in the namespace \(namespace) of \(endpoint): no agent has run there yet. Check "
                    + "REDIS_URL (redis.url) and QUINTET_NAMESPACE (quintet.namespace)."
            )
        }
        if let fault = installation.fault {
            throw CommandFailure(.failed, "The ledger has lost its identity: \(fault).")
        }
        self.bus.installation = String(decoding: installation.body, as: UTF8.self)
    }

    /// The ledger that the agents' own settings lead to.
    package convenience init() throws {
        try self.init(try RedisPlace(try Settings()))
    }

    convenience init(_ place: RedisPlace) throws {
        try self.init(endpoint: place.endpoint, namespace: place.namespace)
    }

    // MARK: Reading

    package func documents(_ keys: [DocumentKey]) throws -> Documents {
        try self.bus.documents(keys)
    }

    /// Nil if there is no such document.
    private func value<Value: JSONDecodable & Sendable>(_ key: DocumentKey) throws -> Value? {
        try Self.value(key, in: try self.documents([key]))
    }

    private static func value<Value: JSONDecodable & Sendable>(_ key: DocumentKey, in documents: Documents) throws
        -> Value?
    {
        do {
            return try documents.find(key, as: Value.self)?.value
        } catch {
            throw CommandFailure(.failed, "The ledger's document \(key.rawValue) cannot be read: \(error).")
        }
    }

    /// Nil if the ledger has no such trade.
    package func trade(_ id: TradeID) throws -> Trade? {
        try self.value(Trade.key(id))
    }

    /// - Throws: `CommandFailure` if the ledger has no such trade, or it cannot be read.
    func existingTrade(_ id: TradeID) throws -> Trade {
        do {
            if let trade = try self.trade(id) { return trade }
        } catch let failure as CommandFailure {
            let journal = "`tradectl journal export --trade \(id)` has it as each commit left it."
            throw CommandFailure(failure.code, "\(failure) \(journal)")
        }
        throw CommandFailure(.notFound, "The ledger has no trade \(id). `tradectl trades` lists them.")
    }

    package func account() throws -> Account? {
        try self.value(Account.key)
    }

    package func marketClock() throws -> MarketClock? {
        try self.value(MarketClock.key)
    }

    /// Every trade there ever was.
    package func trades() throws -> StoredTrades {
        try StoredTrades(try self.bus.members(of: Decision.tradesSet).compactMap { TradeID($0) }, on: self.bus)
    }

    /// What the account has open, in the order of the ids.
    package func openTrades() throws -> StoredTrades { try self.openTrades(in: try self.account()) }

    func openTrades(in account: Account?) throws -> StoredTrades {
        try account.map { try StoredTrades(openIn: $0, on: self.bus) } ?? StoredTrades()
    }

    /// The account keeps symbol and cash of an entry that was given up until it is certain that nothing comes of it: its
    /// request may have been under way, or the broker did not have it for a minute.
    func mayTurnUp(_ trade: Trade) throws -> Bool {
        try trade.state == .cancelled && self.account()?.openTrades[trade.id] != nil
    }

    /// One that cannot be read counts as none.
    package func quotes(of symbols: some Sequence<Symbol>) throws -> [Symbol: Quote] {
        let symbols = Set(symbols).sorted()
        let documents = try self.documents(symbols.map(Quote.key))
        return symbols.reduce(into: [:]) { $0[$1] = try? documents.quote($1) }
    }

    /// When the trade took its newest step, in market time. Nil if that cannot be read.
    private func lastStep(of trade: Trade) throws -> Timestamp? {
        guard let entry = try self.bus.history(of: Trade.key(trade.id)).last else { return nil }
        return (try? JSONValue(parsing: entry)).flatMap { try? Transition(json: $0) }?.timestamp
    }

    /// The newest market time that the agents have told of; the wall clock's where they have told of none that can be
    /// read.
    func marketTime() throws -> Timestamp {
        let quotes = try self.bus.quotes().compactMap { try? Message(decoding: $0.document.body).timestamp }
        let clock = try? self.documents([MarketClock.key]).find(MarketClock.key, as: MarketClock.self)?.value
        return ([clock?.lastBoundary].compactMap(\.self) + quotes).max() ?? WallClock.now()
    }

    // MARK: Speaking

    /// A message of the operator's. Said twice, it is two messages.
    func message(_ body: MessageBody, trade: Trade? = nil) throws -> Message {
        let about = "\(Message.operatorSource) \(WallClock.now().nanoseconds)"
        let time = try max(self.marketTime(), trade.flatMap(self.lastStep) ?? Timestamp(seconds: 0))
        // The agent of that name only lends its voice.
        let speaker = Speaker(.strategy)
        var message =
            trade.map { speaker.say(body, trade: $0, at: time, about: about) }
            ?? speaker.say(body, at: time, about: about)
        message.source = Message.operatorSource
        return message
    }

    /// An event as everybody hears it, or a request as the agent it is for does.
    package func event(_ body: MessageBody, trade: Trade? = nil) throws -> OutboundMessage {
        OutboundMessage(try self.message(body, trade: trade))
    }

    func send(_ messages: OutboundMessage...) throws {
        var commit = Commit()
        commit.messages = messages
        _ = try self.commit(commit)
    }

    /// All or nothing, and with what the journal is to know of it.
    func commit(_ commit: Commit) throws -> CommitOutcome {
        var commit = commit
        let entry = JournalEntry(
            commit,
            by: Message.operatorSource,
            instance: OperatorName.current(),
            at: WallClock.now()
        )
        commit.messages.append(entry.message(on: .journal))
        return try self.bus.commit(commit)
    }
}

/// Where the agents' settings say that Redis is, and the namespace in it.
struct RedisPlace {
    let endpoint: RedisEndpoint
    let namespace: String

    init(_ settings: Settings) throws {
        let common = try CommonSettings(settings, agent: "tradectl", defaultHTTPPort: 0)
        self.endpoint = common.redis
        self.namespace = common.namespace
    }
}
