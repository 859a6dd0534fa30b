import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Orders at Schwab: sent once, known by their number, and found again without one.
@Suite struct SchwabBrokerTests {
    private let stage: SchwabStage
    private let symbol: Symbol
    private let entry: OrderReference

    init() throws {
        self.stage = try SchwabStage()
        self.symbol = try #require(Symbol("AAPL"))
        self.entry = OrderReference(
            terms: SchwabStage.terms(self.symbol, .entry, .buy, .limit, "340.3"),
            intendedAt: self.stage.time
        )
    }

    // MARK: Placing

    @Test func `an order goes out with exact prices and comes back with the number of its Location`() throws {
        // The host of the Location may be any.
        self.takes(location: "https://elsewhere.test/trader/v1/accounts/x/orders/1001")
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, status: "WORKING"))
        let report = try self.stage.broker().place(self.entry)
        #expect(report.brokerOrderID == "1001")
        #expect(report.event == .accepted)
        #expect(report.submittedAt == Timestamp("2026-11-23T14:30:05Z"))
        let request = try #require(self.stage.client.requests("POST {account}/orders").first)
        #expect(
            String(decoding: request.body ?? [], as: UTF8.self)
                == #"{"session":"NORMAL","duration":"DAY","orderType":"LIMIT","price":"340.30","#
                + #""orderStrategyType":"SINGLE","orderLegCollection":[{"instruction":"BUY","quantity":5,"#
                + #""instrument":{"symbol":"AAPL","assetType":"EQUITY"}}]}"#
        )
        #expect(request.headers.contains { $0 == ("Authorization", "Bearer \(SchwabStage.accessToken)") })
    }

    @Test(arguments: [
        (OrderRole.stop, OrderSide.sell, OrderType.stop, "0.1234", "SELL", "STOP", "GOOD_TILL_CANCEL"),
        (.exit, .sell, .market, "", "SELL", "MARKET", "DAY"), (.exit, .sell, .limit, "12", "SELL", "LIMIT", "DAY"),
    ])
    func `each kind of order is spelled as Schwab does`(
        role: OrderRole,
        side: OrderSide,
        type: OrderType,
        price: String,
        instruction: String,
        orderType: String,
        duration: String
    ) throws {
        self.takes(location: "/orders/1")
        self.stage.client.on("GET {account}/orders/1", status: 404)
        var order = self.entry
        order.terms = SchwabStage.terms(self.symbol, role, side, type, price)
        _ = try self.stage.broker().place(order)
        let body = try #require(self.stage.client.requests("POST {account}/orders").first?.body)
        let sent = try JSONValue(parsing: body)
        #expect(sent["orderType"] == .string(orderType))
        #expect(sent["duration"] == .string(duration))
        #expect(sent["stopPrice"] == (type == .stop ? .string("0.1234") : nil))
        #expect(sent["price"] == (type == .limit ? .string("12.00") : nil))
        guard case .array(let legs)? = sent["orderLegCollection"] else {
            Issue.record("no legs")
            return
        }
        #expect(legs.first?["instruction"] == .string(instruction))
    }

    @Test(arguments: [404, 500, 429])
    func `an order that cannot be read yet is submitted`(status: Int) throws {
        self.takes(location: "/trader/v1/accounts/x/orders/1001", date: "Mon, 23 Nov 2026 14:30:07 GMT")
        self.stage.client.on("GET {account}/orders/1001", status: status)
        let report = try self.stage.broker().place(self.entry)
        #expect(report.brokerOrderID == "1001")
        #expect(report.event == .submitted)
        #expect(report.submittedAt == Timestamp("2026-11-23T14:30:07Z"))
    }

    @Test(arguments: [
        (201, "", nil as String?), (201, "", "https://api.schwabapi.com/trader/v1/accounts/x/orders/"),
        (201, "", "orders/abc"), (500, #"{"message":"oops"}"#, nil), (502, "<html>", nil), (503, "", nil),
        (504, "", nil), (400, "", nil), (400, "<html>", nil), (403, "<html>Access Denied</html>", nil),
        (408, #"{"message":"timeout"}"#, nil), (302, "", nil),
    ])
    func `what became of the order is unknown`(status: Int, body: String, location: String?) throws {
        self.stage.client.on(
            "POST {account}/orders",
            body,
            status: status,
            headers: location.map { [("Location", $0)] } ?? []
        )
        let error = try self.placing()
        #expect(error.kind == .unknownOutcome)
        #expect(self.stage.client.requests("POST {account}/orders").count == 1)
    }

    @Test func `a Location that leads to another order is not believed`() throws {
        self.takes(location: "/orders/1001")
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, quantity: "6"))
        #expect(try self.placing().kind == .unknownOutcome)
    }

    @Test(arguments: [
        (400, #"{"message":"A validation error occurred","errors":["price is required"]}"#, "400"),
        (
            400,
            #"{"message":"Position_Sys_0001: This order may result in an oversold/overbought position, 12345678"}"#,
            "Position_Sys_0001"
        ),
        (
            403, #"{"errors":[{"id":"1","status":"403","title":"Forbidden","detail":"no such account 12345678"}]}"#,
            "403"
        ),
        (404, #"{"message":"not found"}"#, "404"),
    ])
    func `a refusal says why and shows no secret`(status: Int, body: String, code: String) throws {
        self.stage.client.on(
            "POST {account}/orders",
            body,
            status: status,
            headers: [("Schwab-Client-CorrelId", "e1a8f21f")]
        )
        let error = try self.placing()
        #expect(error.kind == .refused(code: code))
        #expect(error.reason.contains("e1a8f21f"))
        SchwabStage.expectNoSecret(error.reason)
    }

    @Test func `a rate limit did not execute, nor did a connection that was never made`() throws {
        self.stage.client.on("POST {account}/orders", status: 429)
        #expect(try self.placing().kind == .notExecuted)
        for (isSent, kind) in [(true, BrokerError.Kind.unknownOutcome), (false, .notExecuted)] {
            let stage = try SchwabStage()
            stage.client.on(
                "POST {account}/orders",
                .failure(HTTPTransportError(code: .timedOut, message: "late", requestMayHaveBeenSent: isSent))
            )
            let error = try #require(#expect(throws: BrokerError.self) { try stage.broker().place(self.entry) })
            #expect(error.kind == kind)
        }
    }

    @Test func `parts of shares are not sent`() throws {
        var order = self.entry
        order.terms.quantity = try #require(Quantity("1.5"))
        let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().place(order) })
        #expect(error.kind == .refused(code: "terms"))
        #expect(self.stage.client.requests.isEmpty)
    }

    // MARK: Tokens and accounts

    @Test func `a token turned away is renewed once, and what it carried is sent once more`() throws {
        self.stage.client.on("POST {account}/orders", SchwabStage.unauthorized, status: 401)
        self.takes(location: "/orders/1001")
        self.stage.client.on("POST /v1/oauth/token", SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001))
        #expect(try self.stage.broker().place(self.entry).brokerOrderID == "1001")
        #expect(
            self.stage.client.requests("POST {account}/orders").map(\.authorization) == [
                "Bearer access-token-1", "Bearer access-token-2",
            ]
        )
    }

    @Test func `a token just issued and turned away ends the call, and nothing was executed`() throws {
        self.stage.client.on("POST {account}/orders", SchwabStage.unauthorized, status: 401)
        self.stage.client.on("POST /v1/oauth/token", SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        let error = try self.placing()
        #expect(error.kind == .loginExpired)
        #expect(error.reason.contains("tradectl schwab login"))
        #expect(self.stage.client.requests("POST {account}/orders").count == 3)
        SchwabStage.expectNoSecret(error.reason)
    }

    @Test func `the account is found by its number, once for each login`() throws {
        self.stage.client.on("GET {account}/orders/1", status: 404)
        let broker = self.stage.broker()
        var order = self.entry
        order.brokerOrderID = "1"
        for _ in 0..<2 { #expect(try broker.order(order) == nil) }
        #expect(self.stage.client.requests("GET /trader/v1/accounts/accountNumbers").count == 1)

        self.stage.endpoints.accountNumber = "99999999"
        let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().order(order) })
        #expect(error.reason.contains("SCHWAB_ACCOUNT_NUMBER"))
        #expect(!error.reason.contains("99999999"))
        SchwabStage.expectNoSecret(error.reason)
    }

    // MARK: Reports

    @Test(arguments: [
        ("WORKING", OrderEvent.accepted), ("QUEUED", .accepted), ("PENDING_ACTIVATION", .accepted),
        ("AWAITING_STOP_CONDITION", .accepted), ("PENDING_CANCEL", .accepted), ("AWAITING_UR_OUT", .accepted),
        ("NEW", .submitted), ("PENDING_ACKNOWLEDGEMENT", .submitted), ("AWAITING_MANUAL_REVIEW", .submitted),
        ("UNKNOWN", .submitted), ("SOMETHING_NEW", .submitted), ("REJECTED", .rejected), ("CANCELED", .cancelled),
        ("EXPIRED", .expired),
    ])
    func `statuses without fills`(status: String, event: OrderEvent) throws {
        let report = try self.report(SchwabStage.order(1001, status: status, closed: "2026-11-23T21:00:00.250+0000"))
        #expect(report.event == event)
        #expect(report.filledQuantity == .zero)
        #expect(report.averagePrice == nil)
        let end = Timestamp(event.isTerminal ? "2026-11-23T21:00:00.25Z" : "2026-11-23T14:30:05Z")
        #expect(report.timestamp == end)
    }

    @Test func `a rejection a second later tells its reason`() throws {
        let report = try self.report(
            SchwabStage.order(1001, status: "REJECTED", more: #","statusDescription":"no buying power in 12345678""#)
        )
        #expect(report.event == .rejected)
        #expect(report.reason == "no buying power in …5678")
    }

    @Test func `fills are summed exactly, and what is no fill is not booked`() throws {
        let activities = """
            {"activityType":"EXECUTION","activityId":1,"executionType":"FILL","quantity":2,"executionLegs":[
            {"legId":1,"price":150.0101,"quantity":1,"time":"2026-11-23T14:30:07+0000"},
            {"legId":1,"price":150.0100,"quantity":1,"time":"2026-11-23T14:30:08+0000"}]},
            {"activityType":"EXECUTION","activityId":2,"executionType":"CANCELED","quantity":1,"executionLegs":[
            {"legId":1,"price":0,"quantity":1,"time":"2026-11-23T14:30:09+0000"}]},
            {"activityType":"EXECUTION","activityId":4,"executionType":"UROUT","quantity":1,"executionLegs":[]},
            {"activityType":"ORDER_ACTION","activityId":3,"quantity":1},
            {"activityType":"EXECUTION","activityId":1,"executionType":"FILL","quantity":2,"executionLegs":[
            {"legId":1,"price":150.0101,"quantity":2,"time":"2026-11-23T14:30:07+0000"}]}
            """
        for (status, event) in [
            ("WORKING", OrderEvent.partiallyFilled), ("AWAITING_UR_OUT", .partiallyFilled), ("CANCELED", .cancelled),
        ] {
            let report = try self.report(
                SchwabStage.order(1001, status: status, filled: "2.0", closed: "2026-11-23T14:31:00+0000", activities)
            )
            #expect(report.event == event)
            #expect(report.filledQuantity == Quantity(2))
            #expect(report.averagePrice == Price("150.01005"))
            let end = Timestamp(event.isTerminal ? "2026-11-23T14:31:00Z" : "2026-11-23T14:30:08Z")
            #expect(report.timestamp == end)
        }
    }

    @Test func `an average is rounded once, at the end`() throws {
        let legs = [("0.1", 3), ("0.2", 3), ("0.30000000000000004", 1)].map {
            #"{"price":\#($0.0),"quantity":\#($0.1),"time":"2026-11-23T14:30:07+0000"}"#
        }
        let report = try self.report(
            SchwabStage.order(
                1001,
                status: "FILLED",
                filled: "7",
                #"{"activityType":"EXECUTION","executionType":"FILL","executionLegs":[\#(legs.joined(separator: ","))]}"#
            )
        )
        #expect(report.event == .filled)
        // 1.2 ÷ 7 = 0.171428571…
        #expect(report.averagePrice == Price("0.17142857"))
    }

    @Test func `an order has not ended before its executions are there`() throws {
        let report = try self.report(SchwabStage.order(1001, status: "FILLED", filled: "5"))
        #expect(report.event == .accepted)
        #expect(report.filledQuantity == .zero)
        #expect(report.reason?.contains("5 shares") == true)
    }

    @Test func `a number that is another order's stops everything`() throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, symbol: "MSFT"))
        var order = self.entry
        order.brokerOrderID = "1001"
        let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().order(order) })
        #expect(error.kind == .refused(code: "mismatch"))
    }

    @Test func `cancelling is a request, and turning it down is no failure`() throws {
        self.stage.client.on("DELETE {account}/orders/1001")
        try self.stage.broker().requestCancel(brokerOrderID: "1001")
        for (status, body, kind) in [
            (404, "", BrokerError.Kind.refused(code: "404")), (400, #"{"message":"gone"}"#, .refused(code: "400")),
            (400, "", .refused(code: "400")), (500, "", .unknownOutcome), (429, "", .notExecuted),
        ] {
            let stage = try SchwabStage()
            stage.client.on("DELETE {account}/orders/1001", body, status: status)
            let error = try #require(
                #expect(throws: BrokerError.self) { try stage.broker().requestCancel(brokerOrderID: "1001") }
            )
            #expect(error.kind == kind)
        }
    }

    // MARK: Without a number

    @Test func `an order without a number is looked for where and when it must be`() throws {
        self.stage.client.on("GET {account}/orders", "[]", headers: [("Date", "Mon, 23 Nov 2026 14:31:30 GMT")])
        let broker = self.stage.broker()
        #expect(try broker.order(self.entry) == nil)
        #expect(try broker.order(self.entry) == nil)
        let urls = self.stage.client.requests("GET {account}/orders").map { $0.url.drop { $0 != "?" } }
        #expect(
            urls == [
                "?fromEnteredTime=2026-11-23T14%3A28%3A00.000Z&toEnteredTime=2026-11-23T14%3A32%3A00.000Z&maxResults=3000",
                // By then Schwab has told its time.
                "?fromEnteredTime=2026-11-23T14%3A28%3A00.000Z&toEnteredTime=2026-11-23T14%3A33%3A30.000Z&maxResults=3000",
            ]
        )
    }

    @Test func `exactly one order that asks for the same is adopted`() throws {
        let others = [
            SchwabStage.order(1, symbol: "MSFT"), SchwabStage.order(2, quantity: "6"),
            SchwabStage.order(3, price: "340.31"),
            SchwabStage.order(4, more: #","tag":"API_TOS""#),
            SchwabStage.order(5).replacing("\"BUY\"", with: "\"SELL\""),
            SchwabStage.order(6).replacing("\"NORMAL\"", with: "\"SEAMLESS\""),
            SchwabStage.order(7).replacing("\"DAY\"", with: "\"GOOD_TILL_CANCEL\""),
            SchwabStage.order(8).replacing("\"LIMIT\"", with: "\"LIMIT_ON_CLOSE\""),
            SchwabStage.order(9).replacing("\"SINGLE\"", with: "\"TRIGGER\""),
            #"{"orderId":10,"status":"WORKING","orderStrategyType":"OCO","childOrderStrategies":[]}"#,
        ]
        let own = SchwabStage.order(1001, status: "REJECTED", price: "340.300")
        self.stage.client.on("GET {account}/orders", "[\((others + [own]).joined(separator: ","))]")
        var order = self.entry
        order.claimed = ["4"]
        let report = try #require(try self.stage.broker().order(order))
        #expect(report.brokerOrderID == "1001")
        #expect(report.clientOrderID == order.id)
        #expect(report.event == .rejected)
    }

    @Test func `two that ask for the same are for a person to tell apart`() throws {
        self.stage.client.on("GET {account}/orders", "[\(SchwabStage.order(1001)),\(SchwabStage.order(1002))]")
        let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().order(self.entry) })
        #expect(error.kind == .refused(code: "ambiguous"))
        #expect(error.reason.contains("1001, 1002"))
        #expect(error.reason.contains("a person has to look"))
    }

    @Test func `a lookup that fails proves nothing`() throws {
        for (status, body) in [(500, ""), (200, "not json"), (200, "[{}]"), (404, "<html>")] {
            let stage = try SchwabStage()
            stage.client.on("GET {account}/orders", body, status: status)
            #expect(throws: BrokerError.self) { try stage.broker().order(self.entry) }
        }
        self.stage.client.on("GET {account}/orders/1001", "<html>", status: 404)
        var order = self.entry
        order.brokerOrderID = "1001"
        #expect(throws: BrokerError.self) { try self.stage.broker().order(order) }
    }

    // MARK: Fixtures

    private func takes(location: String, date: String = "Mon, 23 Nov 2026 14:30:05 GMT") {
        self.stage.client.on(
            "POST {account}/orders",
            status: 201,
            headers: [("Date", date), ("location", location)]
        )
    }

    private func placing() throws -> BrokerError {
        try #require(#expect(throws: BrokerError.self) { try self.stage.broker().place(self.entry) })
    }

    private func report(_ order: String) throws -> OrderReport {
        let stage = try SchwabStage()
        stage.client.on("GET {account}/orders/1001", order)
        var reference = self.entry
        reference.brokerOrderID = "1001"
        return try #require(try stage.broker().order(reference))
    }
}

extension HTTPRequest {
    fileprivate var authorization: String? { self.headers.first { $0.name == "Authorization" }?.value }
}
