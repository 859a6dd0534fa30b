import MessageBus
import TradingCore

/// Four messages through three processes, each of which is woken by one message and sends the next.
protocol Chain {
    /// From before the first message is sent to when the last one is seen. Returns when everybody is at rest again.
    mutating func pass() throws -> Duration
}

/// `strategy.candidate.found` → `strategy.entry.signal` → `risk.trade.approved` → `broker.call.requested` through the
/// agents, which also leave a ledger behind. The broker then refuses the order, so that the next trade finds the
/// account as this one did.
struct AgentChain: Chain {
    private let bus: RedisMessageBus
    private var watch: StreamWatch
    private var number = 0
    private let groups = AgentName.allCases.flatMap { agent in
        agent.allStreams.map { (stream: $0, group: agent.rawValue) }
    }

    init(_ endpoint: RedisEndpoint, namespace: String) throws {
        self.bus = RedisMessageBus(endpoint: endpoint, namespace: namespace)
        let calls = AgentName.orderExecution.callStream(.entries)
        self.watch = try StreamWatch(endpoint, key: streamKey(calls.rawValue, in: namespace))
    }

    /// Before the agents start: what the simulator would have told them of the account has no place here.
    func openAccount() throws {
        var commit = Commit()
        commit.writes = [
            DocumentWrite(
                key: Account.key,
                expectedVersion: 0,
                expectedState: "",
                state: "",
                body: JSONWriter.bytes(Account(cash: Money(10_000)))
            )
        ]
        _ = try self.bus.commit(commit)
    }

    mutating func pass() throws -> Duration {
        self.number += 1
        let trade = try ChainTrade(number: self.number)
        guard try self.bus.commit(trade.record) == .committed else {
            throw BenchmarkFailure("trade \(trade.trade.id) is in the ledger already")
        }
        let message = trade.candidateFound
        var commit = Commit()
        commit.messages = [
            OutboundMessage(
                stream: message.event.stream,
                channel: message.event.rawValue,
                body: message.encoded()
            )
        ]
        let start = ContinuousClock.now
        _ = try self.bus.commit(commit)
        try self.watch.next()
        let elapsed = ContinuousClock.now - start
        try self.settle()
        let stored = try self.bus.load([Trade.key(trade.trade.id)])[0]
        guard stored?.state == TradeState.cancelled.rawValue else {
            throw BenchmarkFailure("trade \(trade.trade.id) ended \(stored?.state ?? "nowhere") instead of CANCELLED")
        }
        return elapsed
    }

    /// Waits until no agent has anything left to do.
    func settle() throws {
        try wait(for: "the agents to settle", every: .microseconds(200)) {
            try self.bus.quiescence(of: self.groups) == .settled
        }
    }

    /// What the relays pass on: as long as what the agents say.
    static func sampleBody() throws -> [UInt8] { try ChainTrade(number: 0).entrySignal.encoded() }
}

/// The same through three bare relays in C.
struct CRelayChain: Chain {
    private let bus: RedisMessageBus
    private var watch: StreamWatch
    private let body: [UInt8]

    init(_ endpoint: RedisEndpoint, bus: RedisMessageBus) throws {
        self.bus = bus
        self.body = try AgentChain.sampleBody()
        self.watch = try StreamWatch(endpoint, key: streamKey("relay.3"))
    }

    /// What each of the three is told.
    static func arguments(port: UInt16) -> [[String]] {
        (0..<3).map { number in
            [
                String(port), streamKey("relay.\(number)"), streamKey("relay.\(number + 1)"), "relay.\(number + 1)",
                "{quintet}:document:relay.\(number)",
            ]
        }
    }

    mutating func pass() throws -> Duration {
        var commit = Commit()
        commit.messages = [
            OutboundMessage(stream: StreamName(rawValue: "relay.0"), channel: "relay.0", body: self.body)
        ]
        let start = ContinuousClock.now
        _ = try self.bus.commit(commit)
        try self.watch.next()
        return ContinuousClock.now - start
    }
}

/// The same through three relays in Python over bare pub/sub, where nothing is stored and what nobody hears is lost.
struct PythonRelayChain: Chain {
    private let connection: RedisConnection
    private let listener: RedisMessageBus
    private let body: [UInt8]

    init(_ endpoint: RedisEndpoint) throws {
        self.connection = try RedisConnection(to: endpoint)
        self.listener = RedisMessageBus(endpoint: endpoint)
        self.body = try AgentChain.sampleBody()
        try self.listener.subscribe(to: ["python-relay.3"])
        try wait(for: "the Python relays to subscribe", every: .milliseconds(5)) {
            try (0..<3).allSatisfy { number in
                let command = RedisCommand("PUBSUB", "NUMSUB", "python-relay.\(number)")
                guard case .array(let reply) = try self.connection.call(command) else { return false }
                return reply.last == .integer(1)
            }
        }
    }

    static func arguments(port: UInt16) -> [[String]] {
        (0..<3).map { [String(port), "python-relay.\($0)", "python-relay.\($0 + 1)"] }
    }

    mutating func pass() throws -> Duration {
        var command = RedisCommand("PUBLISH", "python-relay.0")
        command.append(self.body)
        let start = ContinuousClock.now
        _ = try self.connection.call(command)
        let reception = try self.listener.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .seconds(5))
        let elapsed = ContinuousClock.now - start
        guard reception.published.count == 1 else {
            throw BenchmarkFailure("a message was lost on its way through the Python relays")
        }
        return elapsed
    }
}

func streamKey(_ name: String, in namespace: String = "quintet") -> String { "{\(namespace)}:stream:\(name)" }
