import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// What protects positions while requests are short: calls leave whole, and none stands in another's way for long.
@Suite struct ProtectiveCallTests {
    @Test func `a question about orders does not wait, for exits may stand behind it`() throws {
        let stage = try RateStage(lane: .protective)
        let notice = BrokerNotice(.rateLimited, "429")
        for operation in [
            BrokerCall.Operation.find(stage.terms.clientOrderID), .reconcile([stage.terms.clientOrderID]),
        ] {
            for answer in [
                RateAnswer.full(retryAfter: .milliseconds(1)), .noticed(notice, retryAfter: .milliseconds(1)),
            ] {
                stage.ledger.answers = [answer]
                guard case .unavailable = stage.perform(operation) else {
                    Issue.record("a question was sent without room for it")
                    return
                }
            }
        }
        #expect(stage.time == .zero)
        #expect(stage.client.requests.isEmpty && stage.changes.isEmpty)
    }

    @Test func `a reconciliation that finds no room for all of it is asked for again as a whole`() throws {
        let stage = try RateStage(lane: .protective)
        var other = stage.terms
        other.clientOrderID = ClientOrderID(trade: other.clientOrderID.trade, role: .stop, attempt: 1)
        stage.others = [other]
        stage.client.answers = [stage.order("new")]
        stage.ledger.answers = [.admitted(left: 1, probe: nil), .full(retryAfter: .seconds(1))]
        guard case .unavailable = stage.perform(.reconcile([stage.terms.clientOrderID, other.clientOrderID])) else {
            Issue.record("a part was told as if it were all")
            return
        }
        #expect(stage.client.requests.count == 1)
    }

    @Test func `a cancel leaves as a whole under a notice, and watching it spends nothing of the exits`() throws {
        let stage = try RateStage(lane: .protective)
        let ledger = NoticedLedger { stage.time }
        stage.sharedLedger = ledger
        stage.client.answers =
            [stage.order("new"), HTTPResponse(status: 204)]
            + Array(repeating: stage.order("pending_cancel"), count: 3) + [stage.order("canceled")]
        guard case .orders(let reports) = stage.perform(.cancel(stage.terms.clientOrderID)) else {
            Issue.record("a cancel was held up for the whole notice")
            return
        }
        #expect(reports.map(\.event) == [.cancelled])
        #expect(stage.client.requests.map(\.method) == [.get, .delete, .get, .get, .get, .get])
        // The turn of the call comes after 5 s, the first look after the request at once, then 100, 200, 400 ms later.
        #expect(ledger.departures.map(\.at) == [5000, 5000, 5000, 5100, 5300, 5700].map { .milliseconds($0) })
        #expect(ledger.departures.map(\.urgency) == [.exit, .exit, .orders, .orders, .orders, .orders])
        // The next call has to wait for its own turn.
        guard case .unavailable = stage.perform(.find(stage.terms.clientOrderID)) else {
            Issue.record("a call went with an earlier one")
            return
        }
    }

    @Test func `a cancel goes on waiting while there is no room to look`() throws {
        let stage = try RateStage(lane: .protective)
        stage.client.answers = [stage.order("new"), HTTPResponse(status: 204), stage.order("canceled")]
        let admitted = RateAnswer.admitted(left: 1, probe: nil)
        stage.ledger.answers = [admitted, admitted, .full(retryAfter: .seconds(9)), .full(retryAfter: .seconds(9))]
        guard case .orders(let reports) = stage.perform(.cancel(stage.terms.clientOrderID)) else {
            Issue.record("a look that was withheld was taken for a failure")
            return
        }
        #expect(reports.map(\.event) == [.cancelled])
        #expect(stage.time == .milliseconds(300))
        // Not for ever.
        stage.client.answers = [stage.order("new"), HTTPResponse(status: 204)]
        stage.ledger.answers = [admitted, admitted] + Array(repeating: .full(retryAfter: .seconds(9)), count: 20)
        guard case .unknown = stage.perform(.cancel(stage.terms.clientOrderID)) else {
            Issue.record("nothing is known of the order")
            return
        }
        #expect(stage.time == .milliseconds(2300))
    }

    @Test func `an exit at Schwab leaves as a whole under a notice, the look at what it has become included`() throws {
        let schwab = try SchwabStage()
        var time = Duration.zero
        let ledger = NoticedLedger { time }
        let gate = RateGate(
            ledger: ledger,
            budgets: schwab.endpoints.rateBudgets(120, reservedShare: Rate(raw: Rate.unit / 2)),
            now: { time },
            pause: {
                time += $0
                return true
            }
        )
        let client = MeteredHTTPClient(schwab.client, gate: gate, schwab: schwab.endpoints, now: { schwab.time })
        let desk = BrokerDesk(
            broker: SchwabBroker(endpoints: schwab.endpoints, client: client, now: { schwab.time }),
            gate: gate,
            now: { time },
            pause: { _ in true },
            breakerChanged: { _, _, _, _ in }
        )
        schwab.client.on("POST {account}/orders", status: 201, headers: [("Location", "/orders/1001")])
        schwab.client.on("GET {account}/orders/1001", SchwabStage.order(1001, status: "WORKING", side: "SELL"))
        let terms = SchwabStage.terms(try #require(Symbol("AAPL")), .exit, .sell, .limit, "340.3")
        let answer = desk.perform(
            BrokerCall(.place(terms), lane: .protective),
            orders: [OrderReference(terms: terms, intendedAt: schwab.time)],
            mayHaveBeenMade: false
        )
        guard case .orders(let reports) = answer.outcome else {
            Issue.record("an exit was held up for the whole notice: \(answer.outcome)")
            return
        }
        #expect(reports.map(\.event) == [.accepted])
        #expect(ledger.departures.map(\.at) == Array(repeating: .seconds(5), count: 3))
    }
}
