import AgentRuntime
import Brokerage
import HTTPTransport
import Logging
import MessageBus
import TestSupport
import Testing
import TradingCore

/// One broker lane as an agent runs it, over real Redis and real HTTP, but for its clock. Belongs to one thread.
final class LaneBench {
    /// How long a request waits for its answer: long enough for a busy machine, shorter than the agents' time.
    static let patience = Duration.seconds(1)

    private final class Clock {
        var now = Duration.seconds(1000)
    }

    /// Gives up sooner than the agents do, and counts.
    private final class ImpatientClient: HTTPClient {
        private let client = CurlHTTPClient()
        private(set) var requests = 0

        func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
            self.requests += 1
            var request = request
            request.totalTimeout = LaneBench.patience
            return try self.client.perform(request)
        }
    }

    private let agent = AgentName.riskManagement
    private let lane = BrokerLane.account
    private let bus: RedisMessageBus
    private let worker: LaneWorker
    private let desk: BrokerDesk
    private let clock = Clock()
    private let client = ImpatientClient()
    private var calls = 0

    init(redis: RedisEndpoint, broker: String) throws {
        self.bus = RedisMessageBus(endpoint: redis)
        let (client, clock) = (self.client, self.clock)
        self.worker = LaneWorker(
            agent: self.agent,
            lane: self.lane,
            instance: "bench",
            bus: self.bus,
            stop: StopSignal(),
            readiness: ReadinessBoard(waitingFor: []),
            heartbeat: Heartbeat(),
            logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() },
            claimIdle: .seconds(3600),
            breaker: BreakerSettings(),
            marketTime: .simulated,
            now: { clock.now },
            makeBroker: { _ in
                AlpacaBroker(
                    endpoints: AlpacaEndpoints(
                        trading: broker,
                        data: broker,
                        stream: "",
                        feed: "iex",
                        keyID: "key",
                        secretKey: "secret"
                    ),
                    client: client
                )
            }
        )
        self.desk = self.worker.makeDesk()
        try self.worker.synchronise(self.desk)
    }

    func advance(by duration: Duration) { self.clock.now += duration }

    /// Has the account asked for, and returns the answer that the agent would find in its inbox.
    func call() throws -> BrokerAnswer {
        self.calls += 1
        var commit = Commit()
        let request = Speaker(self.agent).say(
            .brokerCallRequested(BrokerCall(.account, lane: self.lane)),
            at: Timestamp(seconds: 0),
            about: "\(self.calls)"
        )
        commit.messages = [
            OutboundMessage(stream: self.agent.callStream(self.lane), channel: nil, body: request.encoded())
        ]
        _ = try self.bus.commit(commit)
        while try self.bus.appendedCount(of: self.agent.inbox) < self.calls { try self.worker.turn(self.desk) }
        let body = try #require(try self.bus.tail(of: self.agent.inbox, limit: 1).last?.body)
        guard case .brokerCallCompleted(let answer) = try Message(decoding: body).body else {
            throw TestFailure("the inbox holds something else than an answer")
        }
        return answer
    }

    func requests() throws -> Int { self.client.requests }

    /// The states that the breaker has come to, as the bus tells.
    func breakerChanges() throws -> [BreakerState] {
        try self.bus.tail(of: EventName.breakerStateChanged.stream, limit: 10).compactMap { entry in
            guard case .breakerStateChanged(let change) = try Message(decoding: entry.body).body else { return nil }
            return change.to
        }
    }
}

extension BrokerAnswer {
    var isUnavailable: Bool {
        switch self.outcome {
        case .unavailable, .unknown: true
        default: false
        }
    }
}
