import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// What Alpaca says is in the account: open orders, shares, executions, and the statuses of orders.
@Suite struct AlpacaHoldingsTests {
    // MARK: Statuses

    @Test(arguments: [
        ("accepted", OrderEvent.accepted, OrderEvent.partiallyFilled), ("pending_new", .accepted, .partiallyFilled),
        ("accepted_for_bidding", .accepted, .partiallyFilled), ("new", .accepted, .partiallyFilled),
        ("held", .accepted, .partiallyFilled), ("partially_filled", .partiallyFilled, .partiallyFilled),
        ("pending_cancel", .accepted, .partiallyFilled), ("pending_replace", .accepted, .partiallyFilled),
        ("done_for_day", .accepted, .partiallyFilled), ("stopped", .accepted, .partiallyFilled),
        ("suspended", .accepted, .partiallyFilled), ("calculated", .accepted, .partiallyFilled),
        ("pending_review", .accepted, .partiallyFilled), ("never_heard_of", .accepted, .partiallyFilled),
        ("filled", .filled, .filled), ("canceled", .cancelled, .cancelled), ("expired", .expired, .expired),
        ("rejected", .rejected, .rejected),
    ])
    func `every status has its meaning, and no fill hides behind one`(
        status: String,
        event: OrderEvent,
        eventWithFills: OrderEvent
    ) throws {
        let reference = AlpacaStage.reference(try AlpacaStage.terms(.market))
        for (filled, expected) in [("0", event), ("4", eventWithFills)]
        where status != "partially_filled" || filled == "4" {
            let order = AlpacaStage.order("b-1", status: status, filled: filled, price: filled == "4" ? "150.5" : nil)
            let report = try #require(try AlpacaStage.broker(ScriptedClient((200, order))).order(reference))
            #expect(report.event == expected)
            #expect(report.filledQuantity == Quantity(filled == "4" ? 4 : 0))
            #expect(report.averagePrice == (filled == "4" ? Price("150.5") : nil))
        }
    }

    // MARK: Open orders

