import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

struct RESTTests {
    private static let limitBuy =
        #"{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","time_in_force":"day","limit_price":"90.5","client_order_id":"one"}"#

    private static func sell(_ quantity: Int, id: String, stop: String? = nil) -> String {
        let kind = stop.map { #""type":"stop","stop_price":\#($0),"time_in_force":"gtc""# }
        return
            #"{"symbol":"AAPL","qty":\#(quantity),"side":"sell",\#(kind ?? #""type":"market","time_in_force":"day""#),"client_order_id":"\#(id)"}"#
    }

    // MARK: Orders

    @Test func `an order entered before the open is answered as accepted, with every member`() async throws {
        try await Stage.run { stage in
            let answer = try stage.post(Self.limitBuy)
            #expect(answer.status == 200)
            let id = DerivedIdentifier.uuid("order one")
            let asset = AccountEndpoints.assetID(try #require(Symbol("AAPL")))
            #expect(
                answer.text == """
                    {"id":"\(id)","client_order_id":"one","created_at":"2009-01-02T14:00:00Z",\
                    "updated_at":"2009-01-02T14:00:00Z","submitted_at":"2009-01-02T14:00:00Z","filled_at":null,\
                    "expired_at":null,"expires_at":"2009-01-02T21:00:00Z","canceled_at":null,"failed_at":null,\
                    "replaced_at":null,"replaced_by":null,"replaces":null,"asset_id":"\(asset)","symbol":"AAPL",\
                    "asset_class":"us_equity","notional":null,"qty":"10","filled_qty":"0","filled_avg_price":null,\
                    "order_class":"simple","order_type":"limit","type":"limit","side":"buy","time_in_force":"day",\
                    "limit_price":"90.5","stop_price":null,"status":"accepted","extended_hours":false,"legs":null,\
                    "trail_percent":null,"trail_price":null,"hwm":null,"position_intent":"buy_to_open",\
                    "subtag":null,"source":null}
                    """
            )
        }
    }

    @Test func `an order is filled by the opening tick and seen everywhere`() async throws {
        try await Stage.run { stage in
            _ = try stage.post(Self.limitBuy)
            try stage.step()
            let order = try stage.get("/v2/orders:by_client_order_id?client_order_id=one").json
            #expect(order["status"] == .string("filled"))
            #expect(order["filled_avg_price"] == .string("90"))
            #expect(order["filled_at"] == .string("2009-01-02T14:30:00Z"))
            try stage.step(2)
            let account = try stage.get("/v2/account").json
            #expect(account["cash"] == .string("9100"))
            #expect(account["equity"] == .string("10050"))
            #expect(account["buying_power"] == .string("9100"))
            #expect(account["status"] == .string("ACTIVE"))
            let position = try stage.get("/v2/positions/AAPL").json
            #expect(position["qty"] == .string("10"))
            #expect(position["avg_entry_price"] == .string("90"))
            #expect(position["current_price"] == .string("95"))
            #expect(position["unrealized_pl"] == .string("50"))
            #expect(try stage.get("/v2/positions").json.count == 1)
            #expect(try stage.get("/v2/positions/MSFT").status == 404)
            let fill = try stage.get("/v2/account/activities/FILL").json[0]
            #expect(fill?["order_id"] == order["id"])
            #expect(fill?["price"] == .string("90"))
            #expect(fill?["leaves_qty"] == .string("0"))
            #expect(fill?["type"] == .string("fill"))
        }
    }

    @Test func `an order entered in the session answers pending_new and is matched at once`() async throws {
        try await Stage.run { stage in
            try stage.step()
            let answer = try stage.post(Self.limitBuy).json
            #expect(answer["status"] == .string("pending_new"))
            #expect(answer["filled_qty"] == .string("0"))
            let id = try #require(answer["id"]?.text)
            #expect(try stage.get("/v2/orders/\(id)").json["status"] == .string("filled"))
        }
    }

    @Test func `shares under a stop are refused with what holds them`() async throws {
        try await Stage.run { stage in
            try stage.step()
            _ = try stage.post(Self.limitBuy)
            let stop = try stage.post(Self.sell(10, id: "stop", stop: "84.5")).json
            #expect(try stage.get("/v2/positions/AAPL").json["qty_available"] == .string("0"))
            let refusal = try stage.post(Self.sell(10, id: "exit"))
            #expect(refusal.status == 403)
            #expect(
                refusal.text == """
                    {"code":40310000,"message":"insufficient qty available for order (requested: 10, available: 0)",\
                    "available":"0","existing_qty":"10","held_for_orders":"10",\
                    "related_orders":["\(stop["id"]?.text ?? "")"],"symbol":"AAPL"}
                    """
            )
            #expect(try stage.http.call("DELETE", "/v2/positions/AAPL").status == 403)
            #expect(try stage.http.call("DELETE", "/v2/orders/\(stop["id"]?.text ?? "")").status == 204)
            #expect(try stage.http.call("DELETE", "/v2/orders/\(stop["id"]?.text ?? "")").status == 422)
            #expect(try stage.post(Self.sell(10, id: "exit")).status == 200)
            #expect(try stage.get("/v2/positions").json.count == 0)
        }
    }

