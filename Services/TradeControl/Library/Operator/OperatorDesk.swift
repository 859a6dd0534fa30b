import AgentRuntime
package import MessageBus
package import TradingCore

/// The agents' ledger as an operator's command finds it. Belongs to one thread and blocks it.
package final class OperatorDesk {
    package let bus: RedisMessageBus
    package let endpoint: RedisEndpoint
    package let namespace: String

    /// How the operator signs messages.
    private static let source = "tradectl"

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
            throw CommandFailure(.failed, "The ledger's document \(key.rawValue) cannot be read: \(error)")
        }
    }

    /// Nil if the ledger has no such trade.
    package func trade(_ id: TradeID) throws -> Trade? {
        try self.value(Trade.key(id))
    }

    /// - Throws: `CommandFailure` if the ledger has no such trade.
    func existingTrade(_ id: TradeID) throws -> Trade {
        guard let trade = try self.trade(id) else {
            throw CommandFailure(.notFound, "The ledger has no trade \(id). `tradectl trades` lists them.")
        }
        return trade
    }

    package func account() throws -> Account? {
        try self.value(Account.key)
    }

    package func marketClock() throws -> MarketClock? {
        try self.value(MarketClock.key)
    }

    /// Every trade there ever was, the newest signal first.
    package func trades() throws -> [Trade] {
        var ids = try self.bus.members(of: Decision.tradesSet).compactMap { TradeID($0) }[...]
        var trades: [Trade] = []
        while !ids.isEmpty {
            trades += try self.trades(Array(ids.prefix(200)))
            ids = ids.dropFirst(200)
        }
        return trades.sorted { ($1.signaledAt, $0.id) < ($0.signaledAt, $1.id) }
    }

    /// What the account has open, in the order of its ids.
    package func openTrades() throws -> [Trade] {
        try self.trades(try self.account()?.openTrades.keys.sorted() ?? [])
    }

    private func trades(_ ids: [TradeID]) throws -> [Trade] {
        let documents = try self.documents(ids.map(Trade.key))
        return try ids.compactMap { try Self.value(Trade.key($0), in: documents) }
    }

    package func quotes(of symbols: some Sequence<Symbol>) throws -> [Symbol: Quote] {
        let symbols = Set(symbols).sorted()
        let documents = try self.documents(symbols.map(Quote.key))
        return try symbols.reduce(into: [:]) { $0[$1] = try documents.quote($1) }
    }

    /// The newest market time that the agents have told of; the wall clock's where they have told of none.
    func marketTime() throws -> Timestamp {
        let quotes = try self.bus.quotes().compactMap { try? Message(decoding: $0.document.body).timestamp }
        return ([try self.marketClock()?.lastBoundary].compactMap(\.self) + quotes).max() ?? WallClock.now()
    }

    // MARK: Speaking

    /// A message of the operator's. Said twice, it is two messages.
    func message(_ body: MessageBody, trade: Trade? = nil) throws -> Message {
        let about = "\(Self.source) \(WallClock.now().nanoseconds)"
        let time = try self.marketTime()
        // The agent of that name only lends its voice.
        let speaker = Speaker(.strategy)
        var message =
            trade.map { speaker.say(body, trade: $0, at: time, about: about) }
            ?? speaker.say(body, at: time, about: about)
        message.source = Self.source
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
            by: Self.source,
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
