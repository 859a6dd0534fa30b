import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

/// Orders that depend on each other, over the trader API. AAPL ticks 90, 95, 85, 88 and then 89, 88, 99,
/// 98, on every other step.
struct SchwabOrderGroupTests {
    private static func sell(_ type: String, _ prices: String, quantity: Int = 10) -> String {
        SchwabCalls.order("SELL", quantity, type: type, duration: "GOOD_TILL_CANCEL")
            .replacing(#""orderType""#, with: "\(prices),\"orderType\"")
    }

    private static let target = Self.sell("LIMIT", #""price":"96.00""#)
    private static let stop = Self.sell("STOP", #""stopPrice":"84.50""#)

    private static func pair(_ first: String, _ second: String) -> String {
        #"{"orderStrategyType":"OCO","childOrderStrategies":[\#(first),\#(second)]}"#
    }

    private static func trigger(_ child: String) -> String {
        SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90.00", duration: "GOOD_TILL_CANCEL")
            .replacing(#""orderStrategyType":"SINGLE""#, with: #""orderStrategyType":"TRIGGER""#)
            .replacing(#""orderLegCollection""#, with: #""childOrderStrategies":[\#(child)],"orderLegCollection""#)
    }

    private static func find(_ name: String, _ value: String, in json: JSONValue?) -> JSONValue? {
        guard let json else { return nil }
        if json[name]?.text == value { return json }
        let children = json["childOrderStrategies"] ?? .null
        for place in 0..<max(0, children.count) {
            if let found = Self.find(name, value, in: children[place]) { return found }
        }
        return nil
    }

    @Test func `a trigger's children wait for it, then one fills and the other is canceled`() async throws {
        try await SchwabStage.run { stage in
            // The stop may come before the limit.
            let number = try stage.post(Self.trigger(Self.pair(Self.stop, Self.target)))
            #expect(number == "1000000001")
            let waiting = try stage.order(number)
            #expect(waiting["orderStrategyType"] == .string("TRIGGER"))
            #expect(waiting["status"] == .string("PENDING_ACTIVATION"))
            let pair = waiting["childOrderStrategies"]?[0]
            #expect(pair?["orderStrategyType"] == .string("OCO"))
            #expect(pair?["orderLegCollection"] == nil)
            #expect(pair?["status"] == .string("AWAITING_PARENT_ORDER"))
            let target = Self.find("orderType", "LIMIT", in: pair)
            let stop = Self.find("orderType", "STOP", in: pair)
            #expect(target?["status"] == .string("AWAITING_PARENT_ORDER"))
            #expect(stop?["status"] == .string("AWAITING_PARENT_ORDER"))
            let numbers = [number] + [pair, target, stop].compactMap { $0?["orderId"]?.text }
            #expect(Set(numbers).count == 4)

            try stage.step()
            let filled = try stage.order(number)
            #expect(filled["status"] == .string("FILLED"))
            #expect(filled["orderActivityCollection"]?[0]?["executionType"] == .string("FILL"))
            #expect(try stage.order(numbers[1])["status"] == .string("WORKING"))
            #expect(try stage.order(numbers[2])["status"] == .string("WORKING"))
            #expect(try stage.order(numbers[3])["status"] == .string("AWAITING_STOP_CONDITION"))
            let sale = try stage.post(SchwabCalls.order("SELL", 10))
            #expect(try stage.order(sale)["statusDescription"]?.text?.contains("oversold") == true)

            try stage.step(Stage.stepsPerSession + 5)
            let done = try stage.order(number)
            #expect(Self.find("orderType", "STOP", in: done)?["status"] == .string("CANCELED"))
            let exit = Self.find("orderType", "LIMIT", in: done["childOrderStrategies"]?[0])
            #expect(exit?["status"] == .string("FILLED"))
            #expect(exit?["orderActivityCollection"]?[0]?["executionLegs"]?[0]?["price"] == .number("96"))
            #expect(done["childOrderStrategies"]?[0]?["status"] == .string("FILLED"))
            #expect(done["childOrderStrategies"]?[0]?["closeTime"] == exit?["closeTime"])

            let trades = try stage.get(
                "\(stage.account)/transactions?startDate=2009-01-01T00:00:00Z&endDate=2009-02-01T00:00:00Z&types=TRADE"
            ).json
            #expect(trades.count == 2)
            #expect(trades[0]?["orderId"] == .number(numbers[2]))
            #expect(trades[0]?["netAmount"] == .number("960"))
            let account = try stage.get("\(stage.account)?fields=positions").json["securitiesAccount"]
            #expect(account?["positions"] == nil)
        }
    }

    @Test func `a trigger with one child, and a list with each order once`() async throws {
        try await SchwabStage.run { stage in
            let number = try stage.post(Self.trigger(Self.sell("STOP_LIMIT", #""price":"84","stopPrice":"85.50""#)))
            _ = try stage.post(SchwabCalls.order("BUY", 1, "MSFT", type: "LIMIT", price: "15"))
            try stage.step()
            let child = try stage.order(number)["childOrderStrategies"]?[0]
            #expect(child?["orderStrategyType"] == .string("SINGLE"))
            #expect(child?["status"] == .string("AWAITING_STOP_CONDITION"))
            #expect(child?["price"] == .number("84"))
            let list = try stage.get(
                "\(stage.account)/orders?fromEnteredTime=2009-01-01T00:00:00Z&toEnteredTime=2009-02-01T00:00:00Z"
            ).json
            #expect(list.count == 2)
            #expect(list[1]?["orderId"] == .number(number))
            #expect(list[1]?["childOrderStrategies"]?[0]?["orderId"] == child?["orderId"])
            try stage.step(4)
            #expect(try stage.order(child?["orderId"]?.text ?? "")["status"] == .string("FILLED"))
        }
    }

    @Test func `an OCO has its own number, and canceling it or one of its orders cancels both`() async throws {
        try await SchwabStage.run { stage in
            try stage.step()
            _ = try stage.post(SchwabCalls.order("BUY", 10))
            for byPair in [true, false] {
                let number = try stage.post(Self.pair(Self.target, Self.stop))
                let pair = try stage.order(number)
                #expect(pair["orderId"] == .number(number))
                #expect(pair["orderStrategyType"] == .string("OCO"))
                #expect(pair["status"] == .string("WORKING"))
                let stop = Self.find("orderType", "STOP", in: pair)?["orderId"]?.text ?? ""
                let cancel = try stage.http.call("DELETE", "\(stage.account)/orders/\(byPair ? number : stop)")
                #expect(cancel.status == 200)
                #expect(try stage.order(number)["status"] == .string("CANCELED"))
                #expect(try stage.order(stop)["status"] == .string("CANCELED"))
                #expect(try stage.http.call("DELETE", "\(stage.account)/orders/\(number)").status == 400)
            }
            // Without shares it is taken, and rejected.
            _ = try stage.post(SchwabCalls.order("SELL", 10))
            let rejected = try stage.order(try stage.post(Self.pair(Self.target, Self.stop)))
            #expect(rejected["status"] == .string("REJECTED"))
            #expect(rejected["orderStrategyType"] == .string("OCO"))
            #expect(rejected["statusDescription"]?.text?.contains("oversold") == true)
        }
    }

    @Test func `a child is replaced in its place, waiting or working`() async throws {
        try await SchwabStage.run { stage in
            let number = try stage.post(Self.trigger(Self.pair(Self.target, Self.stop)))
            let replace = { (old: String, body: String) throws -> String in
                let answer = try stage.http.call("PUT", "\(stage.account)/orders/\(old)", body)
                #expect(answer.status == 201, "\(answer.text)")
                return answer.header("Location")?.split(separator: "/").last.map(String.init) ?? ""
            }
            let stop = Self.find("orderType", "STOP", in: try stage.order(number))?["orderId"]?.text ?? ""
            let second = try replace(stop, Self.sell("STOP", #""stopPrice":"83""#))
            #expect(try stage.order(stop)["status"] == .string("REPLACED"))
            #expect(try stage.order(second)["status"] == .string("AWAITING_PARENT_ORDER"))
            try stage.step()
            let third = try replace(second, Self.sell("STOP", #""stopPrice":"86""#))
            #expect(try stage.order(third)["status"] == .string("AWAITING_STOP_CONDITION"))
            let now = Self.find("orderType", "STOP", in: try stage.order(number))
            #expect(now?["orderId"] == .number(third))
            let whole = try stage.http.call(
                "PUT",
                "\(stage.account)/orders/\(number)",
                Self.pair(Self.target, Self.stop)
            )
            #expect(whole.status == 400)
            try stage.step(4)
            let done = try stage.order(number)
            #expect(Self.find("orderId", third, in: done)?["status"] == .string("FILLED"))
            #expect(
                Self.find("orderType", "LIMIT", in: done["childOrderStrategies"]?[0])?["status"] == .string("CANCELED")
            )
        }
    }

    @Test func `a trailing stop may be the child, and follows the market`() async throws {
        let trailing = Self.sell(
            "TRAILING_STOP",
            #""stopPriceLinkBasis":"LAST","stopPriceLinkType":"VALUE","stopPriceOffset":6"#
        )
        try await SchwabStage.run { stage in
            let number = try stage.post(Self.trigger(Self.pair(Self.target, trailing)))
            try stage.step()
            let child = Self.find("orderType", "TRAILING_STOP", in: try stage.order(number))
            #expect(child?["stopPriceOffset"] == .number("6"))
            #expect(child?["stopPrice"] == .number("84"))
            // The high of 95 lifts it to 89, through which the low falls.
            try stage.step(6)
            let filled = try stage.order(child?["orderId"]?.text ?? "")
            #expect(filled["status"] == .string("FILLED"))
            #expect(filled["orderActivityCollection"]?[0]?["executionLegs"]?[0]?["price"] == .number("89"))
        }
    }

    @Test func `an order that the cash does not bear is taken and rejected with its children`() async throws {
        try await SchwabStage.run { stage in
            let dear = Self.trigger(Self.pair(Self.target, Self.stop)).replacing("90.00", with: "9000")
            let number = try stage.post(dear)
            let order = try stage.order(number)
            #expect(order["status"] == .string("REJECTED"))
            #expect(order["orderStrategyType"] == .string("TRIGGER"))
            #expect(order["statusDescription"]?.text?.contains("buying power") == true)
        }
    }

    @Test func `groups of another shape are refused with what is wrong`() async throws {
        let wrong: [(String, String)] = [
            (Self.pair(Self.target, Self.target), "LIMIT and a stop"),
            (Self.pair(Self.target, Self.trigger(Self.stop)), "SINGLE"),
            (Self.pair(Self.target, Self.sell("STOP", #""stopPrice":"84""#, quantity: 5)), "one qty"),
            (Self.trigger(#"{"orderStrategyType":"BLAST_ALL"}"#), "BLAST_ALL"),
            (Self.trigger(Self.stop).replacing("BUY", with: "SELL"), "sells"),
            (Self.trigger("\(Self.stop),\(Self.target)"), "one childOrderStrategies"),
            (Self.trigger(SchwabCalls.order("BUY", 10)), "exit orders"),
        ]
        try await SchwabStage.run { stage in
            try stage.step()
            _ = try stage.post(SchwabCalls.order("BUY", 10))
            for (body, text) in wrong {
                let answer = try stage.http.call("POST", "\(stage.account)/orders", body)
                #expect(answer.status == 400, "\(body): \(answer.text)")
                #expect(answer.json["message"]?.text?.contains(text) == true, "\(body): \(answer.text)")
            }
        }
    }

    @Test func `both dialects see one group`() async throws {
        try await SchwabStage.run { stage in
            let alpaca = try HTTPClient(port: stage.simulator.port)
            let number = try stage.post(Self.trigger(Self.pair(Self.target, Self.stop)))
            let seen = try alpaca.call("GET", "/v2/orders?nested=true").json
            #expect(seen.count == 1)
            #expect(seen[0]?["order_class"] == .string("bracket"))
            #expect(seen[0]?["legs"]?.count == 2)
            let leg = seen[0]?["legs"]?[0]?["id"]?.text ?? ""
            #expect(try alpaca.call("DELETE", "/v2/orders/\(leg)").status == 204)
            #expect(try stage.order(number)["status"] == .string("CANCELED"))
        }
    }
}
