import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// What Alpaca's answers mean: done, refused, not executed, or unknown.
@Suite struct AlpacaBrokerTests {
    @Test(arguments: [
        (400, #"{"code":40010000,"message":"malformed"}"#),
        (403, #"{"code":40310000,"message":"insufficient buying power"}"#),
        (422, #"{"code":42210000,"message":"sub-penny"}"#), (422, #"{"code":40010001,"message":"qty is required"}"#),
    ])
    func `a known pair of status and code refuses an order`(status: Int, body: String) throws {
        guard case .refused = Self.placing(status, body)?.kind else {
            Issue.record("\(status) \(body) was not a refusal")
            return
        }
    }

    @Test(arguments: [
        (500, ""), (502, "<html>"), (504, #"{"message":"timeout"}"#), (403, #"{"code":1,"message":"new"}"#),
        (422, "not json"), (200, "not json"), (200, "{}"), (408, ""),
    ])
    func `anything else about an order is unknown`(status: Int, body: String) throws {
        #expect(Self.placing(status, body)?.kind == .unknownOutcome)
    }

    @Test(arguments: [#"{"code":40110000,"message":"unauthorized"}"#, #"{"message":"unauthorized."}"#, ""])
    func `a key that is not accepted is no verdict on an order`(body: String) {
        #expect(Self.placing(401, body)?.kind == .loginExpired)
    }

    @Test func `a rate limit did not execute`() {
        #expect(Self.placing(429, "")?.kind == .notExecuted)
    }

    @Test func `a lost connection is unknown, a refused one is not executed`() {
        for (isSent, kind) in [(true, BrokerError.Kind.unknownOutcome), (false, .notExecuted)] {
            let client = ScriptedClient()
            client.failure = HTTPTransportError(
                code: .connectionLost,
                message: "lost",
                requestMayHaveBeenSent: isSent
            )
            #expect(Self.failure(client)?.kind == kind)
        }
    }

    @Test func `a duplicate client order id is the earlier order, if it is the same`() throws {
        let client = ScriptedClient()
        client.answers = [
            HTTPResponse(
                status: 422,
                body: Array(#"{"code":40010001,"message":"client_order_id must be unique"}"#.utf8)
            ),
            HTTPResponse(status: 200, body: Array(Self.order(quantity: "5").utf8)),
        ]
        let report = try AlpacaStage.broker(client).place(try Self.reference())
        #expect(report.brokerOrderID == "b-1")
        #expect(client.requests.map(\.method) == [.post, .get])
        client.answers = [
            HTTPResponse(
                status: 422,
                body: Array(#"{"code":40010001,"message":"client_order_id must be unique"}"#.utf8)
            ),
            HTTPResponse(status: 200, body: Array(Self.order(quantity: "6").utf8)),
        ]
        #expect(throws: BrokerError.self) { try AlpacaStage.broker(client).place(try Self.reference()) }
    }

    @Test func `money goes out as text and comes back exact`() throws {
        let client = ScriptedClient()
        client.answers = [HTTPResponse(status: 200, body: Array(Self.order(quantity: "5").utf8))]
        _ = try AlpacaStage.broker(client).place(try Self.reference())
        let sent = try JSONValue(parsing: try #require(client.requests.first?.body))
        #expect(sent["limit_price"] == .string("340.296"))
        #expect(sent["qty"] == .string("5"))
        client.answers = [
            HTTPResponse(status: 200, body: Array(#"{"id":"a","cash":"10197.7808","equity":11815.6108}"#.utf8))
        ]
        let account = try AlpacaStage.broker(client).account()
        #expect(
            account == BrokerAccount(cash: try #require(Money("10197.7808")), equity: try #require(Money("11815.6108")))
        )
    }

    @Test func `credentials stay in the headers`() {
        let failure = Self.placing(500, "")
        #expect(failure.map { "\($0)".contains("the-secret") } == false)
    }

    @Test func `bars are read page by page`() throws {
        let client = ScriptedClient()
        let bar = #"{"t":"2009-01-02T05:00:00Z","o":1,"h":2.5,"l":0.5,"c":2,"v":10}"#
        client.answers = [
            HTTPResponse(status: 200, body: Array(#"{"bars":[\#(bar)],"symbol":"AAPL","next_page_token":"p/2"}"#.utf8)),
            HTTPResponse(status: 200, body: Array(#"{"bars":null,"symbol":"AAPL","next_page_token":null}"#.utf8)),
        ]
        let bars = try AlpacaStage.broker(client).bars(
            BarsRequest(symbol: try #require(Symbol("AAPL")), timeframe: .day, start: Timestamp(seconds: 0))
        )
        #expect(bars.map(\.high) == [try #require(Price("2.5"))])
        #expect(client.requests.last?.url.contains("page_token=p%2F2") == true)
    }

    @Test func `an unknown order status is neither terminal nor fatal`() throws {
        let client = ScriptedClient()
        client.answers = [
            HTTPResponse(status: 200, body: Array(Self.order(quantity: "5", status: "pending_review").utf8))
        ]
        #expect(try AlpacaStage.broker(client).place(try Self.reference()).event == .accepted)
    }

    private static func placing(_ status: Int, _ body: String) -> BrokerError? {
        let client = ScriptedClient()
        client.answers = [HTTPResponse(status: status, body: Array(body.utf8))]
        return Self.failure(client)
    }

    private static func failure(_ client: ScriptedClient) -> BrokerError? {
        do {
            _ = try AlpacaStage.broker(client).place(try Self.reference())
            return nil
        } catch {
            return error as? BrokerError
        }
    }

    private static func terms() throws -> OrderTerms {
        let symbol = try #require(Symbol("AAPL"))
        return OrderTerms(
            clientOrderID: ClientOrderID(
                trade: TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 0)),
                role: .entry,
                attempt: 1
            ),
            symbol: symbol,
            side: .buy,
            type: .limit,
            quantity: Quantity(5),
            limitPrice: Price("340.296"),
            timeInForce: .day
        )
    }

    private static func reference() throws -> OrderReference {
        OrderReference(terms: try Self.terms(), intendedAt: Timestamp(seconds: 0))
    }

    private static func order(quantity: String, status: String = "pending_new") -> String {
        """
        {"id":"b-1","client_order_id":"AAPL-19700101T000000Z-entry-1","created_at":"2009-01-02T21:00:00Z",
        "submitted_at":"2009-01-02T16:00:00-05:00","symbol":"AAPL","side":"buy","qty":"\(quantity)","filled_qty":"0",
        "filled_avg_price":null,"status":"\(status)","some_new_member":{"a":1}}
        """
    }
}
