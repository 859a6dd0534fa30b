import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Orders that take other orders' places at Alpaca: asked for here, or made by the broker.
@Suite struct AlpacaReplacementTests {
    private let first: OrderReference
    private let second: OrderTerms
    private static let secondID = "AAPL-19700101T000000Z-stop-2"

    init() throws {
        let terms = try AlpacaStage.terms(.stopLimit, .sell, limit: "146", stop: "147")
        self.first = AlpacaStage.reference(terms, brokerOrderID: "b-1")
        self.second = try AlpacaStage.terms(.stopLimit, .sell, limit: "147", stop: "148", id: AlpacaStage.id(.stop, 2))
    }

    @Test func `a replacement sends every price again, the new total and an id of its own`() throws {
        let client = ScriptedClient((200, self.order("b-2", status: "pending_new")))
        let report = try AlpacaStage.broker(client).replace(self.first, with: self.second)
        #expect(client.calls == ["PATCH /v2/orders/b-1"])
        #expect(
            try client.sent()
                == .object(
                    [
                        ("qty", "10"), ("time_in_force", "day"), ("limit_price", "147"), ("stop_price", "148"),
                        ("client_order_id", Self.secondID),
                    ].map { JSONMember($0.0, .string($0.1)) }
                )
        )
        #expect(report.clientOrderID == self.second.clientOrderID)
        #expect(report.brokerOrderID == "b-2")
        #expect(report.event == .accepted)
    }

    @Test func `a trail is replaced in its own unit`() throws {
        for (trail, text) in [(Trail.amount(Price(2)), "2"), (.share(try #require(Rate("0.05"))), "5")] {
            let client = ScriptedClient((200, self.order("b-2")))
            let terms = try AlpacaStage.terms(.trailingStop, .sell, trail: trail, id: AlpacaStage.id(.stop, 2))
            _ = try AlpacaStage.broker(client).replace(self.first, with: terms)
            #expect(try client.sent()["trail"] == .string(text))
        }
    }

    @Test func `an order without a number is found first`() throws {
        let client = ScriptedClient((200, self.order("b-1")), (200, self.order("b-2")))
        var order = self.first
        order.brokerOrderID = nil
        _ = try AlpacaStage.broker(client).replace(order, with: self.second)
        #expect(client.calls.last == "PATCH /v2/orders/b-1")
        let missing = ScriptedClient((404, #"{"code":40410000,"message":"order not found"}"#))
        let error = #expect(throws: BrokerError.self) {
            try AlpacaStage.broker(missing).replace(order, with: self.second)
        }
        #expect(error?.kind == .refused(code: "unknown"))
        #expect(missing.requests.count == 1)
    }

    @Test(arguments: [
        (422, #"{"code":42210000,"message":"cannot replace order in filled status"}"#, "42210000"),
        (422, #"{"code":42210000,"message":"order parameters are not changed"}"#, "42210000"),
        (404, #"{"code":40410000,"message":"order not found"}"#, "40410000"),
        (403, #"{"code":40310000,"message":"insufficient qty available for order"}"#, "40310000"),
    ])
    func `a refusal leaves the order as it is`(status: Int, body: String, code: String) throws {
        let client = ScriptedClient((status, body))
        let error = #expect(throws: BrokerError.self) {
            try AlpacaStage.broker(client).replace(self.first, with: self.second)
        }
        #expect(error?.kind == .refused(code: code))
        #expect(client.requests.count == 1)
    }

    @Test(arguments: [(504, ""), (500, "{}"), (200, "not json"), (200, "{}"), (403, #"{"message":"?"}"#)])
    func `what became of it is unknown, and it is not sent again`(status: Int, body: String) throws {
        let client = ScriptedClient((status, body))
        let error = #expect(throws: BrokerError.self) {
            try AlpacaStage.broker(client).replace(self.first, with: self.second)
        }
        #expect(error?.kind == .unknownOutcome)
        #expect(client.requests.count == 1)
    }

    @Test func `a repeated replacement is the one made before`() throws {
        let duplicate = (422, #"{"code":40010001,"message":"client_order_id must be unique"}"#)
        let client = ScriptedClient(duplicate, (200, self.order("b-2", more: #","replaces":"b-1""#)))
        #expect(try AlpacaStage.broker(client).replace(self.first, with: self.second).brokerOrderID == "b-2")
        let other = ScriptedClient(duplicate, (200, self.order("b-2", more: #","replaces":"b-0""#)))
        let error = #expect(throws: BrokerError.self) {
            try AlpacaStage.broker(other).replace(self.first, with: self.second)
        }
        #expect(error?.kind == .refused(code: "duplicate"))
        let unseen = ScriptedClient(duplicate, (403, #"{"message":"forbidden."}"#))
        let unknown = #expect(throws: BrokerError.self) {
            try AlpacaStage.broker(unseen).replace(self.first, with: self.second)
        }
        #expect(unknown?.kind == .unknownOutcome)
    }

    // MARK: Following

    @Test func `an order that the broker replaced goes on as the one in its place`() throws {
        let client = ScriptedClient(
            (200, self.order("b-1", status: "replaced", filled: "4", price: "100", more: #","replaced_by":"b-2""#)),
            (200, self.order("b-2", client: "made-by-the-broker", status: "replaced", more: #","replaced_by":"b-3""#)),
            (200, self.order("b-3", client: "made-by-the-broker-too", status: "filled", filled: "6", price: "110"))
        )
        let report = try #require(try AlpacaStage.broker(client).order(self.first))
        #expect(client.calls.dropFirst() == ["GET /v2/orders/b-2", "GET /v2/orders/b-3"])
        #expect(report.clientOrderID == self.first.id)
        #expect(report.brokerOrderID == "b-3")
        #expect(report.event == .filled)
        #expect(report.filledQuantity == Quantity(10))
        #expect(report.averagePrice == Price(106))
    }

    @Test func `an order replaced here has ended with the fills it had`() throws {
        let client = ScriptedClient(
            (200, self.order("b-1", status: "replaced", filled: "4", price: "100", more: #","replaced_by":"b-2""#)),
            (200, self.order("b-2", client: Self.secondID))
        )
        let report = try #require(try AlpacaStage.broker(client).order(self.first))
        #expect(report.brokerOrderID == "b-1")
        #expect(report.event == .cancelled)
        #expect(report.filledQuantity == Quantity(4))
        #expect(report.averagePrice == Price(100))
    }

    @Test func `a successor that cannot be read proves nothing`() throws {
        for answer in [(404, #"{"code":40410000,"message":"no"}"#), (200, "{}"), (500, "")] {
            let client = ScriptedClient(
                (200, self.order("b-1", status: "replaced", more: #","replaced_by":"b-2""#)),
                answer
            )
            #expect(throws: BrokerError.self) { try AlpacaStage.broker(client).order(self.first) }
        }
        // Replaced, and by whom is not told yet: nothing has ended.
        let client = ScriptedClient((200, self.order("b-1", status: "replaced", more: #","replaced_by":null"#)))
        #expect(try AlpacaStage.broker(client).order(self.first)?.event == .accepted)
    }

    @Test func `a ring of replacements ends`() throws {
        let client = ScriptedClient()
        let ring = self.order("b-1", client: "x", status: "replaced", more: #","replaced_by":"b-1""#)
        client.answers = Array(repeating: HTTPResponse(status: 200, body: Array(ring.utf8)), count: 200)
        let error = #expect(throws: BrokerError.self) { try AlpacaStage.broker(client).order(self.first) }
        #expect(error?.kind == .unreadable)
    }

    // MARK: Pairs

    @Test(arguments: [
        ("new", "0", "held", "0", OrderEvent.accepted, 0), ("filled", "10", "canceled", "0", .filled, 10),
        ("canceled", "0", "filled", "10", .filled, 10), ("partially_filled", "4", "held", "0", .partiallyFilled, 4),
        ("canceled", "4", "filled", "6", .filled, 10), ("canceled", "0", "canceled", "0", .cancelled, 0),
        ("expired", "0", "canceled", "0", .expired, 0), ("canceled", "4", "new", "0", .partiallyFilled, 4),
    ])
    func `of a pair both halves count`(
        status: String,
        filled: String,
        legStatus: String,
        legFilled: String,
        event: OrderEvent,
        shares: Int
    ) throws {
        let leg = self.order("b-2", client: "leg", status: legStatus, filled: legFilled, price: "147")
        let parent = self.order("b-1", status: status, filled: filled, price: "156")
        let client = ScriptedClient(
            (200, parent),
            (200, parent.replacing(#""legs":null"#, with: #""legs":[\#(leg)]"#))
        )
        let terms = try AlpacaStage.terms(
            .limit,
            .sell,
            orderClass: .oneCancelsOther(takeProfit: Price(156), stopLoss: OrderClass.StopLoss(stopPrice: Price(147)))
        )
        let report = try #require(try AlpacaStage.broker(client).order(AlpacaStage.reference(terms)))
        #expect(client.calls.last == "GET /v2/orders/b-1?nested=true")
        #expect(report.event == event)
        #expect(report.filledQuantity == Quantity(shares))
    }

    private func order(
        _ id: String,
        client: String? = nil,
        status: String = "new",
        filled: String = "0",
        price: String? = nil,
        more: String = ""
    ) -> String {
        AlpacaStage.order(
            id,
            client: client ?? (id == "b-1" ? "AAPL-19700101T000000Z-stop-1" : Self.secondID),
            status: status,
            side: "sell",
            filled: filled,
            price: price,
            more: more
        )
    }
}
