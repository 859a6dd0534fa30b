import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Orders that take other orders' places at Schwab: asked for here, or found there.
@Suite struct SchwabReplacementTests {
    private let stage: SchwabStage
    private let symbol: Symbol
    private let entry: OrderReference
    private let placed: OrderReference
    private let second: OrderTerms

    init() throws {
        self.stage = try SchwabStage()
        self.symbol = try #require(Symbol("AAPL"))
        self.entry = OrderReference(
            terms: SchwabStage.terms(self.symbol, .entry, .buy, .limit, "340.3"),
            intendedAt: self.stage.time
        )
        var placed = self.entry
        placed.brokerOrderID = "1001"
        self.placed = placed
        var second = self.entry.terms
        second.clientOrderID = ClientOrderID(trade: self.entry.id.trade, role: .entry, attempt: 2)
        second.limitPrice = Price("341")
        self.second = second
    }

    // MARK: Asking

    @Test func `the order is looked at, replaced once, and the new one is read`() throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001))
        self.takes("/orders/1002")
        self.stage.client.on("GET {account}/orders/1002", SchwabStage.order(1002, price: "341.0"))
        let report = try self.stage.broker().replace(self.placed, with: self.second)
        #expect(report.clientOrderID == self.second.clientOrderID)
        #expect(report.brokerOrderID == "1002")
        #expect(report.event == .accepted)
        let request = try #require(self.stage.client.requests("PUT {account}/orders/1001").first)
        let sent = try JSONValue(parsing: try #require(request.body))
        #expect(sent["price"] == .string("341.00"))
        #expect(sent["orderStrategyType"] == .string("SINGLE"))
    }

    @Test func `of an order partly filled only the rest is asked for again`() throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, filled: "2.0"))
        self.takes("/orders/1002")
        self.stage.client.on("GET {account}/orders/1002", SchwabStage.order(1002, quantity: "3.0", price: "341.0"))
        #expect(try self.stage.broker().replace(self.placed, with: self.second).brokerOrderID == "1002")
        let body = try #require(self.stage.client.requests("PUT {account}/orders/1001").first?.body)
        #expect(String(decoding: body, as: UTF8.self).contains(#""quantity":3,"#))
    }

    @Test(arguments: ["FILLED", "CANCELED", "REPLACED", "REJECTED", "EXPIRED"])
    func `an order that has ended is not replaced`(status: String) throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, status: status))
        #expect(try self.refusal().kind == .refused(code: "state"))
        #expect(self.stage.client.requests("PUT {account}/orders/1001").isEmpty)
    }

    @Test func `nothing is sent for an order that is filled as far as wanted, unknown or another's`() throws {
        for (order, status, code) in [
            (SchwabStage.order(1001, filled: "5.0"), 200, "terms"), ("", 404, "unknown"),
            (SchwabStage.order(1001, symbol: "MSFT"), 200, "mismatch"),
        ] {
            let stage = try SchwabStage()
            stage.client.on("GET {account}/orders/1001", order, status: status)
            let error = #expect(throws: BrokerError.self) {
                try stage.broker().replace(self.placed, with: self.second)
            }
            #expect(error?.kind == .refused(code: code))
            #expect(stage.client.requests("PUT {account}/orders/1001").isEmpty)
        }
    }

    @Test(arguments: [
        (500, "", BrokerError.Kind.unknownOutcome), (504, "<html>", .unknownOutcome), (201, "", .unknownOutcome),
        (400, #"{"message":"not editable"}"#, .refused(code: "400")), (429, "", .notExecuted),
    ])
    func `what became of the request is told as for any order`(
        status: Int,
        body: String,
        kind: BrokerError.Kind
    ) throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001))
        self.stage.client.on("PUT {account}/orders/1001", body, status: status)
        #expect(try self.refusal().kind == kind)
        #expect(self.stage.client.requests("PUT {account}/orders/1001").count == 1)
    }

    // MARK: Following

    @Test func `a replaced order goes on as the one that Schwab names, with its own fills before`() throws {
        let fill = { (number: Int, quantity: String, price: String) in
            #"{"activityType":"EXECUTION","activityId":\#(number),"executionType":"FILL","executionLegs":["#
                + #"{"legId":1,"price":\#(price),"quantity":\#(quantity),"time":"2026-11-23T14:30:07+0000"}]}"#
        }
        self.stage.client.on(
            "GET {account}/orders/1001",
            SchwabStage.order(
                1001,
                status: "REPLACED",
                filled: "2",
                more: #","replacingOrderCollection":[{"orderId":1002}]"#,
                fill(1, "2", "100")
            )
        )
        // Another price: a person may have changed it.
        self.stage.client.on(
            "GET {account}/orders/1002",
            SchwabStage.order(1002, status: "FILLED", quantity: "3.0", price: "350", filled: "3", fill(2, "3", "110"))
        )
        let report = try #require(try self.stage.broker().order(self.placed))
        #expect(report.brokerOrderID == "1002")
        #expect(report.event == .filled)
        #expect(report.filledQuantity == Quantity(5))
        #expect(report.averagePrice == Price(106))
    }

    @Test func `an order replaced here has ended`() throws {
        var placed = self.placed
        placed.claimed = ["1002"]
        self.stage.client.on(
            "GET {account}/orders/1001",
            SchwabStage.order(1001, status: "REPLACED", more: #","replacingOrderCollection":[{"orderId":1002}]"#)
        )
        let report = try #require(try self.stage.broker().order(placed))
        #expect(report.event == .cancelled)
        #expect(report.brokerOrderID == "1001")
    }

    @Test func `an order replaced here has ended even if Schwab names no successor`() throws {
        var placed = self.placed
        placed.claimed = ["1002"]
        self.stage.client.on(
            "GET {account}/orders/1001",
            SchwabStage.order(1001, status: "REPLACED", closed: "2026-11-23T14:30:04+0000")
        )
        self.stage.client.on("GET {account}/orders", "[\(SchwabStage.order(1002, price: "341"))]")
        #expect(try self.stage.broker().order(placed)?.event == .cancelled)
        // Entered long before: it is no successor.
        let stage = try SchwabStage()
        stage.client.on(
            "GET {account}/orders/1001",
            SchwabStage.order(1001, status: "REPLACED", closed: "2026-11-23T14:31:04+0000")
        )
        stage.client.on("GET {account}/orders", "[\(SchwabStage.order(1002, price: "341"))]")
        #expect(throws: BrokerError.self) { try stage.broker().order(placed) }
    }

    @Test func `a successor for more shares, or of another symbol, is for a person`() throws {
        for successor in [SchwabStage.order(1002, quantity: "6"), SchwabStage.order(1002, symbol: "MSFT")] {
            let stage = try SchwabStage()
            stage.client.on(
                "GET {account}/orders/1001",
                SchwabStage.order(1001, status: "REPLACED", more: #","replacingOrderCollection":[{"orderId":1002}]"#)
            )
            stage.client.on("GET {account}/orders/1002", successor)
            let error = #expect(throws: BrokerError.self) { try stage.broker().order(self.placed) }
            #expect(error?.kind == .refused(code: "replaced"))
        }
    }

    @Test func `a replaced order goes on as the one in its place`() throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, status: "REPLACED"))
        self.stage.client.on(
            "GET {account}/orders",
            "[\(SchwabStage.order(1001, status: "REPLACED")),\(SchwabStage.order(1002, status: "WORKING"))]"
        )
        var order = self.entry
        order.brokerOrderID = "1001"
        #expect(try self.stage.broker().order(order)?.brokerOrderID == "1002")
        order.brokerOrderID = nil
        #expect(try self.stage.broker().order(order)?.brokerOrderID == "1002")
    }

    @Test func `a replaced order without an heir has not ended: a person has to look`() throws {
        self.stage.client.on("GET {account}/orders/1001", SchwabStage.order(1001, status: "REPLACED"))
        self.stage.client.on("GET {account}/orders", "[\(SchwabStage.order(1001, status: "REPLACED"))]")
        var order = self.entry
        for number in ["1001", nil] {
            order.brokerOrderID = number
            let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().order(order) })
            guard case .refused = error.kind else {
                Issue.record("\(error)")
                continue
            }
            #expect(error.reason.contains("a person has to look"))
        }
    }

    // MARK: Fixtures

    private func takes(_ location: String) {
        self.stage.client.on(
            "PUT {account}/orders/1001",
            status: 201,
            headers: [("Date", "Mon, 23 Nov 2026 14:30:05 GMT"), ("location", location)]
        )
    }

    private func refusal() throws -> BrokerError {
        try #require(
            #expect(throws: BrokerError.self) { try self.stage.broker().replace(self.placed, with: self.second) }
        )
    }
}
