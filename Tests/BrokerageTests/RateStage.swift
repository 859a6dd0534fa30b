import Brokerage
import HTTPTransport
import Testing
import TradingCore

struct Unreachable: Error {}

struct Asked: Equatable {
    let urgency: RequestUrgency
    let part: String

    init(_ urgency: RequestUrgency, _ part: String) {
        self.urgency = urgency
        self.part = part
    }
}

final class ScriptedLedger: RateLedger {
    /// Whoever asks beyond these is admitted.
    var answers: [RateAnswer] = []
    var failure: (any Error)?
    var slowness = {}
    var asked: [Asked] = []
    var posted: [(notice: BrokerNotice, part: String, duration: Duration)] = []
    var ended: [Int64] = []

    func takeRequest(_ urgency: RequestUrgency, of budget: RateBudget, goesOn: Bool) throws -> RateAnswer {
        if let failure { throw failure }
        self.slowness()
        self.asked.append(Asked(urgency, budget.part))
        return self.answers.isEmpty ? .admitted(left: 1, probe: nil) : self.answers.removeFirst()
    }

    func postNotice(_ notice: BrokerNotice, on budget: RateBudget, for duration: Duration) throws {
        self.posted.append((notice, budget.part, duration))
    }

    func endNotice(probe: Int64, on budget: RateBudget) throws { self.ended.append(probe) }
}

/// Under a notice that stands for ever: a protective request of a new call every five seconds.
final class NoticedLedger: RateLedger {
    private let now: () -> Duration
    private var turn = Duration.seconds(5)
    private(set) var departures: [(at: Duration, urgency: RequestUrgency)] = []

    init(now: @escaping () -> Duration) { self.now = now }

    func takeRequest(_ urgency: RequestUrgency, of budget: RateBudget, goesOn: Bool) throws -> RateAnswer {
        let now = self.now()
        guard goesOn || now >= self.turn else {
            return .noticed(BrokerNotice(.rateLimited, "429"), retryAfter: self.turn - now)
        }
        self.turn = now + .seconds(5)
        self.departures.append((now, urgency))
        return .admitted(left: 1, probe: nil)
    }

    func postNotice(_ notice: BrokerNotice, on budget: RateBudget, for duration: Duration) throws {}
    func endNotice(probe: Int64, on budget: RateBudget) throws {}
}

final class AnsweringClient: HTTPClient {
    var answers: [HTTPResponse] = []
    var requests: [HTTPRequest] = []

    func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        self.requests.append(request)
        return self.answers.isEmpty
            ? HTTPResponse(status: 404, body: Array(#"{"code":40410000}"#.utf8)) : self.answers.removeFirst()
    }
}

/// A lane's desk with Alpaca behind it, whose requests go through the rate gate.
final class RateStage {
    static let endpoints = AlpacaEndpoints(
        trading: "http://127.0.0.1:1",
        data: "http://127.0.0.1:1",
        stream: "ws://127.0.0.1:1",
        feed: "iex",
        keyID: "the-key",
        secretKey: "the-secret"
    )

    let ledger = ScriptedLedger()
    /// Instead of the scripted one.
    var sharedLedger: (any RateLedger)?
    let client = AnsweringClient()
    let terms: OrderTerms
    /// More orders of the ledger's.
    var others: [OrderTerms] = []
    var lane: BrokerLane
    var time = Duration.zero
    var isStopping = false
    var changes: [(to: BreakerState, retryAfter: Duration?)] = []
    private lazy var gate = RateGate(
        ledger: self.sharedLedger ?? self.ledger,
        budgets: Self.endpoints.rateBudgets(trading: 180, data: 180, reservedShare: Rate(raw: Rate.unit / 10 * 3)),
        now: { self.time },
        pause: {
            self.time += $0
            return !self.isStopping
        }
    )
    private lazy var desk = BrokerDesk(
        broker: AlpacaBroker(
            endpoints: Self.endpoints,
            client: MeteredHTTPClient(
                self.client,
                gate: self.gate,
                alpaca: Self.endpoints,
                now: { Timestamp(seconds: 1_795_444_200) }
            )
        ),
        gate: self.gate,
        now: { self.time },
        pause: {
            self.time += $0
            return true
        },
        breakerChanged: { _, to, _, retryAfter in self.changes.append((to, retryAfter)) }
    )

    init(lane: BrokerLane) throws {
        self.lane = lane
        let symbol = try #require(Symbol("AAPL"))
        self.terms = OrderTerms(
            clientOrderID: ClientOrderID(
                trade: TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 0)),
                role: .exit,
                attempt: 1
            ),
            symbol: symbol,
            side: .sell,
            type: .market,
            quantity: Quantity(5),
            timeInForce: .day
        )
    }

    func perform(
        _ operation: BrokerCall.Operation,
        mayHaveBeenMade: Bool = false,
        within window: Duration? = nil
    ) -> BrokerAnswer.Outcome {
        return self.desk.perform(
            BrokerCall(operation, lane: self.lane),
            orders: ([self.terms] + self.others).map { OrderReference(terms: $0, intendedAt: Timestamp(seconds: 0)) },
            mayHaveBeenMade: mayHaveBeenMade,
            within: window
        ).outcome
    }

    /// The order as Alpaca tells it.
    func order(_ status: String) -> HTTPResponse {
        let text = AlpacaStage.order(
            "b-1",
            client: self.terms.clientOrderID.description,
            status: status,
            side: "sell",
            quantity: "5"
        )
        return HTTPResponse(status: 200, body: Array(text.utf8))
    }
}