    @Test func `a client order id is refused for ever`() async throws {
        try await Stage.run { stage in
            let first = try stage.post(Self.limitBuy).json
            #expect(try stage.http.call("DELETE", "/v2/orders/\(first["id"]?.text ?? "")").status == 204)
            let second = try stage.post(Self.limitBuy)
            #expect(second.status == 422)
            #expect(second.text == #"{"code":40010001,"message":"client_order_id must be unique"}"#)
        }
    }

    @Test func `more than the cash is refused with both amounts`() async throws {
        try await Stage.run { stage in
            let answer = try stage.post(
                #"{"symbol":"AAPL","qty":200,"side":"buy","type":"limit","time_in_force":"day","limit_price":90.25}"#
            )
            #expect(answer.status == 403)
            #expect(
                answer.text
                    == #"{"code":40310000,"message":"insufficient buying power","buying_power":"10000","cost_basis":"18050"}"#
            )
        }
    }

    @Test func `wrong calls are refused with the broker's codes`() async throws {
        let order = #""symbol":"AAPL","qty":"1","side":"buy","time_in_force":"day","type":"market""#
        let calls: [(String, String, String, Int, String)] = [
            ("POST", "/v2/orders", "{", 400, "40010000"),
            ("POST", "/v2/orders", "[]", 400, "40010000"),
            ("POST", "/v2/orders", "{}", 422, "40010001"),
            ("POST", "/v2/orders", #"{"symbol":"AAPL"}"#, 422, "40010001"),
            (
                "POST", "/v2/orders",
                #"{"symbol":"ZZZZ","qty":"1","side":"buy","type":"limit","limit_price":"1","time_in_force":"day"}"#,
                422, "42210000"
            ),
            (
                "POST", "/v2/orders",
                #"{"symbol":"AAPL","qty":"x","side":"buy","type":"market","time_in_force":"day"}"#, 422, "40010001"
            ),
            (
                "POST", "/v2/orders",
                #"{"symbol":"AAPL","qty":"1.5","side":"buy","type":"limit","limit_price":"1","time_in_force":"day"}"#,
                422, "42210000"
            ),
            (
                "POST", "/v2/orders", #"{"symbol":"AAPL","qty":"1","side":"buy","type":"limit","time_in_force":"day"}"#,
                422, "42210000"
            ),
            (
                "POST", "/v2/orders",
                #"{"symbol":"AAPL","qty":"1","side":"sell","type":"market","time_in_force":"day"}"#, 403, "40310000"
            ),
            (
                "POST", "/v2/orders",
                #"{"symbol":"AAPL","qty":"1","side":"hold","type":"market","time_in_force":"day"}"#, 422, "42210000"
            ),
            (
                "POST", "/v2/orders",
                #"{"symbol":"AAPL","qty":"1","side":"buy","type":"market","time_in_force":"opg"}"#, 422, "42210000"
            ),
            ("POST", "/v2/orders", "{\(order),\"extended_hours\":true}", 422, "42210000"),
            ("POST", "/v2/orders", "{\(order),\"order_class\":\"bracket\"}", 422, "42210000"),
            ("POST", "/v2/orders", "{\(order),\"stop_loss\":{\"stop_price\":\"1\"}}", 422, "42210000"),
            ("POST", "/v2/orders", "{\(order),\"notional\":\"100\"}", 422, "42210000"),
            ("GET", "/v2/orders/nobody", "", 404, "40410000"),
            ("DELETE", "/v2/orders/nobody", "", 404, "40410000"),
            ("PATCH", "/v2/orders/nobody", "{}", 404, "40410000"),
            ("GET", "/v2/orders:by_client_order_id?client_order_id=nobody", "", 404, "40410000"),
            ("GET", "/v2/orders?limit=501", "", 422, "40010001"),
            ("GET", "/v2/orders?status=some", "", 422, "40010001"),
            ("GET", "/v2/orders?after=yesterday", "", 422, "40010001"),
            ("GET", "/v2/assets/ZZZZ", "", 404, "40410000"),
            ("GET", "/v2/positions/AAPL", "", 404, "40410000"),
            ("GET", "/v2/nothing", "", 404, "40410000"),
            ("GET", "/v2/stocks/bars?timeframe=1Day", "", 400, "40010001"),
            ("GET", "/v2/stocks/bars?timeframe=5Min&symbols=AAPL", "", 400, "40010001"),
            ("GET", "/v2/stocks/AAPL/quotes/latest", "", 404, "40410000"),
            ("PUT", "/v2/orders", "", 404, "40410000"),
        ]
        try await Stage.run { stage in
            for (method, target, body, status, code) in calls {
                let answer = try stage.http.call(method, target, body)
                #expect(answer.status == status, "\(method) \(target) \(body): \(answer.text)")
                #expect(answer.json["code"] == .number(code), "\(method) \(target) \(body): \(answer.text)")
                #expect(answer.json["message"]?.text?.isEmpty == false)
            }
            #expect(try stage.get("/v2/orders?status=all").json.count == 0)
        }
    }

    @Test func `the tick rule is a switch`() async throws {
        let order =
            #"{"symbol":"AAPL","qty":"1","side":"buy","type":"limit","time_in_force":"day","limit_price":"38.2318"}"#
        try await Stage.run { stage in
            let answer = try stage.post(order)
            #expect(answer.status == 200)
        }
        try await Stage.run(matching: .init(refusesSubPennyPrices: true)) { stage in
            let answer = try stage.post(order)
            #expect(answer.status == 422)
            #expect(
                answer.json["message"]
                    == .string(
                        "invalid limit_price 38.2318. sub-penny increment does not fulfill minimum pricing criteria"
                    )
            )
        }
    }

    @Test func `a replacement gets a new id and names the old one`() async throws {
        try await Stage.run { stage in
            try stage.step()
            _ = try stage.post(Self.limitBuy)
            let stop = try stage.post(Self.sell(10, id: "stop", stop: "80")).json["id"]?.text ?? ""
            let answer = try stage.http.call("PATCH", "/v2/orders/\(stop)", #"{"stop_price":"82","qty":"10"}"#)
            #expect(answer.status == 200)
            #expect(answer.json["replaces"] == .string(stop))
            #expect(answer.json["stop_price"] == .string("82"))
            let old = try stage.get("/v2/orders/\(stop)").json
            #expect(old["status"] == .string("replaced"))
            #expect(old["replaced_by"] == answer.json["id"])
            let unchanged = try stage.http.call(
                "PATCH",
                "/v2/orders/\(answer.json["id"]?.text ?? "")",
                #"{"stop_price":"82"}"#
            )
            #expect(unchanged.status == 422)
            #expect(unchanged.json["code"] == .number("42210000"))
        }
    }

    @Test func `orders are listed by state, symbol, time and cursor`() async throws {
        try await Stage.run { stage in
            for (id, symbol) in [("a", "AAPL"), ("b", "MSFT"), ("c", "AAPL")] {
                _ = try stage.post(
                    #"{"symbol":"\#(symbol)","qty":1,"side":"buy","type":"limit","time_in_force":"gtc","limit_price":1,"client_order_id":"\#(id)"}"#
                )
            }
            let ids = { (query: String) throws -> [String] in
                let answer = try stage.get("/v2/orders?\(query)").json
                return (0..<max(0, answer.count)).compactMap { answer[$0]?["client_order_id"]?.text }
            }
            #expect(try ids("") == ["c", "b", "a"])
            #expect(try ids("direction=asc&limit=2") == ["a", "b"])
            #expect(try ids("symbols=AAPL,IBM") == ["c", "a"])
            #expect(try ids("status=closed") == [])
            #expect(try ids("side=sell") == [])
            #expect(try ids("after=2009-01-02T14%3A00%3A00Z") == [])
            #expect(try ids("after=2009-01-02T13:59:59Z&until=2009-01-03") == ["c", "b", "a"])
            let second = try stage.get("/v2/orders:by_client_order_id?client_order_id=b").json["id"]?.text ?? ""
            #expect(try ids("direction=asc&after_order_id=\(second)") == ["c"])
            #expect(try ids("before_order_id=\(second)") == ["a"])
            let all = try stage.http.call("DELETE", "/v2/orders")
            #expect(all.status == 207)
            #expect(all.json.count == 3)
            #expect(try ids("status=closed&direction=asc") == ["a", "b", "c"])
        }
    }

    @Test func `positions are closed one by one and all together`() async throws {
        try await Stage.run { stage in
            try stage.step(2)
            _ = try stage.post(Self.limitBuy)
            _ = try stage.post(#"{"symbol":"MSFT","qty":4,"side":"buy","type":"market","time_in_force":"day"}"#)
            _ = try stage.post(Self.sell(5, id: "stop", stop: "80"))
            #expect(try stage.http.call("DELETE", "/v2/positions/AAPL?qty=2").json["qty"] == .string("2"))
            #expect(try stage.http.call("DELETE", "/v2/positions/MSFT?percentage=50").json["qty"] == .string("2"))
            let all = try stage.http.call("DELETE", "/v2/positions")
            #expect(all.status == 207)
            #expect(all.json[0]?["status"] == .number("403"))
            #expect(all.json[1]?["status"] == .number("200"))
            let forced = try stage.http.call("DELETE", "/v2/positions?cancel_orders=True").json
            #expect(forced[0]?["body"]?["qty"] == .string("8"))
            #expect(try stage.get("/v2/positions").json.count == 0)
        }
    }

    // MARK: The connection

    @Test func `calls without a key are refused`() async throws {
        let credentials = BrokerSimulatorConfiguration.Credentials(key: "PK1", secret: "s")
        try await withSimulator(.init(credentials: credentials)) { simulator in
            let client = try HTTPClient(port: simulator.port)
            let refusal = try client.call("GET", "/v2/account")
            #expect(refusal.status == 401)
            #expect(refusal.json["code"] == .number("40110000"))
            client.headers = "APCA-API-KEY-ID: PK1\r\nAPCA-API-SECRET-KEY: s\r\n"
            #expect(try client.call("GET", "/v2/account").status == 200)
        }
        try await withSimulator { simulator in
            let client = try HTTPClient(port: simulator.port)
            client.headers = ""
            #expect(try client.call("GET", "/v2/account").status == 401)
        }
    }

    @Test func `requests on one connection are answered in order`() async throws {
        try await withSimulator { simulator in
            let client = try HTTPClient(port: simulator.port)
            try client.send("GET", "/v2/clock")
            try client.send("GET", "/v2/assets/MSFT")
            try client.send("GET", "/v2/nothing")
            #expect(try client.receive().json["is_open"] == .bool(false))
            #expect(try client.receive().json["symbol"] == .string("MSFT"))
            #expect(try client.receive().status == 404)
        }
    }
}
