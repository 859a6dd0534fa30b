import Brokerage
import Testing
import TradingCore

/// How each type and class of order is written for Alpaca.
@Suite struct AlpacaOrderRequestTests {
    @Test func `every type carries its own prices`() throws {
        #expect(try self.sent(AlpacaStage.terms(.market)) == self.body("market", [:]))
        #expect(
            try self.sent(AlpacaStage.terms(.limit, limit: "150.1")) == self.body("limit", ["limit_price": "150.1"])
        )
        #expect(try self.sent(AlpacaStage.terms(.stop, stop: "0.1234")) == self.body("stop", ["stop_price": "0.1234"]))
        #expect(
            try self.sent(AlpacaStage.terms(.stopLimit, limit: "151", stop: "150.5"))
                == self.body("stop_limit", ["limit_price": "151", "stop_price": "150.5"])
        )
        #expect(
            try self.sent(AlpacaStage.terms(.trailingStop, trail: .amount(try #require(Price("1.25")))))
                == self.body("trailing_stop", ["trail_price": "1.25"])
        )
        #expect(
            try self.sent(AlpacaStage.terms(.trailingStop, trail: .share(try #require(Rate("0.025")))))
                == self.body("trailing_stop", ["trail_percent": "2.5"])
        )
    }

    @Test func `a bracket brings a target and a stop`() throws {
        let sent = try self.sent(
            AlpacaStage.terms(
                .limit,
                limit: "150",
                timeInForce: .goodTillCancelled,
                orderClass: .bracket(
                    takeProfit: try #require(Price("156")),
                    stopLoss: OrderClass.StopLoss(
                        stopPrice: try #require(Price("147")),
                        limitPrice: Price("146.5")
                    )
                )
            )
        )
        #expect(sent["order_class"] == .string("bracket"))
        #expect(sent["limit_price"] == .string("150"))
        #expect(sent["time_in_force"] == .string("gtc"))
        #expect(sent["take_profit"] == self.object(["limit_price": "156"]))
        #expect(sent["stop_loss"] == self.object(["stop_price": "147", "limit_price": "146.5"]))
    }

    @Test func `an entry may bring its stop alone`() throws {
        let stopLoss = OrderClass.StopLoss(stopPrice: try #require(Price("147")))
        let sent = try self.sent(AlpacaStage.terms(.market, orderClass: .oneTriggersOther(stopLoss: stopLoss)))
        #expect(sent["order_class"] == .string("oto"))
        #expect(sent["take_profit"] == nil)
        #expect(sent["stop_loss"] == self.object(["stop_price": "147"]))
    }

    @Test func `shares that are held are protected by a pair on the side of the exit`() throws {
        let sent = try self.sent(
            AlpacaStage.terms(
                .limit,
                .sell,
                limit: "156",
                orderClass: .oneCancelsOther(
                    takeProfit: try #require(Price("156")),
                    stopLoss: OrderClass.StopLoss(stopPrice: try #require(Price("147")))
                )
            )
        )
        #expect(sent["order_class"] == .string("oco"))
        #expect(sent["type"] == .string("limit"))
        #expect(sent["side"] == .string("sell"))
        #expect(sent["limit_price"] == nil)
        #expect(sent["take_profit"] == self.object(["limit_price": "156"]))
        #expect(sent["stop_loss"] == self.object(["stop_price": "147"]))
    }

    @Test func `what no broker can take is not sent`() throws {
        let stopLoss = OrderClass.StopLoss(stopPrice: try #require(Price("150")))
        let above = try #require(Price("156"))
        for terms in [
            try AlpacaStage.terms(.limit), try AlpacaStage.terms(.market, limit: "1"),
            try AlpacaStage.terms(.stopLimit, stop: "1"), try AlpacaStage.terms(.trailingStop),
            try AlpacaStage.terms(.trailingStop, trail: .share(.one)),
            try AlpacaStage.terms(.trailingStop, trail: .amount(.zero)), try AlpacaStage.terms(.market, quantity: 0),
            // Classes: an entry that is a stop, a stop above the entry, at the target, a pair that is no limit.
            try AlpacaStage.terms(.stop, stop: "155", orderClass: .oneTriggersOther(stopLoss: stopLoss)),
            try AlpacaStage.terms(.limit, limit: "149", orderClass: .oneTriggersOther(stopLoss: stopLoss)),
            try AlpacaStage.terms(
                .market,
                orderClass: .bracket(takeProfit: stopLoss.stopPrice, stopLoss: stopLoss)
            ),
            try AlpacaStage.terms(
                .limit,
                .sell,
                limit: "140",
                orderClass: .bracket(takeProfit: above, stopLoss: stopLoss)
            ),
            try AlpacaStage.terms(
                .market,
                .sell,
                orderClass: .oneCancelsOther(takeProfit: above, stopLoss: stopLoss)
            ),
        ] {
            let client = ScriptedClient()
            let error = #expect(throws: BrokerError.self) {
                try AlpacaStage.broker(client).place(AlpacaStage.reference(terms))
            }
            #expect(error?.kind == .refused(code: "terms"), "\(terms)")
            #expect(client.requests.isEmpty)
        }
    }

    @Test func `both prices of a class come out on the tick, and on the safe side of it`() throws {
        var random = SeededGenerator(seed: 20_261_123)
        for _ in 0..<200 {
            // From 40 cents to 400 dollars, with up to eight decimals.
            let entry = Price(raw: Int64.random(in: 40_000_000...40_000_000_000, using: &random))
            let distance = Price(raw: entry.raw / 20 + Int64.random(in: 0...1_000_000, using: &random))
            let (target, stop) = (entry + distance, entry - distance)
            let sent = try self.sent(
                AlpacaStage.terms(
                    .limit,
                    limit: TickRule.usStocks.limit(entry, .buy).description,
                    orderClass: .bracket(
                        takeProfit: TickRule.usStocks.limit(target, .sell),
                        stopLoss: OrderClass.StopLoss(
                            stopPrice: TickRule.usStocks.stop(stop, .sell),
                            limitPrice: TickRule.usStocks.limit(stop - .cent, .sell)
                        )
                    )
                )
            )
            let limit = try Self.price(sent["take_profit"]?["limit_price"])
            let trigger = try Self.price(sent["stop_loss"]?["stop_price"])
            #expect(limit >= target && trigger <= stop)
            for price in [limit, trigger, try Self.price(sent["stop_loss"]?["limit_price"])] {
                let tick = price >= Price(1) ? Price.cent.raw : Price.cent.raw / 100
                #expect(price.raw % tick == 0, "\(price) is no price of an exchange")
            }
        }
    }

    // MARK: Fixtures

    private func sent(_ terms: OrderTerms) throws -> JSONValue {
        let client = ScriptedClient((200, AlpacaStage.order("b-1")))
        _ = try AlpacaStage.broker(client).place(AlpacaStage.reference(terms))
        return try client.sent()
    }

    private func body(_ type: String, _ prices: KeyValuePairs<String, String>) -> JSONValue {
        let head = [
            ("symbol", "AAPL"), ("qty", "10"), ("side", "buy"), ("type", type), ("time_in_force", "day"),
        ]
        let tail = [("client_order_id", "AAPL-19700101T000000Z-entry-1")]
        return .object((head + prices.map { ($0.key, $0.value) } + tail).map { JSONMember($0.0, .string($0.1)) })
    }

    private func object(_ members: KeyValuePairs<String, String>) -> JSONValue {
        .object(members.map { JSONMember($0.key, .string($0.value)) })
    }

    private static func price(_ json: JSONValue?) throws -> Price {
        guard case .string(let text)? = json else { throw JSONError("no text") }
        return try #require(Price(text))
    }
}

/// Xorshift, the same sequence on every run.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }
}
