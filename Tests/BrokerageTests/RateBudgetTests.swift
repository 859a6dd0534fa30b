import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// A lane's desk with Alpaca behind it, whose requests go through the rate gate: what waits, what is answered instead,
/// and what the other processes get to know.
@Suite struct RateBudgetTests {
    @Test func `every request counts, each page for itself, in the budget of its part and with its urgency`() throws {
        let stage = try RateStage(lane: .protective)
        stage.client.answers = [
            HTTPResponse(status: 200, body: Array(#"{"bars":[],"next_page_token":"2"}"#.utf8)),
            HTTPResponse(status: 200, body: Array(#"{"bars":[],"next_page_token":null}"#.utf8)),
        ]
        let request = BarsRequest(symbol: stage.terms.symbol, timeframe: .day, start: Timestamp(seconds: 0), end: nil)
        #expect(stage.perform(.bars(request)) == .bars([]))
        #expect(stage.ledger.asked == [Asked(.data, "data"), Asked(.data, "data")])
        stage.ledger.asked = []
        for operation in [
            BrokerCall.Operation.place(stage.terms), .cancel(stage.terms.clientOrderID),
            .find(stage.terms.clientOrderID), .reconcile([stage.terms.clientOrderID]), .account, .clock,
        ] { _ = stage.perform(operation) }
        #expect(stage.ledger.asked.map(\.urgency) == [.exit, .exit, .orders, .orders, .data, .data])
        #expect(stage.ledger.asked.allSatisfy { $0.part == "trading" })
        stage.lane = .entries
        stage.ledger.asked = []
        _ = stage.perform(.place(stage.terms))
        _ = stage.perform(.find(stage.terms.clientOrderID))
        #expect(stage.ledger.asked.map(\.urgency) == [.entry, .orders])
    }

    @Test func `an entry waits a little for room, an exit a little longer, data as long as it takes`() throws {
        for (lane, operation, waits) in [
            (BrokerLane.entries, BrokerCall.Operation.account, 60), (.entries, nil, 3), (.protective, nil, 6),
        ] {
            let stage = try RateStage(lane: lane)
            stage.ledger.answers = [.full(retryAfter: .seconds(waits))]
            stage.client.answers = [HTTPResponse(status: 500)]
            guard case .unknown = stage.perform(operation ?? .place(stage.terms)) else {
                Issue.record("a request that had waited \(waits) s was not sent")
                continue
            }
            #expect(stage.time == .seconds(waits))
            stage.ledger.answers = [.full(retryAfter: .seconds(waits) + .milliseconds(1))]
            guard case .unavailable(let reason) = stage.perform(operation ?? .place(stage.terms)) else {
                Issue.record("a request without room was sent")
                continue
            }
            #expect(reason.contains("the rate budget of") && reason.contains("for another \(waits + 1) s"), "\(reason)")
            #expect(stage.client.requests.count == 1)
        }
    }

    @Test func `however often it has to wait, a call about orders does not become longer`() throws {
        let stage = try RateStage(lane: .protective)
        stage.ledger.answers = Array(repeating: .full(retryAfter: .milliseconds(900)), count: 100)
        guard case .unavailable = stage.perform(.place(stage.terms)) else {
            Issue.record("an exit waited on and on")
            return
        }
        #expect(stage.time <= .seconds(6))
        #expect(stage.client.requests.isEmpty)
    }

    @Test func `want of room is no failure of the broker's`() throws {
        let stage = try RateStage(lane: .entries)
        for _ in 0..<10 {
            stage.ledger.answers = [.full(retryAfter: .seconds(30))]
            guard case .unavailable = stage.perform(.place(stage.terms)) else {
                Issue.record("a request without room was sent")
                return
            }
        }
        #expect(stage.changes.isEmpty)
        // Nor does it decide a probe: that is for the next call.
        stage.client.answers = Array(repeating: HTTPResponse(status: 500), count: 3)
        for _ in 0..<3 { _ = stage.perform(.place(stage.terms)) }
        stage.time += .seconds(60)
        stage.ledger.answers = [.full(retryAfter: .seconds(30))]
        _ = stage.perform(.place(stage.terms))
        #expect(stage.changes.map(\.to) == [.open, .halfOpen, .open])
        stage.client.answers = [HTTPResponse(status: 403, body: Array(#"{"code":40310000,"message":"no"}"#.utf8))]
        #expect(
            stage.perform(.place(stage.terms)) == .refused(code: "40310000", reason: "POST /v2/orders: no (HTTP 403)")
        )
        #expect(stage.changes.map(\.to) == [.open, .halfOpen, .open, .halfOpen, .closed])
    }

    @Test func `an order that may have been sent before and finds no room stays unknown`() throws {
        let stage = try RateStage(lane: .protective)
        stage.ledger.answers = [.full(retryAfter: .seconds(30))]
        guard case .unknown = stage.perform(.place(stage.terms), mayHaveBeenMade: true) else {
            Issue.record("what an earlier attempt came to is not known")
            return
        }
        // A duplicate that there is no room to look up is there nevertheless.
        let duplicate = #"{"code":40010001,"message":"client_order_id must be unique"}"#
        stage.client.answers = [HTTPResponse(status: 422, body: Array(duplicate.utf8))]
        stage.ledger.answers = [.admitted(left: 0, probe: nil), .full(retryAfter: .seconds(30))]
        guard case .unknown = stage.perform(.place(stage.terms)) else {
            Issue.record("an order that exists was taken for not sent")
            return
        }
    }

    @Test func `nothing is sent while the budget cannot be asked, or when the process is to stop`() throws {
        let stage = try RateStage(lane: .protective)
        stage.ledger.failure = Unreachable()
        guard case .unavailable = stage.perform(.place(stage.terms)) else {
            Issue.record("a request was sent uncounted")
            return
        }
        stage.ledger.failure = nil
        stage.ledger.answers = [.full(retryAfter: .seconds(1))]
        stage.isStopping = true
        guard case .unavailable = stage.perform(.place(stage.terms)) else {
            Issue.record("a request was sent by a process that stops")
            return
        }
        #expect(stage.client.requests.isEmpty)
    }

    @Test(arguments: [
        ([("Retry-After", "7")], 7), ([("retry-after", "0")], 1), ([("Retry-After", "9999")], 60),
        ([("Date", "Mon, 23 Nov 2026 14:30:00 GMT"), ("X-RateLimit-Reset", "1795444212")], 12),
        ([("X-RateLimit-Reset", "1795444205")], 5), ([("X-RateLimit-Reset", "1")], 1), ([], 60),
        ([("Retry-After", "Mon, 23 Nov 2026 14:30:00 GMT")], 60), ([("X-RateLimit-Reset", "9223372036854775807")], 60),
    ])
    func `a rate limit that is met is told to all, for as long as the broker says`(
        headers: [(String, String)],
        seconds: Int
    ) throws {
        let stage = try RateStage(lane: .entries)
        stage.client.answers = [HTTPResponse(status: 429, headers: headers)]
        _ = stage.perform(.account)
        let posted = try #require(stage.ledger.posted.first)
        #expect(posted.notice.cause == .rateLimited)
        #expect(posted.part == "trading")
        #expect(posted.duration == .seconds(seconds))
    }

    @Test func `what another process knows opens the breaker of entries and data, with its reason`() throws {
        let notice = BrokerNotice(.loginExpired, "the login has ended: log in")
        for operation in [nil, BrokerCall.Operation.account] {
            let stage = try RateStage(lane: .entries)
            stage.ledger.answers = [.noticed(notice, retryAfter: .seconds(40))]
            for _ in 0..<2 {
                guard case .unavailable(let reason) = stage.perform(operation ?? .place(stage.terms)) else {
                    Issue.record("a request was sent in vain")
                    return
                }
                #expect(reason.contains("the login has ended: log in") && reason.contains("4"), "\(reason)")
            }
            #expect(stage.ledger.asked.count == 1, "the breaker is open by now and nobody has to ask")
            #expect(stage.changes.map(\.to) == [.open])
            #expect(stage.changes.first?.retryAfter == .seconds(40))
            stage.time += .seconds(40)
            stage.client.answers = [HTTPResponse(status: 403, body: Array(#"{"code":40310000}"#.utf8))]
            stage.ledger.answers = [.admitted(left: 5, probe: 77)]
            _ = stage.perform(operation ?? .place(stage.terms))
            #expect(stage.changes.last?.to == .closed)
            #expect(stage.ledger.ended == [77])
        }
    }

    @Test func `an entry does not leave after its time, however long it waited for room`() throws {
        for (wait, isSent) in [(Duration.milliseconds(999), true), (.seconds(1), false)] {
            let stage = try RateStage(lane: .entries)
            stage.ledger.answers = [.full(retryAfter: wait)]
            let answer = stage.perform(.place(stage.terms), within: .seconds(1))
            #expect(stage.client.requests.count == (isSent ? 1 : 0))
            if case .unavailable = answer { #expect(!isSent) } else { #expect(isSent) }
        }
        // Nor when the answer about room itself came late.
        let stage = try RateStage(lane: .entries)
        stage.ledger.slowness = { stage.time += .seconds(1) }
        guard case .unavailable = stage.perform(.place(stage.terms), within: .seconds(1)) else {
            Issue.record("an entry left after its time")
            return
        }
        #expect(stage.client.requests.isEmpty)
    }

    @Test func `exits go on as far as they are let through, and their breaker stays closed`() throws {
        let stage = try RateStage(lane: .protective)
        let notice = BrokerNotice(.rateLimited, "429")
        stage.ledger.answers = [.noticed(notice, retryAfter: .seconds(5)), .admitted(left: 9, probe: nil)]
        stage.client.answers = [HTTPResponse(status: 500)]
        guard case .unknown = stage.perform(.place(stage.terms)) else {
            Issue.record("an exit was not sent when its turn had come")
            return
        }
        #expect(stage.time == .seconds(5))
        stage.ledger.answers = [.noticed(notice, retryAfter: .seconds(7))]
        guard case .unavailable = stage.perform(.place(stage.terms)) else {
            Issue.record("an exit did not wait for its turn")
            return
        }
        #expect(stage.changes.isEmpty)
    }

    @Test(arguments: [401, 429, 500, 503])
    func `a probe that brings no good answer ends no notice`(status: Int) throws {
        let stage = try RateStage(lane: .entries)
        stage.ledger.answers = [.admitted(left: 5, probe: 77)]
        stage.client.answers = [HTTPResponse(status: status)]
        _ = stage.perform(.account)
        #expect(stage.ledger.ended.isEmpty)
    }

    @Test func `an expired login is told to all, and fetching a token is not counted`() throws {
        let schwab = try SchwabStage(accessTokenLife: .zero)
        let ledger = ScriptedLedger()
        let budgets = schwab.endpoints.rateBudgets(120, reservedShare: Rate(raw: Rate.unit / 2))
        let gate = RateGate(ledger: ledger, budgets: budgets, now: { .zero }, pause: { _ in true })
        let client = MeteredHTTPClient(schwab.client, gate: gate, schwab: schwab.endpoints, now: { schwab.time })
        let desk = BrokerDesk(
            broker: SchwabBroker(endpoints: schwab.endpoints, client: client, now: { schwab.time }),
            gate: gate,
            now: { .zero },
            pause: { _ in true },
            breakerChanged: { _, _, _, _ in }
        )
        schwab.client.on("POST /v1/oauth/token", #"{"error":"refresh_token_authentication_error"}"#, status: 400)
        _ = desk.perform(BrokerCall(.account, lane: .account), orders: [], mayHaveBeenMade: false)
        #expect(ledger.asked.isEmpty)
        #expect(ledger.posted.map(\.notice.cause) == [.loginExpired])
        #expect(ledger.posted.first?.duration == .seconds(60))
        for posted in ledger.posted { SchwabStage.expectNoSecret(posted.notice.reason) }
    }

    @Test func `a budget's name tells neither key nor account`() throws {
        let alpaca = RateStage.endpoints.rateBudgets(trading: 180, data: 180, reservedShare: .zero)
        let ids = [alpaca.trading?.id, alpaca.data?.id].compactMap { $0 }
        #expect(Set(ids).count == 2)
        for id in ids { #expect(!id.contains("the-key") && !id.contains("the-secret")) }
        let schwab = try SchwabStage()
        let budgets = schwab.endpoints.rateBudgets(120, reservedShare: .zero)
        let id = try #require(budgets.trading?.id)
        SchwabStage.expectNoSecret(id)
        #expect(budgets.trading == budgets.data)
        #expect(RateStage.endpoints.rateBudgets(trading: 0, data: 0, reservedShare: .zero).isEmpty)
        #expect(schwab.endpoints.rateBudgets(0, reservedShare: .zero).isEmpty)
    }
}
