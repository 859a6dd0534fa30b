import MessageBus
import TestSupport
import Testing
import TradingCore

/// Who may do what, asked of a server that was given the access list. What is expected is written out here by the names on
/// the wire, so that no mistake of the table behind the list is repeated.
@Suite struct RedisAccessListTests {
    private static let agents = [
        "market-data-agent", "strategy-agent", "risk-management-agent", "order-execution-agent",
        "position-management-agent",
    ]
    private static let users = agents + ["tradectl", "broker-simulator", "health"]

    /// Who may append to a stream; to any other, nobody.
    private static let writers: [String: Set<String>] = {
        let (market, strategy, risk) = (agents[0], agents[1], agents[2])
        let (orders, positions, tool) = (agents[3], agents[4], "tradectl")
        var writers: [String: Set<String>] = [
            "market_data.quote.requested": [tool], "market_data.bars.requested": [tool],
            "market_data.status.requested": [tool], "market_data.quote.updated": [],
            "market_data.bars.received": [market], "market_data.market.status": [market],
            "strategy.scan.started": [strategy], "strategy.candidate.found": [strategy],
            "strategy.entry.signal": [strategy], "strategy.exit.signal": [strategy, tool],
            "risk.trade.approved": [risk], "risk.trade.rejected": [risk], "risk.limit.exceeded": [risk],
            "order.submitted": [orders], "order.partially_filled": [orders], "order.filled": [orders],
            "order.cancelled": [orders], "order.rejected": [orders], "order.unknown": [orders, positions],
            "position.opened": [positions], "position.stop.set": [positions], "position.target.hit": [positions],
            "position.stop.hit": [positions], "position.unprotected": [positions], "position.closed": [positions],
            "circuit_breaker.state.changed": [market, risk, orders, positions],
            "system.trading.halted": [tool], "system.trading.resumed": [tool],
            "order.exit.requested": [positions, tool], "order.abort.requested": [positions, tool],
            "broker.orders.moved": [market],
            "dead_letter": Set(agents), "journal": Set(agents + [tool]),
            "journal.calls": [market, risk, orders, positions], "of.my.own": [],
            "calls.market-data-agent.market-data": [market, tool],
            "calls.risk-management-agent.account": [risk, tool],
            "calls.order-execution-agent.entries": [orders, tool],
            "calls.order-execution-agent.protective": [orders, tool],
            "calls.order-execution-agent.account": [orders, tool],
            "calls.position-management-agent.protective": [positions, tool],
            "inbox.strategy-agent": [],
        ]
        for agent in agents {
            writers["replays.\(agent)"] = [tool]
            if agent != strategy { writers["inbox.\(agent)"] = [agent] }
        }
        return writers
    }()

    /// On whose channels others listen.
    private static let publishers: [String: Set<String>] = {
        let notPublished = [
            "journal", "journal.calls", "of.my.own", "order.exit.requested", "order.abort.requested",
            "broker.orders.moved",
        ]
        var publishers = Self.writers.filter { stream, _ in
            !notPublished.contains(stream) && !["calls.", "inbox.", "replays."].contains { stream.hasPrefix($0) }
        }
        for stream in notPublished { publishers[stream] = [] }
        publishers["market_data.quote.updated"] = [agents[0]]
        return publishers
    }()

    /// Who may write a document, and who may read it besides.
    private static let documents: [(key: String, writers: Set<String>, readers: Set<String>)] = {
        let (market, strategy, risk, orders, positions) = (agents[0], agents[1], agents[2], agents[3], agents[4])
        return [
            ("trade:AAPL-1", [strategy, risk, orders, positions], []),
            ("account", [risk, orders], [strategy]),
            ("market", [market], [strategy, risk, orders, positions]),
            ("schedule", [market], []),
            ("quote:AAPL", [market], [risk, positions]),
            ("strategy:ma-rsi-volume:AAPL", [strategy], []),
            ("watch:AAPL", [positions], []),
            ("order-watch", [orders], []),
            ("holdings-watch", [orders], []),
            ("halt", ["tradectl"], [risk, orders, positions]),
            ("login-alarm", [risk], []),
            ("span-export", Set(agents), []),
            ("installation", [], Set(agents)),
            ("of-my-own", [], []),
        ]
    }()

    private let server: RedisServer

    init() throws { self.server = try RedisServer(accessList: RedisAccessList(namespace: "quintet")) }

    private func connection(_ user: String) throws -> RedisConnection {
        try RedisConnection(to: self.server.endpoint(of: user))
    }

    /// False if the server says that the user may not; any other error is thrown.
    private func isAllowed(_ connection: RedisConnection, _ words: [String]) throws -> Bool {
        var command = RedisCommand()
        for word in words { command.append(word) }
        guard case .error(let text)? = try connection.exchange([command]).first else { return true }
        let refusals = ["NOPERM", "can't access", "can't publish", "can't run", "ACL failure"]
        guard refusals.contains(where: { text.contains($0) }) else { throw TestFailure("\(words): \(text)") }
        return false
    }

