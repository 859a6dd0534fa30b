import AgentRuntime
import Brokerage
import HTTPTransport
import Logging
import MessageBus
import TestSupport
import Testing
import TradingCore

/// What one process learns of an API key, the others know; and people see it.
@Suite struct SharedBreakerTests {
    private static let keyID = "PKPLANTEDKEY0000"
    private static let secretKey = "planted-secret-0000"
    private static let endpoints = AlpacaEndpoints(
        trading: "http://127.0.0.1:1",
        data: "http://127.0.0.1:1",
        stream: "ws://127.0.0.1:1",
        feed: "iex",
        keyID: Self.keyID,
        secretKey: Self.secretKey
    )

    private final class ScriptedClient: HTTPClient {
        var status = 429
        var requests = 0

        func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
            self.requests += 1
            return HTTPResponse(
                status: self.status,
                headers: [("Retry-After", "30")],
                body: Array(#"{"code":42910000,"message":"\#(SharedBreakerTests.secretKey.count) is too many"}"#.utf8)
            )
        }
    }

    /// One lane of one process.
    private struct Process {
        let client = ScriptedClient()
        let readiness = ReadinessBoard(waitingFor: [])
        let bus: any MessageBus
        let agent: AgentName
        let lane: BrokerLane
        let worker: LaneWorker
        let desk: BrokerDesk

        init(_ agent: AgentName, _ lane: BrokerLane, bus: any MessageBus) throws {
            self.bus = bus
            self.agent = agent
            self.lane = lane
            let client = self.client
            self.worker = LaneWorker(
                agent: agent,
                lane: lane,
                instance: "\(agent)-1",
                bus: bus,
                stop: StopSignal(),
                readiness: self.readiness,
                heartbeat: Heartbeat(),
                logger: Logger(label: "test") { _ in ErrorTally(Tally()) },
                claimIdle: .seconds(30),
                breaker: BreakerSettings(),
                rates: SharedBreakerTests.endpoints.rateBudgets(
                    trading: 180,
                    data: 180,
                    reservedShare: Rate(raw: Rate.unit / 10 * 3)
                ),
                marketTime: .simulated,
                makeBroker: { gate in
                    let endpoints = SharedBreakerTests.endpoints
                    let metered = MeteredHTTPClient(client, gate: gate, alpaca: endpoints, now: WallClock.now)
                    return AlpacaBroker(endpoints: endpoints, client: metered)
                }
            )
            self.desk = self.worker.makeDesk()
            try self.worker.synchronise(self.desk)
        }

        /// Hands the lane a call, lets it answer, and returns the answer.
        func make(_ operation: BrokerCall.Operation, number: Int) throws -> BrokerAnswer.Outcome? {
            var commit = Commit()
            let request = Speaker(self.agent).say(
                .brokerCallRequested(BrokerCall(operation, lane: self.lane)),
                at: Timestamp(seconds: Int64(number)),
                about: "\(number)"
            )
            commit.messages = [
                OutboundMessage(stream: self.agent.callStream(self.lane), channel: nil, body: request.encoded())
            ]
            #expect(try self.bus.commit(commit) == .committed)
            try self.worker.turn(self.desk)
            let answer = try #require(try self.bus.tail(of: self.agent.inbox, limit: 1).first)
            guard case .brokerCallCompleted(let completed) = try Message(decoding: answer.body).body else { return nil }
            return completed.outcome
        }

        var breaker: JSONValue? {
            get throws { try JSONValue(parsing: self.readiness.report().json)["breakers"]?[self.lane.rawValue] }
        }
    }

    @Test func `a rate limit that one agent meets silences another before it has sent anything`() throws {
        let store = InMemoryMessageStore()
        let first = try Process(.riskManagement, .account, bus: InMemoryMessageBus(store: store))
        let second = try Process(.orderExecution, .entries, bus: InMemoryMessageBus(store: store))
        #expect(try second.breaker?["state"] == .string("closed"))
        guard case .unavailable = try first.make(.account, number: 1) else {
            Issue.record("a request over the limit was answered")
            return
        }
        #expect(first.client.requests == 1)
        #expect(try first.breaker?["state"] == .string("closed"), "one failure opens nothing")

        guard case .unavailable(let reason) = try second.make(.account, number: 2) else {
            Issue.record("the other agent asked all the same")
            return
        }
        #expect(second.client.requests == 0)
        #expect(reason.contains("the broker's rate limit is exceeded (HTTP 429)"), "\(reason)")
        let breaker = try #require(try second.breaker)
        #expect(breaker["state"] == .string("open"))
        #expect(breaker["reason"] == .string(reason))
        guard case .string(let until)? = breaker["until"], case .string(let since)? = breaker["since"] else {
            Issue.record("an open breaker has no end")
            return
        }
        let rest = try #require(Timestamp(until)) - #require(Timestamp(since))
        #expect(rest > .seconds(25) && rest <= .seconds(30))
        #expect(second.readiness.report().isReady)

        let event = try #require(try second.bus.tail(of: EventName.breakerStateChanged.stream, limit: 1).first)
        guard case .breakerStateChanged(let change) = try Message(decoding: event.body).body else {
            Issue.record("no event tells of the breaker")
            return
        }
        #expect(change.breaker == "order-execution-agent/entries")
        #expect(change.from == .closed && change.to == .open && change.reason == reason)
    }

    @Test func `nothing in Redis tells the key, its secret or a token`() throws {
        let server = try RedisServer()
        defer { server.stop() }
        let first = try Process(.riskManagement, .account, bus: RedisMessageBus(endpoint: server.endpoint))
        let second = try Process(.marketData, .marketData, bus: RedisMessageBus(endpoint: server.endpoint))
        _ = try first.make(.account, number: 1)
        _ = try second.make(.clock, number: 2)
        #expect(first.client.requests == 1)
        #expect(second.client.requests == 0)

        let connection = try RedisConnection(to: server.endpoint)
        var seen = ""
        for key in try Self.texts(connection.call(RedisCommand("KEYS", "*"))) {
            seen += key + "\n"
            let command =
                switch try Self.texts(connection.call(RedisCommand("TYPE", key))).first {
                case "list": RedisCommand("LRANGE", key, "0", "-1")
                case "hash": RedisCommand("HGETALL", key)
                case "stream": RedisCommand("XRANGE", key, "-", "+")
                default: RedisCommand("GET", key)
                }
            seen += Self.texts(try connection.call(command)).joined(separator: "\n") + "\n"
        }
        for part in ["{quintet}:rate:", "{quintet}:broker-notice:", "rate_limited", "HTTP 429"] {
            #expect(seen.contains(part), "\(part) was looked for in what is there")
        }
        for secret in [Self.keyID, Self.secretKey] { #expect(!seen.contains(secret)) }
    }

    private static func texts(_ reply: RedisReply) -> [String] {
        switch reply {
        case .string(let bytes): [String(decoding: bytes, as: UTF8.self)]
        case .status(let text): [text]
        case .array(let elements): elements.flatMap(Self.texts)
        case .integer, .null, .error: []
        }
    }
}
