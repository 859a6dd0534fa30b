import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Many orders at once: told from one listing as from a look at each.
@Suite struct OrderListingTests {
    private static let notFound = (404, #"{"code":40410000,"message":"order not found"}"#)

    // MARK: Alpaca

    @Test func `fifty open orders at Alpaca cost two requests, and are told as a look tells them`() throws {
        let orders = try (1...50).map { AlpacaStage.reference(try AlpacaStage.terms(id: AlpacaStage.id(.stop, $0))) }
        let texts = orders.enumerated().map { place, order in
            let isPartlyFilled = place.isMultiple(of: 2)
            return AlpacaStage.order(
                "b-\(place)",
                client: "\(order.id)",
                status: isPartlyFilled ? "partially_filled" : "new",
                filled: isPartlyFilled ? "4" : "0",
                price: isPartlyFilled ? "100.25" : nil
            )
        }
        let page = "[\(texts.joined(separator: ","))]"
        let client = ScriptedClient((200, page), (200, page))
        let listed = try AlpacaStage.broker(client).orders(orders)
        #expect(client.requests.count == 2)
        #expect(client.calls.allSatisfy { $0.hasPrefix("GET /v2/orders?status=open&nested=false&") })
        for (place, order) in orders.enumerated() {
            let look = try AlpacaStage.broker(ScriptedClient((200, texts[place]))).order(order)
            #expect(try listed[place].get() == look)
        }
    }

    @Test func `what is not among Alpaca's open orders is looked at by itself`() throws {
        let orders = try (1...3).map { AlpacaStage.reference(try AlpacaStage.terms(id: AlpacaStage.id(.stop, $0))) }
        let open = "[\(AlpacaStage.order("b-1", client: "\(orders[0].id)"))]"
        let filled = AlpacaStage.order("b-2", client: "\(orders[1].id)", status: "filled", filled: "10", price: "9")
        let client = ScriptedClient((200, open), (200, open), (200, filled), Self.notFound)
        let told = try AlpacaStage.broker(client).orders(orders).map { try $0.get() }
        #expect(told.map { $0?.event } == [.accepted, .filled, nil])
        #expect(client.requests.count == 4)
    }

    @Test func `one order at Alpaca is one look, and a listing that cannot be read is none`() throws {
        let orders = try (1...3).map { AlpacaStage.reference(try AlpacaStage.terms(id: AlpacaStage.id(.stop, $0))) }
        let texts = orders.map { AlpacaStage.order("b-1", client: "\($0.id)") }
        let one = ScriptedClient((200, texts[0]))
        #expect(try AlpacaStage.broker(one).orders([orders[0]]).map { try $0.get()?.event } == [.accepted])
        #expect(one.requests.count == 1)
        let strange = ScriptedClient((200, #"[{"id":1}]"#), (200, texts[0]), (200, texts[1]), (200, texts[2]))
        let told = try AlpacaStage.broker(strange).orders(orders).map { try $0.get()?.clientOrderID }
        #expect(told == orders.map(\.id))
    }

    @Test func `after the broker's own failure nothing more is asked, and what is known is told`() throws {
        let orders = try (1...4).map { AlpacaStage.reference(try AlpacaStage.terms(id: AlpacaStage.id(.stop, $0))) }
        let open = "[\(AlpacaStage.order("b-1", client: "\(orders[0].id)"))]"
        let client = ScriptedClient((200, open), (200, open), (500, ""))
        let told = try AlpacaStage.broker(client).orders(orders)
        #expect(try told[0].get()?.event == .accepted)
        for answer in told.dropFirst() {
            #expect(throws: BrokerError.self) { try answer.get() }
        }
        #expect(client.requests.count == 3)
        let silent = ScriptedClient((500, ""))
        #expect(throws: BrokerError.self) { try AlpacaStage.broker(silent).orders(orders) }
        #expect(silent.requests.count == 1)
    }

    // MARK: Schwab

    @Test func `Schwab's orders are told from one listing since the first intent, as a look tells them`() throws {
        let stage = try SchwabStage()
        let terms = SchwabStage.terms(try #require(Symbol("AAPL")), .entry, .buy, .limit, "340.3")
        let orders = (0..<50).map { place in
            OrderReference(
                terms: terms,
                brokerOrderID: "\(1001 + place)",
                intendedAt: stage.time - .seconds(60 * place)
            )
        }
        let execution = """
            {"activityType":"EXECUTION","activityId":7,"executionType":"FILL","quantity":2.0,
            "executionLegs":[{"legId":1,"quantity":2.0,"price":340.25,"time":"2026-11-23T14:30:06+0000"}]}
            """
        let texts = (0..<50).map { place in
            place == 3
                ? SchwabStage.order(1001 + place, filled: "2.0", execution) : SchwabStage.order(1001 + place)
        }
        stage.client.on("GET {account}/orders", "[\(texts.joined(separator: ","))]")
        let listed = try stage.broker().orders(orders)
        let request = try #require(stage.client.requests("GET {account}/orders").first)
        #expect(stage.client.requests.count == 2, "the account's hash and one listing")
        #expect(request.url.contains("fromEnteredTime=2026-11-23T13%3A39%3A00.000Z"), "\(request.url)")
        for (place, order) in orders.enumerated() {
            stage.client.on("GET {account}/orders/\(1001 + place)", texts[place])
            #expect(try listed[place].get() == (try stage.broker().order(order)))
        }
        #expect(try listed[3].get()?.filledQuantity == Quantity(2))
    }

    @Test func `an order at Schwab that is missing from the listing, or is another, hides no other`() throws {
        let stage = try SchwabStage()
        let symbol = try #require(Symbol("AAPL"))
        let orders = (1001...1003).map {
            OrderReference(
                terms: SchwabStage.terms(symbol, .entry, .buy, .limit, "340.3"),
                brokerOrderID: "\($0)",
                intendedAt: stage.time
            )
        }
        stage.client.on(
            "GET {account}/orders",
            "[\(SchwabStage.order(1001, symbol: "MSFT")),\(SchwabStage.order(1003))]"
        )
        stage.client.on("GET {account}/orders/1002", status: 404)
        let told = try stage.broker().orders(orders)
        #expect(throws: BrokerError.self) { try told[0].get() }
        #expect(try told[1].get() == nil)
        #expect(try told[2].get()?.event == .accepted)
    }
}