    /// Whether the user may do it by itself, in a script, and in one that declares the key.
    private func ways(
        _ connection: RedisConnection,
        _ command: String,
        _ key: String,
        _ rest: String...
    ) throws -> Set<Bool> {
        let script = "return redis.call('\(command)', unpack(ARGV))"
        let declared = "return redis.call('\(command)', KEYS[1], unpack(ARGV))"
        let ways = [
            try self.isAllowed(connection, [command, key] + rest),
            try self.isAllowed(connection, ["EVAL", script, "0", key] + rest),
        ]
        // A channel is no key.
        guard key.hasPrefix("{quintet}:") else { return Set(ways) }
        return Set(ways + [try self.isAllowed(connection, ["EVAL", declared, "1", key] + rest)])
    }

    @Test(arguments: Self.users)
    func `appends to its own streams alone, whichever way`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        for (stream, writers) in Self.writers {
            let ways = try self.ways(connection, "XADD", "{quintet}:stream:\(stream)", "*", "d", "{}")
            #expect(ways == [writers.contains(user)], "\(user) on \(stream)")
        }
    }

    @Test func `each stream of the system is in the table above`() {
        let streams = EventName.allCases.filter { $0 != .brokerCallRequested && $0 != .brokerCallCompleted }.map(
            \.stream
        )
        let all = streams + AgentName.allCases.flatMap(\.allStreams) + StreamName.journals + [.deadLetter]
        for stream in all { #expect(Self.writers[stream.rawValue] != nil, "\(stream)") }
    }

    @Test(arguments: Self.users)
    func `publishes on its own channels alone, whichever way`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        for (channel, publishers) in Self.publishers {
            let ways = try self.ways(connection, "PUBLISH", channel, "{}")
            #expect(ways == [publishers.contains(user)], "\(user) on \(channel)")
        }
    }

    @Test(arguments: Self.users)
    func `writes its own documents alone, and reads what it has need of`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        for (name, writers, readers) in Self.documents {
            let key = "{quintet}:document:\(name)"
            let writes = try self.ways(connection, "HSET", key, "v", "1")
            #expect(writes == [writers.contains(user)], "\(user) writing \(name)")
            let isReader = writers.union(readers).contains(user) || user == "tradectl"
            #expect(try self.ways(connection, "HMGET", key, "v") == [isReader], "\(user) reading \(name)")
            let deletes = name == "login-alarm" && user == Self.agents[2] || name == "halt" && user == "tradectl"
            #expect(try self.ways(connection, "DEL", key) == [deletes], "\(user) deleting \(name)")
        }
        let tells = Self.agents.dropFirst().contains(user)
        #expect(try self.ways(connection, "RPUSH", "{quintet}:history:trade:AAPL-1", "{}") == [tells])
        #expect(try self.ways(connection, "SADD", "{quintet}:set:trades", "AAPL-1") == [user == Self.agents[1]])
    }

    @Test(arguments: Self.users)
    func `begins a ledger and changes none`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        let (key, isAgent) = ("{quintet}:document:installation", Self.agents.contains(user))
        #expect(try self.ways(connection, "HSETNX", key, "d", "one") == [isAgent])
        #expect(try self.ways(connection, "HSETNX", "{quintet}:document:account", "d", "one") == [false])
        for words in [
            ["HSET", key, "d", "two"], ["HINCRBY", key, "v", "1"], ["HDEL", key, "d"], ["DEL", key], ["UNLINK", key],
            ["EXPIRE", key, "1"], ["RENAME", key, key + "2"], ["SET", key, "two"], ["GETDEL", key],
        ] {
            #expect(try !self.isAllowed(connection, words), "\(user): \(words)")
        }
        guard isAgent else { return }
        let bus = RedisMessageBus(endpoint: self.server.endpoint(of: user))
        #expect(try bus.beginLedger("two") == "one")
    }

    @Test(arguments: Self.users)
    func `has its own leases and, if it asks the broker, the account's budget`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        let isAgent = Self.agents.contains(user)
        let leases = [
            "stream.market-data-agent": user == Self.agents[0], "stream.order-execution-agent": user == Self.agents[3],
            "span-export": isAgent, "of-my-own": false,
        ]
        for (lease, isOwn) in leases {
            #expect(try self.ways(connection, "SET", "{quintet}:lease:\(lease)", "me") == [isOwn], "\(user), \(lease)")
        }
        let asksBroker = isAgent && user != "strategy-agent"
        #expect(try self.ways(connection, "RPUSH", "{quintet}:rate:0f:trading", "1") == [asksBroker])
        #expect(try self.ways(connection, "HSET", "{quintet}:broker-notice:0f:trading", "end", "1") == [asksBroker])
    }

    @Test(arguments: Self.users)
    func `may not do what would undo all that`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        let own = "{quintet}:stream:strategy.entry.signal"
        for words in [
            ["ACL", "SETUSER", user, "+@all"], ["ACL", "LIST"], ["CONFIG", "SET", "requirepass", ""], ["FLUSHALL"],
            ["FLUSHDB"], ["SCRIPT", "FLUSH"], ["FUNCTION", "LOAD", "x"], ["SHUTDOWN"],
            ["REPLICAOF", "NO", "ONE"], ["KEYS", "*"], ["SCAN", "0"], ["MONITOR"], ["CLIENT", "LIST"],
            ["MODULE", "LIST"],
            ["DEL", own], ["UNLINK", own], ["RENAME", own, own + "2"], ["COPY", own, own + "2"],
            ["RESTORE", own, "0", ""],
            ["XSETID", own, "1-1"], ["XGROUP", "DESTROY", own, "risk-management-agent"],
            ["XGROUP", "SETID", own, "risk-management-agent", "$"], ["MIGRATE", "h", "1", own, "0", "1"],
            ["SET", "{other}:document:account", "x"], ["HMGET", "{other}:document:account", "v"],
        ] {
            #expect(try !self.isAllowed(connection, words), "\(user): \(words)")
        }
    }

    @Test(arguments: Self.users)
    func `ends a wait only if it waits for messages itself`(user: String) throws {
        defer { self.server.stop() }
        let connection = try self.connection(user)
        for words in [["CLIENT", "ID"], ["CLIENT", "UNBLOCK", "1000000"]] {
            #expect(try self.isAllowed(connection, words) == Self.agents.contains(user), "\(user): \(words)")
        }
    }

    @Test func `nobody comes in without a user and its password`() throws {
        defer { self.server.stop() }
        var endpoint = self.server.endpoint
        (endpoint.user, endpoint.password) = (nil, nil)
        #expect(throws: MessageBusError.self) { try RedisConnection(to: endpoint).call(RedisCommand("PING")) }
        endpoint = self.server.endpoint(of: "risk-management-agent")
        endpoint.password = RedisServer.password(of: "strategy-agent")
        #expect(throws: MessageBusError.self) { try RedisConnection(to: endpoint) }
    }

    @Test func `a message group is read, acknowledged and trimmed by those who have it`() throws {
        defer { self.server.stop() }
        let approvals = "{quintet}:stream:risk.trade.approved"
        for user in Self.users where user != "order-execution-agent" {
            let connection = try self.connection(user)
            let reading = ["XREADGROUP", "GROUP", "order-execution-agent", "me", "STREAMS", approvals, ">"]
            #expect(try !self.isAllowed(connection, reading), "\(user)")
            #expect(try !self.isAllowed(connection, ["XACK", approvals, "order-execution-agent", "1-1"]), "\(user)")
            let isWriter = user == "risk-management-agent"
            #expect(try self.isAllowed(connection, ["XTRIM", approvals, "MAXLEN", "10"]) == isWriter, "\(user)")
        }
    }

    @Test(arguments: AgentName.allCases)
    func `every agent's bus works as its own user`(agent: AgentName) throws {
        defer { self.server.stop() }
        let everyone = RedisMessageBus(endpoint: self.server.endpoint)
        let bus = RedisMessageBus(endpoint: self.server.endpoint(of: agent.rawValue))
        let (group, consumer) = (agent.rawValue, "\(agent)-1")
        #expect(try bus.beginLedger("one") == "one")
        for stream in agent.allStreams { try bus.createGroup(group, on: stream) }
        try everyone.append("1", to: try #require(agent.inputStreams.first))
        let taken = try bus.receive(
            group: group,
            consumer: consumer,
            streams: agent.inputStreams,
            limit: 9,
            timeout: .zero
        )
        let delivery = try #require(taken.deliveries.first)
        #expect(try bus.pending(group: group, consumer: consumer, streams: agent.inputStreams, limit: 9).count == 1)
        let other = try bus.claim(group: group, consumer: "b", streams: agent.allStreams, idle: .zero, limit: 9)
        #expect(other.count == 1)
        try bus.keep(other, group: group, consumer: "b")
        try bus.removeConsumers(of: group, on: agent.allStreams, silentFor: .zero)
        #expect(try bus.pending(group: group, consumer: "b", streams: agent.inputStreams, limit: 9).count == 1)
        var commit = Commit()
        commit.acknowledge = delivery.input(of: group)
        let own = agent.writtenDocuments.map { $0.isOne ? $0.key("") : $0.key("x") }
        commit.writes = own.map { DocumentWrite($0, from: 0, "", to: "", "1", history: $0.isTrade ? ["1"] : []) }
        commit.puts = own.map { (key: $0, body: [1]) } + [(key: .spanExport, body: [1])]
        commit.deletes = agent.deletedDocuments.map { $0.key("") }
        if agent.beginsTrades { commit.additions = [(set: Decision.tradesSet, member: "x")] }
        commit.messages =
            agent.publications.filter { $0 != .quoteUpdated }.map { event in
                OutboundMessage(stream: event.stream, channel: event.isPrivate ? nil : event.rawValue, body: [1])
            } + agent.lanes.map { OutboundMessage(stream: agent.callStream($0), channel: nil, body: [1]) }
        commit.messages.append(OutboundMessage(stream: .deadLetter, channel: "dead_letter", body: [1]))
        commit.messages.append(OutboundMessage(stream: .journal, channel: nil, body: [1]))
        if !agent.lanes.isEmpty {
            commit.messages.append(OutboundMessage(stream: agent.inbox, channel: nil, body: [1]))
        }
        #expect(try bus.commit(commit) == .committed)
        _ = try bus.load(own + agent.readDocuments.map { $0.key("") })
        for stream in agent.trimmedStreams + [.journal] {
            let readers = AgentName.readers(of: stream).map(\.rawValue)
            try bus.trim(stream, keeping: 0, unacknowledgedBy: readers)
        }
        #expect(try bus.entries(of: .journal, after: nil, limit: 9).isEmpty)
        #expect(try bus.tail(of: .journal, limit: 1).isEmpty)
        for lease in [agent.feedLease, AgentName.spanExportLease].compactMap(\.self) {
            #expect(try bus.acquireLease(lease, holder: consumer, for: .seconds(9)))
            try bus.releaseLease(lease, holder: consumer)
        }
        if agent.asksBroker {
            let budget = RateBudget(key: ["a"], part: "trading", requestsPerMinute: 9, reservedShare: Rate(raw: 0))
            try bus.postNotice(BrokerNotice(.loginExpired, "ended"), on: budget, for: .milliseconds(1))
            _ = try bus.takeRequest(.exit, of: budget)
            try bus.endNotice(probe: 1, on: budget)
        }
        if agent == .marketData {
            try everyone.registerQuoteConsumer("somebody")
            #expect(try bus.publishQuote(key: .quote, version: 1, body: [1], channel: "market_data.quote.updated"))
        }
        if agent.watchesQuotes {
            _ = try everyone.publishQuote(key: .quote, version: 1, body: [1], channel: "market_data.quote.updated")
            try bus.subscribe(to: ["market_data.quote.updated"])
            try bus.registerQuoteConsumer(agent.rawValue)
            try bus.advanceQuoteCursor(of: agent.rawValue, key: .quote, version: 1)
            #expect(try bus.quotes().count == 1)
        }
        // Nor was anything refused on the way.
        let log = try RedisConnection(to: self.server.endpoint).call(RedisCommand("ACL", "LOG"))
        #expect(log == .array([]))
    }

    /// Redis reads its append-only file as the default user, and asks again what that one may do.
    @Test func `a commit of several writes outlasts a restart of Redis`() throws {
        let server = try RedisServer(appendOnly: true, accessList: RedisAccessList(namespace: "quintet"))
        defer { server.stop() }
        self.server.stop()
        let user = AgentName.riskManagement.rawValue
        let bus = RedisMessageBus(endpoint: server.endpoint(of: user))
        var commit = Commit()
        commit.puts = [(key: Account.key, body: [1])]
        commit.messages = [OutboundMessage(stream: .journal, channel: nil, body: [1])]
        #expect(try bus.commit(commit) == .committed)
        try server.restart()
        let afterwards = RedisMessageBus(endpoint: server.endpoint(of: user))
        #expect(try afterwards.load([Account.key])[0]?.body == [1])
        #expect(throws: MessageBusError.self) {
            var nobody = server.endpoint
            (nobody.user, nobody.password) = (nil, nil)
            _ = try RedisMessageBus(endpoint: nobody).load([Account.key])
        }
    }

    @Test func `the file has digests, no password, and a line for each user`() throws {
        defer { self.server.stop() }
        let list = RedisAccessList(namespace: "quintet")
        #expect(list.users.map(\.name) == Self.users.prefix(5) + ["broker-simulator", "tradectl", "health"])
        let names = list.users.map(\.name)
        let text = list.file(passwords: Dictionary(uniqueKeysWithValues: names.map { ($0, "hunter2") }))
        #expect(!text.contains("hunter2"))
        let digest = "#f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7"
        #expect(text.split(separator: "\n").count { $0.contains(" on \(digest) ") } == 7)
        #expect(text.hasPrefix("user default off resetpass "))
        #expect(list.file(passwords: [:]).contains("user strategy-agent off "))
    }
}
