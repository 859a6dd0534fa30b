import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

struct SchwabOrderTests {
    private static let oversold = "This order may result in an oversold/overbought position in your account."
    private static let limitBuy = SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90.50")

    @Test func `an order sent in a closed market waits, with every member`() async throws {
        try await SchwabStage.run { stage in
            let answer = try stage.http.call("POST", "\(stage.account)/orders", Self.limitBuy)
            #expect(answer.status == 201)
            #expect(answer.text.isEmpty)
            let path = "\(stage.account)/orders/1000000001"
            #expect(answer.header("Location") == "https://api.schwabapi.com\(path)")
            let order = try stage.get(path)
            #expect(order.status == 200)
            let instrument = order.json["orderLegCollection"]?[0]?["instrument"]
            #expect(
                order.text == """
                    {"session":"NORMAL","duration":"DAY","orderType":"LIMIT","complexOrderStrategyType":"NONE",\
                    "quantity":10,"filledQuantity":0,"remainingQuantity":10,"requestedDestination":"AUTO",\
                    "destinationLinkName":"AutoRoute","price":90.5,"orderLegCollection":[{"orderLegType":"EQUITY",\
                    "legId":1,"instrument":{"assetType":"EQUITY","cusip":"\(instrument?["cusip"]?.text ?? "")",\
                    "symbol":"AAPL","instrumentId":\(instrument?["instrumentId"]?.text ?? "")},"instruction":"BUY",\
                    "positionEffect":"OPENING","quantity":10}],"orderStrategyType":"SINGLE","orderId":1000000001,\
                    "cancelable":true,"editable":false,"status":"PENDING_ACTIVATION",\
                    "enteredTime":"2009-01-02T14:00:00+0000","tag":"API_TOS:simulator","accountNumber":12345678}
                    """
            )
        }
    }

    @Test func `an order's life ends filled, with its executions`() async throws {
        try await SchwabStage.run { stage in
            let buy = try stage.post(Self.limitBuy)
            let msft = try stage.post(SchwabCalls.order("BUY", 1, "MSFT", type: "LIMIT", price: "25"))
            try stage.step()
            // AAPL has opened, MSFT has not ticked yet.
            #expect(try stage.order(msft)["status"] == .string("QUEUED"))
            let order = try stage.order(buy)
            #expect(order["status"] == .string("FILLED"))
            #expect(order["filledQuantity"] == .number("10"))
            #expect(order["remainingQuantity"] == .number("0"))
            #expect(order["closeTime"] == .string("2009-01-02T14:30:00+0000"))
            #expect(order["cancelable"] == .bool(false))
            #expect(order["orderActivityCollection"]?.count == 1)
            let activity = order["orderActivityCollection"]?[0]
            #expect(activity?["activityType"] == .string("EXECUTION"))
            #expect(activity?["executionType"] == .string("FILL"))
            #expect(activity?["orderRemainingQuantity"] == .number("0"))
            let leg = activity?["executionLegs"]?[0]
            #expect(leg?["price"] == .number("90"))
            #expect(leg?["quantity"] == .number("10"))
            #expect(leg?["time"] == .string("2009-01-02T14:30:00+0000"))
            try stage.step()
            #expect(try stage.order(msft)["status"] == .string("FILLED"))
        }
    }

    @Test func `a partly filled order works, and its remainder expires with the day`() async throws {
        let matching = MatchingEngine.Configuration(fillFraction: Rate(raw: Rate.unit / 4))
        try await SchwabStage.run(matching: matching) { stage in
            let buy = try stage.post(SchwabCalls.order("BUY", 10, type: "LIMIT", price: "90"))
            try stage.step()
            let working = try stage.order(buy)
            #expect(working["status"] == .string("WORKING"))
            #expect(working["filledQuantity"] == .number("2"))
            #expect(working["remainingQuantity"] == .number("8"))
            #expect(working["closeTime"] == nil)
            // Of the day's other ticks, two of AAPL's are at or below 90.
            try stage.step(8)
            let expired = try stage.order(buy)
            #expect(expired["status"] == .string("EXPIRED"))
            #expect(expired["filledQuantity"] == .number("6"))
            #expect(expired["closeTime"] == .string("2009-01-02T21:00:00+0000"))
            let activities = expired["orderActivityCollection"]
            #expect(activities?.count == 4)
            #expect(activities?[3]?["executionType"] == .string("CANCELED"))
            #expect(activities?[3]?["quantity"] == .number("4"))
        }
    }

    @Test func `a stop waits for its condition, a sale beside it is taken and rejected, a cancel frees it`()
        async throws
    {
        try await SchwabStage.run { stage in
            try stage.step()
            _ = try stage.post(Self.limitBuy)
            let stop = try stage.post(
                SchwabCalls.order("SELL", 10, type: "STOP", stop: "84.50", duration: "GOOD_TILL_CANCEL")
            )
            #expect(try stage.order(stop)["status"] == .string("AWAITING_STOP_CONDITION"))
            #expect(try stage.order(stop)["stopPrice"] == .number("84.5"))
            #expect(try stage.order(stop)["duration"] == .string("GOOD_TILL_CANCEL"))
            let refused = try stage.post(SchwabCalls.order("SELL", 10))
            #expect(try stage.order(refused)["status"] == .string("REJECTED"))
            #expect(try stage.order(refused)["statusDescription"] == .string(Self.oversold))
            #expect(try stage.order(refused)["closeTime"] == .string("2009-01-02T14:30:00+0000"))

            let cancel = try stage.http.call("DELETE", "\(stage.account)/orders/\(stop)")
            #expect(cancel.status == 200)
            #expect(cancel.text.isEmpty)
            let cancelled = try stage.order(stop)
            #expect(cancelled["status"] == .string("CANCELED"))
            #expect(cancelled["closeTime"] == .string("2009-01-02T14:30:00+0000"))
            #expect(cancelled["orderActivityCollection"]?[0]?["executionType"] == .string("CANCELED"))
            #expect(try stage.http.call("DELETE", "\(stage.account)/orders/\(stop)").status == 400)
            #expect(try stage.http.call("DELETE", "\(stage.account)/orders/99").status == 404)

            let exit = try stage.post(SchwabCalls.order("SELL", 10))
            #expect(try stage.order(exit)["status"] == .string("FILLED"))
            #expect(exit == "1000000004")
        }
    }

    @Test func `more than the cash is taken and rejected, and has a number among the others`() async throws {
        try await SchwabStage.run { stage in
            let numbers = try [200, 1, 500, 2].map { quantity in
                try stage.post(SchwabCalls.order("BUY", quantity, type: "LIMIT", price: "90.25"))
            }
            #expect(numbers == ["1000000001", "1000000002", "1000000003", "1000000004"])
            let statuses = try numbers.map { try stage.order($0)["status"]?.text }
            #expect(statuses == ["REJECTED", "PENDING_ACTIVATION", "REJECTED", "PENDING_ACTIVATION"])
            #expect(try stage.order(numbers[0])["statusDescription"]?.text?.contains("buying power") == true)
            #expect(try stage.order(numbers[3])["quantity"] == .number("2"))
            #expect(try stage.get("\(stage.account)/orders/1000000005").status == 404)
        }
    }

    @Test func `a replacement has a new number, and one in vain leaves the old order`() async throws {
        try await SchwabStage.run { stage in
            try stage.step()
            _ = try stage.post(Self.limitBuy)
            let old = try stage.post(
                SchwabCalls.order("SELL", 10, type: "STOP", stop: "80", duration: "GOOD_TILL_CANCEL")
            )
            let path = "\(stage.account)/orders/\(old)"
            let more = try stage.http.call(
                "PUT",
                path,
                SchwabCalls.order("SELL", 11, type: "STOP", stop: "82", duration: "GOOD_TILL_CANCEL")
            )
            #expect(more.status == 201)
            #expect(try stage.order(old)["status"] == .string("AWAITING_STOP_CONDITION"))
            let answer = try stage.http.call(
                "PUT",
                path,
                SchwabCalls.order("SELL", 10, type: "STOP", stop: "82", duration: "GOOD_TILL_CANCEL")
            )
            #expect(answer.status == 201)
            let new = answer.header("Location")?.split(separator: "/").last.map(String.init) ?? ""
            #expect(new != old)
            #expect(try stage.order(old)["status"] == .string("REPLACED"))
            #expect(try stage.order(old)["replacingOrderCollection"]?[0]?["orderId"] == .number(new))
            #expect(try stage.order(new)["stopPrice"] == .number("82"))
            #expect(try stage.http.call("PUT", path, Self.limitBuy).status == 400)
            #expect(
                try stage.http.call("PUT", "\(stage.account)/orders/\(new)", Self.limitBuy).status == 400
            )
        }
    }

    @Test func `orders are listed by time and status, newest first`() async throws {
        try await SchwabStage.run { stage in
            let number = try stage.post(Self.limitBuy)
            _ = try stage.post(SchwabCalls.order("SELL", 1))
            try stage.step(2)
            _ = try stage.post(SchwabCalls.order("BUY", 1, "MSFT", type: "LIMIT", price: "15"))
            let from = "fromEnteredTime=2009-01-01T00:00:00.000Z"
            let numbers = { (query: String) throws -> [String] in
                let answer = try stage.get("\(stage.account)/orders?\(query)").json
                return (0..<max(0, answer.count)).compactMap { answer[$0]?["orderId"]?.text }
            }
            let all = "\(from)&toEnteredTime=2009-01-03T00:00:00.000Z"
            #expect(try numbers(all) == ["1000000003", "1000000002", "1000000001"])
            #expect(try numbers("\(all)&maxResults=1") == ["1000000003"])
            #expect(try numbers("\(all)&status=FILLED") == [number])
            #expect(try numbers("\(all)&status=REJECTED") == ["1000000002"])
            #expect(
                try numbers("\(from)&toEnteredTime=2009-01-02T14%3A00%3A00.000%2B0000") == ["1000000002", "1000000001"]
            )
            #expect(try stage.get("/trader/v1/orders?\(all)").json.count == 3)
            for query in [
                "", from, "\(from)&toEnteredTime=yesterday", "\(from)&toEnteredTime=2008-12-31T00:00:00.000Z",
                "\(from)&toEnteredTime=2010-06-01T00:00:00.000Z", "\(all)&maxResults=0",
            ] {
                let refusal = try stage.get("\(stage.account)/orders?\(query)")
                #expect(refusal.status == 400, "\(query)")
                #expect(refusal.json["errors"]?.count == 1)
                #expect(refusal.json["message"]?.text?.isEmpty == false)
            }
            #expect(
                try stage.get("/trader/v1/orders?\(from)&toEnteredTime=2009-04-01T00:00:00.000Z").status == 400
            )
        }
    }

    @Test func `wrong orders are refused with what is wrong`() async throws {
        let order = SchwabCalls.order("BUY", 1)
        let wrong: [(String, String)] = [
            ("{", "body"),
            ("[]", "body"),
            (order.replacing("SINGLE", with: "TRIGGER"), "one childOrderStrategies"),
            (#"{"orderStrategyType":"OCO","childOrderStrategies":[]}"#, "two childOrderStrategies"),
            (order.replacing("MARKET", with: "MARKET_ON_CLOSE"), "orderType"),
            (order.replacing(#""DAY""#, with: #""END_OF_WEEK""#), "duration"),
            (order.replacing("NORMAL", with: "SEAMLESS"), "session"),
            (order.replacing("BUY", with: "SELL_SHORT"), "instruction"),
            (order.replacing("EQUITY", with: "OPTION"), "assetType"),
            (order.replacing("AAPL", with: "ZZZZ"), "ZZZZ"),
            (order.replacing(#""quantity":1"#, with: #""quantity":1.5"#), "fractional"),
            (order.replacing(#""quantity":1"#, with: #""quantity":"x""#), "quantity"),
            (order.replacing(#""session""#, with: #""price":"1","session""#), "limit_price"),
            (order.replacing(#""session""#, with: #""requestedDestination":"INET","session""#), "requestedDestination"),
            (order.replacing("MARKET", with: "LIMIT"), "limit_price"),
            (order.replacing("MARKET", with: "TRAILING_STOP"), "stopPriceLinkType"),
        ]
        try await SchwabStage.run { stage in
            try stage.step()
            for (body, text) in wrong {
                let answer = try stage.http.call("POST", "\(stage.account)/orders", body)
                #expect(answer.status == 400, "\(body): \(answer.text)")
                #expect(answer.json["message"]?.text?.contains(text) == true, "\(body): \(answer.text)")
            }
            let other = "/trader/v1/accounts/12345678/orders"
            #expect(try stage.http.call("POST", other, order).status == 400)
            let all = "fromEnteredTime=2009-01-01T00:00:00Z&toEnteredTime=2009-02-01T00:00:00Z"
            #expect(try stage.get("/trader/v1/orders?\(all)").json.count == 0)
        }
    }

    @Test func `a preview says what would become of an order and changes nothing`() async throws {
        try await SchwabStage.run { stage in
            try stage.step()
            let path = "\(stage.account)/previewOrder"
            let good = try stage.http.call("POST", path, Self.limitBuy)
            #expect(good.status == 200)
            #expect(good.json["orderValidationResult"]?["rejects"]?.count == 0)
            let bad = try stage.http.call("POST", path, SchwabCalls.order("SELL", 1))
            #expect(bad.json["orderValidationResult"]?["rejects"]?[0]?["message"] == .string(Self.oversold))
            #expect(bad.json["commissionAndFee"] != nil)
            #expect(try stage.post(Self.limitBuy) == "1000000001")
        }
    }

    @Test func `both dialects see the same orders`() async throws {
        try await SchwabStage.run { stage in
            let alpaca = try HTTPClient(port: stage.simulator.port)
            let number = try stage.post(SchwabCalls.order("BUY", 3, "MSFT", type: "LIMIT", price: "15"))
            let seen = try alpaca.call("GET", "/v2/orders").json
            #expect(seen.count == 1)
            #expect(seen[0]?["symbol"] == .string("MSFT"))
            #expect(seen[0]?["qty"] == .string("3"))
            let id = seen[0]?["id"]?.text ?? ""
            #expect(try alpaca.call("DELETE", "/v2/orders/\(id)").status == 204)
            #expect(try stage.order(number)["status"] == .string("CANCELED"))

            _ = try stage.post(SchwabCalls.order("SELL", 1))
            let limit = #""type":"limit","limit_price":"91","time_in_force":"day""#
            _ = try alpaca.call("POST", "/v2/orders", #"{"symbol":"AAPL","qty":"2","side":"buy",\#(limit)}"#)
            try stage.step()
            let order = try stage.order("1000000003")
            #expect(order["status"] == .string("FILLED"))
            #expect(order["quantity"] == .number("2"))
            #expect(try alpaca.call("GET", "/v2/account").json["cash"] == .string("9820"))
            let account = try stage.get("\(stage.account)?fields=positions").json["securitiesAccount"]
            #expect(account?["currentBalances"]?["cashBalance"] == .number("9820"))
            #expect(account?["positions"]?[0]?["longQuantity"] == .number("2"))
        }
    }
}
