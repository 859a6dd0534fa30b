import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Types and classes of orders at Schwab: how they are written, and how they are recognised.
@Suite struct SchwabOrderClassTests {
    private let stage: SchwabStage
    private let entry: OrderTerms
    private let exit: OrderTerms
    private let stopLoss: OrderClass.StopLoss

    init() throws {
        self.stage = try SchwabStage()
        let symbol = try #require(Symbol("AAPL"))
        self.entry = SchwabStage.terms(symbol, .entry, .buy, .limit, "150")
        self.exit = SchwabStage.terms(symbol, .exit, .sell, .limit, "156")
        self.stopLoss = OrderClass.StopLoss(stopPrice: Price(147), limitPrice: Price("146.5"))
    }

    @Test func `a stop-limit has both prices, a trailing stop its offset`() throws {
        var terms = self.exit
        terms.type = .stopLimit
        terms.stopPrice = Price(157)
        let stopLimit = try self.sent(terms)
        #expect(stopLimit["orderType"] == .string("STOP_LIMIT"))
        #expect(stopLimit["price"] == .string("156.00"))
        #expect(stopLimit["stopPrice"] == .string("157.00"))
        for (trail, type, offset) in [
            (Trail.amount(try #require(Price("1.25"))), "VALUE", "1.25"),
            (.share(try #require(Rate("0.025"))), "PERCENT", "2.5"),
        ] {
            terms = self.exit
            terms.type = .trailingStop
            terms.limitPrice = nil
            terms.trail = trail
            let sent = try self.sent(terms)
            #expect(sent["orderType"] == .string("TRAILING_STOP"))
            #expect(sent["stopPriceLinkBasis"] == .string("LAST"))
            #expect(sent["stopPriceLinkType"] == .string(type))
            #expect(sent["stopPriceOffset"] == .number(offset))
            #expect(sent["price"] == nil && sent["stopPrice"] == nil)
        }
    }

    @Test func `a bracket is an entry that triggers a pair`() throws {
        var terms = self.entry
        terms.orderClass = .bracket(takeProfit: Price(156), stopLoss: self.stopLoss)
        #expect(
            try self.text(terms)
                == #"{"session":"NORMAL","duration":"DAY","orderType":"LIMIT","price":"150.00","#
                + #""orderStrategyType":"TRIGGER","orderLegCollection":[\#(Self.leg("BUY"))],"childOrderStrategies":["#
                + #"{"orderStrategyType":"OCO","childOrderStrategies":[\#(Self.limitChild),\#(Self.stopChild)]}]}"#
        )
    }

    @Test func `an entry may trigger its stop alone`() throws {
        var terms = self.entry
        terms.orderClass = .oneTriggersOther(stopLoss: self.stopLoss)
        #expect(
            try self.text(terms)
                == #"{"session":"NORMAL","duration":"DAY","orderType":"LIMIT","price":"150.00","#
                + #""orderStrategyType":"TRIGGER","orderLegCollection":[\#(Self.leg("BUY"))],"#
                + #""childOrderStrategies":[\#(Self.stopChild)]}"#
        )
    }

    @Test func `a pair has a parent without shares`() throws {
        var terms = self.exit
        terms.orderClass = .oneCancelsOther(takeProfit: Price(156), stopLoss: self.stopLoss)
        #expect(
            try self.text(terms)
                == #"{"orderStrategyType":"OCO","childOrderStrategies":[\#(Self.limitChild),\#(Self.stopChild)]}"#
        )
    }

    // MARK: Recognising

    /// What was sent is found again among orders that differ in one thing each.
    @Test func `an order of a class is recognised by all that it asks for`() throws {
        var bracket = self.entry
        bracket.orderClass = .bracket(takeProfit: Price(156), stopLoss: self.stopLoss)
        var single = self.entry
        single.orderClass = .oneTriggersOther(stopLoss: self.stopLoss)
        var pair = self.exit
        pair.orderClass = .oneCancelsOther(takeProfit: Price(156), stopLoss: self.stopLoss)
        var trailing = self.exit
        trailing.type = .trailingStop
        trailing.limitPrice = nil
        trailing.trail = .amount(Price(2))
        for terms in [bracket, single, pair, trailing, self.entry] {
            let own = Self.answered(try self.text(terms), id: 1)
            var others = [
                own.replacing("AAPL", with: "MSFT"), own.replacing("\"quantity\":5", with: "\"quantity\":6"),
                own.replacing("DAY", with: "GOOD_TILL_CANCEL"),
                own.replacing("LIMIT", with: "MARKET")
                    .replacing("TRAILING_STOP", with: "MARKET"),
            ]
            if terms.orderClass != .simple {
                others += [
                    own.replacing("147.00", with: "147.01"), own.replacing("146.50", with: "146.51"),
                    own.replacing("\"SELL\"", with: "\"SELL_SHORT\""),
                ]
            }
            let stage = try SchwabStage()
            let list = others.enumerated().map {
                $0.element.replacing("\"orderId\":1", with: "\"orderId\":9\($0.offset)")
            }
            stage.client.on("GET {account}/orders", "[\((list + [own]).joined(separator: ","))]")
            let reference = OrderReference(terms: terms, intendedAt: self.stage.time)
            let report = try #require(try stage.broker().order(reference))
            #expect(report.brokerOrderID == "1", "\(terms.orderClass)")
        }
    }

    @Test(arguments: [
        ("WORKING", "0", "AWAITING_STOP_CONDITION", "0", OrderEvent.accepted, 0),
        ("FILLED", "5", "CANCELED", "0", .filled, 5), ("CANCELED", "0", "FILLED", "5", .filled, 5),
        ("WORKING", "2", "WORKING", "0", .partiallyFilled, 2), ("CANCELED", "2", "FILLED", "3", .filled, 5),
        ("CANCELED", "0", "CANCELED", "0", .cancelled, 0), ("REJECTED", "0", "CANCELED", "0", .rejected, 0),
    ])
    func `of a pair both halves count, whatever its parent says`(
        status: String,
        filled: String,
        otherStatus: String,
        otherFilled: String,
        event: OrderEvent,
        shares: Int
    ) throws {
        let child = { (id: Int, status: String, filled: String) in
            let fill =
                #"{"activityType":"EXECUTION","executionType":"FILL","executionLegs":[{"price":150,"quantity":"#
                + #"\#(filled),"time":"2026-11-23T14:30:07+0000"}]}"#
            return SchwabStage.order(
                id,
                status: status,
                filled: filled,
                side: "SELL",
                filled == "0" ? "" : fill
            )
        }
        self.stage.client.on(
            "GET {account}/orders/1001",
            """
            {"orderStrategyType":"OCO","orderId":1001,"childOrderStrategies":[
            \(child(1002, status, filled)),\(child(1003, otherStatus, otherFilled))]}
            """
        )
        var terms = self.exit
        terms.orderClass = .oneCancelsOther(takeProfit: Price(156), stopLoss: self.stopLoss)
        let reference = OrderReference(terms: terms, brokerOrderID: "1001", intendedAt: self.stage.time)
        let report = try #require(try self.stage.broker().order(reference))
        #expect(report.event == event)
        #expect(report.filledQuantity == Quantity(shares))
        #expect(report.brokerOrderID == "1001")
    }

    // MARK: Fixtures

    private func text(_ terms: OrderTerms) throws -> String {
        let stage = try SchwabStage()
        stage.client.on("POST {account}/orders", status: 201, headers: [("Location", "/orders/1")])
        stage.client.on("GET {account}/orders/1", status: 404)
        _ = try stage.broker().place(OrderReference(terms: terms, intendedAt: stage.time))
        return String(
            decoding: try #require(stage.client.requests("POST {account}/orders").first?.body),
            as: UTF8.self
        )
    }

    private func sent(_ terms: OrderTerms) throws -> JSONValue {
        try JSONValue(parsing: Array(try self.text(terms).utf8))
    }

    /// A request as Schwab gives it back.
    private static func answered(_ request: String, id: Int) -> String {
        var child = 1000
        var text = ""
        var rest = request[...]
        while let start = rest.firstRange(of: "\"orderStrategyType\"") {
            let isFirst = rest.startIndex == request.startIndex && child == 1000
            text += rest[..<start.lowerBound]
            // The numbers of children are their own.
            text += "\"orderId\":\(isFirst ? id : child),\"status\":\"WORKING\","
            text += "\"enteredTime\":\"2026-11-23T14:30:05+0000\",\"orderStrategyType\""
            child += 1
            rest = rest[start.upperBound...]
        }
        return text + rest
    }

    private static func leg(_ instruction: String) -> String {
        #"{"instruction":"\#(instruction)","quantity":5,"instrument":{"symbol":"AAPL","assetType":"EQUITY"}}"#
    }

    private static let limitChild =
        #"{"session":"NORMAL","duration":"DAY","orderType":"LIMIT","price":"156.00","#
        + #""orderStrategyType":"SINGLE","orderLegCollection":[\#(leg("SELL"))]}"#
    private static let stopChild =
        #"{"session":"NORMAL","duration":"DAY","orderType":"STOP_LIMIT","price":"146.50","stopPrice":"147.00","#
        + #""orderStrategyType":"SINGLE","orderLegCollection":[\#(leg("SELL"))]}"#
}