    @Test func `open orders are asked for page by page, whatever a page holds`() throws {
        // Five orders, two to a page, of which two carry one time.
        let times = ["15:00:05Z", "15:00:04Z", "15:00:03Z", "15:00:03Z", "15:00:01Z"]
        let orders = times.enumerated().map { place, time in
            AlpacaStage.order("b-\(place)", client: "c-\(place)", at: "2026-11-23T\(time)")
        }
        let client = ScriptedClient(
            (200, Self.list(orders[0], orders[1])),
            (200, Self.list(orders[1], orders[2])),
            (200, Self.list(orders[2], orders[3], orders[4])),
            (200, Self.list(orders[4])),
            (200, "[]")
        )
        let open = try AlpacaStage.broker(client).openOrders()
        #expect(open.map(\.brokerOrderID) == ["b-0", "b-1", "b-2", "b-3", "b-4"])
        let first = "GET /v2/orders?status=open&nested=false&direction=desc&limit=500"
        #expect(
            client.calls == [
                first, first + "&until=2026-11-23T15%3A00%3A04.001Z", first + "&until=2026-11-23T15%3A00%3A03.001Z",
                first + "&until=2026-11-23T15%3A00%3A01.001Z",
            ]
        )
    }

    @Test func `an order tells who entered it and what is left of it`() throws {
        let client = ScriptedClient(
            (
                200,
                Self.list(
                    AlpacaStage.order("b-1", filled: "4", price: "1"),
                    AlpacaStage.order("b-2", client: "a person's", side: "sell"),
                    AlpacaStage.order("b-3", client: "o").replacing("us_equity", with: "us_option"),
                    #"{"id":"m","client_order_id":"m","created_at":"2026-11-23T15:00:00Z","order_class":"mleg"}"#
                )
            ),
            (200, "[]")
        )
        let symbol = try #require(Symbol("AAPL"))
        #expect(
            try AlpacaStage.broker(client).openOrders() == [
                BrokerOrder(
                    brokerOrderID: "b-1",
                    clientOrderID: try AlpacaStage.id(),
                    symbol: symbol,
                    side: .buy,
                    remainingQuantity: Quantity(6)
                ),
                BrokerOrder(
                    brokerOrderID: "b-2",
                    clientOrderID: nil,
                    symbol: symbol,
                    side: .sell,
                    remainingQuantity: Quantity(10)
                ),
            ]
        )
    }

    @Test func `a leg that waits is found although it is not among the open orders`() throws {
        let target = AlpacaStage.order("b-2", client: "t", side: "sell", more: #","order_class":"bracket""#)
            .replacing(#","order_class":"""#, with: "")
        let stop = AlpacaStage.order("b-3", client: "s", status: "held", side: "sell")
        let entry = AlpacaStage.order("b-1", status: "filled", filled: "10", price: "1")
            .replacing(#""legs":null"#, with: #""legs":[\#(target),\#(stop)]"#)
        let other = AlpacaStage.order("b-4", client: "x", status: "canceled")
        let client = ScriptedClient(
            (200, Self.list(target)),
            (200, Self.list(target)),
            (200, Self.list(other, entry)),
            (200, "[]")
        )
        let open = try AlpacaStage.broker(client).openOrders()
        #expect(open.map(\.brokerOrderID) == ["b-2", "b-3"])
        #expect(
            client.calls[2] == "GET /v2/orders?status=all&nested=true&direction=desc&limit=500"
                + "&after=2026-11-23T14%3A59%3A59Z"
        )
    }

    @Test func `a listing that does not move on or cannot be read is none`() throws {
        let page = Self.list((0..<500).map { AlpacaStage.order("b-\($0)", client: "c") })
        for answers in [[page, page], ["{}"], ["[{}]"], ["<html>"]] {
            let client = ScriptedClient()
            client.answers = answers.map { HTTPResponse(status: 200, body: Array($0.utf8)) }
            let error = #expect(throws: BrokerError.self) { try AlpacaStage.broker(client).openOrders() }
            #expect(error?.kind == .unreadable)
        }
    }

    // MARK: Positions and executions

    @Test func `shares are counted with their sign`() throws {
        let position = { (symbol: String, quantity: String, kind: String) in
            #"{"symbol":"\#(symbol)","qty":"\#(quantity)","asset_class":"\#(kind)","side":"long"}"#
        }
        let client = ScriptedClient(
            (
                200,
                Self.list(
                    position("AAPL", "10", "us_equity"),
                    position("MSFT", "-3", "us_equity"),
                    position("IBM", "0", "us_equity"),
                    position("BTCUSD", "1", "crypto")
                )
            )
        )
        #expect(
            try AlpacaStage.broker(client).positions() == [
                BrokerPosition(symbol: try #require(Symbol("AAPL")), quantity: Quantity(10)),
                BrokerPosition(symbol: try #require(Symbol("MSFT")), quantity: Quantity(-3)),
            ]
        )
        #expect(throws: BrokerError.self) {
            try AlpacaStage.broker(ScriptedClient((200, #"[{"symbol":"AAPL"}]"#))).positions()
        }
    }

    @Test func `executions are read to the last page, from the very moment on, each once`() throws {
        let client = ScriptedClient(
            (200, Self.list(Self.fill("f-0", "14:59:59.999999999Z"), Self.fill("f-1", "15:00:00Z"))),
            (200, Self.list(Self.fill("f-1", "15:00:00Z"), Self.fill("f-3", "15:00:02Z", side: "sell_short"))),
            (200, Self.list(Self.fill("f-2", "15:00:01.000000001Z"))),
            (200, "[]")
        )
        let since = try #require(Timestamp("2026-11-23T15:00:00Z"))
        let executions = try AlpacaStage.broker(client).executions(since: since)
        #expect(executions.map(\.id) == ["f-1", "f-2", "f-3"])
        #expect(executions.last?.side == .sell)
        #expect(
            executions.first
                == BrokerExecution(
                    id: "f-1",
                    brokerOrderID: "b-1",
                    symbol: try #require(Symbol("AAPL")),
                    side: .buy,
                    quantity: Quantity(4),
                    price: try #require(Price("150.01")),
                    timestamp: since
                )
        )
        let first =
            "GET /v2/account/activities/FILL?direction=asc&page_size=100&after=2026-11-23T14%3A59%3A59Z"
        #expect(
            client.calls == [first, first + "&page_token=f-1", first + "&page_token=f-3", first + "&page_token=f-2"]
        )
    }

    private static func fill(_ id: String, _ time: String, side: String = "buy") -> String {
        """
        {"activity_type":"FILL","id":"\(id)","order_id":"b-1","symbol":"AAPL","side":"\(side)","qty":"4",
        "price":"150.01","cum_qty":"4","leaves_qty":"6","transaction_time":"2026-11-23T\(time)","type":"partial_fill"}
        """
    }

    private static func list(_ elements: String...) -> String { Self.list(elements) }
    private static func list(_ elements: [String]) -> String { "[\(elements.joined(separator: ","))]" }
}
