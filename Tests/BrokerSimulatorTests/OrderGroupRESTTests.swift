import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

/// Orders that depend on each other, over the trading API and its stream.
struct OrderGroupRESTTests {
    /// AAPL ticks 90, 95, 85, 88 and then 89, 88, 99, 98, on every other step.
    private static func order(
        _ orderClass: String,
        side: String = "buy",
        type: String = "market",
        limit: String? = nil,
        target: String? = nil,
        stop: String? = nil,
        more: String = "",
        timeInForce: String = "gtc",
        id: String = "one"
    ) -> String {
        var members = [
            #""symbol":"AAPL","qty":"10","side":"\#(side)","type":"\#(type)","time_in_force":"\#(timeInForce)""#,
            #""order_class":"\#(orderClass)","client_order_id":"\#(id)""#,
        ]
        if let limit { members.append(#""limit_price":"\#(limit)""#) }
        if let target { members.append(#""take_profit":{"limit_price":"\#(target)"}"#) }
        if let stop { members.append(#""stop_loss":{"stop_price":"\#(stop)"}"#) }
        return "{\(members.joined(separator: ","))\(more)}"
    }

    private static let bracket = Self.order("bracket", type: "limit", limit: "90", target: "96", stop: "84.50")

    private static func statuses(_ order: JSONValue) -> [String] {
        let legs = order["legs"] ?? .null
        return [order["status"]?.text ?? ""] + (0..<max(0, legs.count)).map { legs[$0]?["status"]?.text ?? "" }
    }

    @Test func `a bracket's legs are held, live with the fill, and one's fill cancels the other`() async throws {
        try await Stage.run { stage in
            let updates = try UpdateClient(stage.simulator.port)
            let answer = try stage.post(Self.bracket)
            #expect(answer.status == 200)
            let order = answer.json
            #expect(Self.statuses(order) == ["accepted", "held", "held"])
            #expect(order["order_class"] == .string("bracket"))
            #expect(order["group_role"] == .string("entry"))
            let (target, stop) = (order["legs"]?[0], order["legs"]?[1])
            #expect(target?["group_role"] == .string("take_profit"))
            #expect(target?["limit_price"] == .string("96"))
            #expect(target?["side"] == .string("sell"))
            #expect(target?["time_in_force"] == .string("gtc"))
            #expect(stop?["group_role"] == .string("stop_loss"))
            #expect(stop?["type"] == .string("stop"))
            #expect(stop?["stop_price"] == .string("84.5"))
            #expect(stop?["group_id"] == order["group_id"])
            #expect(stop?["order_class"] == .string("bracket"))

            try stage.step()
            let id = order["id"]?.text ?? ""
            #expect(
                Self.statuses(try stage.get("/v2/orders/\(id)?nested=true").json) == ["filled", "new", "new"]
            )
            #expect(try stage.get("/v2/orders/\(id)").json["legs"] == .null)
            let position = try stage.get("/v2/positions/AAPL").json
            #expect(position["qty"] == .string("10"))
            #expect(position["qty_available"] == .string("0"))
            let refusal = try stage.post(
                #"{"symbol":"AAPL","qty":"10","side":"sell","type":"market","time_in_force":"day"}"#
            )
            #expect(refusal.status == 403)
            #expect(refusal.json["held_for_orders"] == .string("10"))
            #expect(refusal.json["related_orders"]?.count == 2)

            // The next day's high.
            try stage.step(Stage.stepsPerSession + 5)
            #expect(
                Self.statuses(try stage.get("/v2/orders/\(id)?nested=true").json) == ["filled", "filled", "canceled"]
            )
            #expect(try stage.get("/v2/account").json["cash"] == .string("10060"))
            #expect(
                try updates.events(6)
                    == [
                        "entry new", "entry fill", "take_profit new", "stop_loss new", "take_profit fill",
                        "stop_loss canceled",
                    ].map { "\($0) \(order["group_id"]?.text ?? "")" }
            )
        }
    }

    @Test func `a stop touched first fills and cancels the target`() async throws {
        let bracket = Self.order("bracket", type: "limit", limit: "90", target: "96", stop: "85.50")
        try await Stage.run { stage in
            let id = try stage.post(bracket).json["id"]?.text ?? ""
            try stage.step(5)
            let order = try stage.get("/v2/orders/\(id)?nested=true").json
            #expect(Self.statuses(order) == ["filled", "canceled", "filled"])
            #expect(order["legs"]?[1]?["filled_avg_price"] == .string("85.5"))
            let fills = try stage.get("/v2/account/activities/FILL?page_size=1").json
            #expect(fills.count == 1)
            #expect(fills[0]?["order_id"] == order["legs"]?[1]?["id"])
            let next = try stage.get(
                "/v2/account/activities/FILL?page_size=1&page_token=\(fills[0]?["id"]?.text ?? "")"
            ).json
            #expect(next[0]?["order_id"] == .string(id))
            #expect(
                try stage.get("/v2/account/activities/FILL?page_token=\(next[0]?["id"]?.text ?? "")").json.count == 0
            )
        }
    }

    @Test func `one protective leg, and two for shares that are held`() async throws {
        try await Stage.run { stage in
            try stage.step()
            let oto = try stage.post(Self.order("oto", stop: "80", id: "oto")).json
            #expect(Self.statuses(oto) == ["pending_new", "held"])
            #expect(oto["legs"]?[0]?["order_class"] == .string("oto"))
            let leg = oto["legs"]?[0]?["id"]?.text ?? ""
            let patch = try stage.http.call("PATCH", "/v2/orders/\(leg)", #"{"stop_price":"81"}"#)
            #expect(patch.status == 422)
            #expect(patch.json["message"] == .string("oto orders cannot be replaced"))
            #expect(try stage.http.call("DELETE", "/v2/orders/\(leg)").status == 204)

            let more = #","stop_loss":{"stop_price":"85","limit_price":"84.9"}"#
            let oco = try stage.post(
                Self.order("oco", side: "sell", type: "limit", target: "94", more: more, id: "oco")
            ).json
            #expect(Self.statuses(oco) == ["pending_new", "held"])
            #expect(oco["client_order_id"] == .string("oco"))
            #expect(oco["group_role"] == .string("take_profit"))
            #expect(oco["limit_price"] == .string("94"))
            #expect(oco["legs"]?[0]?["type"] == .string("stop_limit"))
            #expect(oco["legs"]?[0]?["limit_price"] == .string("84.9"))
            #expect(try stage.get("/v2/positions/AAPL").json["qty_available"] == .string("0"))
            try stage.step(2)
            let order = try stage.get("/v2/orders/\(oco["id"]?.text ?? "")?nested=true").json
            #expect(Self.statuses(order) == ["filled", "canceled"])
            #expect(try stage.get("/v2/positions").json.count == 0)
        }
    }

    @Test func `a leg is replaced as held and as live, and takes its place in the group`() async throws {
        try await Stage.run { stage in
            let order = try stage.post(Self.bracket).json
            let id = order["id"]?.text ?? ""
            let entry = try stage.http.call("PATCH", "/v2/orders/\(id)", #"{"limit_price":"91"}"#)
            #expect(entry.status == 422)
            #expect(entry.json["message"] == .string("cannot replace order in accepted status"))
            let stop = order["legs"]?[1]?["id"]?.text ?? ""
            let held = try stage.http.call("PATCH", "/v2/orders/\(stop)", #"{"stop_price":"84","qty":"10"}"#)
            #expect(held.status == 200)
            #expect(held.json["status"] == .string("held"))
            #expect(held.json["group_id"] == order["group_id"])
            let again = try stage.http.call("PATCH", "/v2/orders/\(stop)", #"{"stop_price":"83"}"#)
            #expect(again.status == 422)
            #expect(again.json["message"] == .string("order already replaced"))

            try stage.step()
            let target = order["legs"]?[0]?["id"]?.text ?? ""
            let live = try stage.http.call("PATCH", "/v2/orders/\(target)", #"{"limit_price":"94.50"}"#).json
            #expect(live["replaces"] == .string(target))
            let resized = try stage.http.call("PATCH", "/v2/orders/\(live["id"]?.text ?? "")", #"{"qty":"5"}"#)
            #expect(resized.status == 422)
            #expect(resized.json["code"] == .number("42210000"))
            let nested = try stage.get("/v2/orders/\(id)?nested=true").json
            #expect(nested["legs"]?[0]?["stop_price"] == .string("84"))
            #expect(nested["legs"]?[1]?["id"] == live["id"])
            try stage.step(4)
            #expect(
                Self.statuses(try stage.get("/v2/orders/\(id)?nested=true").json) == ["filled", "canceled", "filled"]
            )
        }
    }

    @Test func `lists show groups flat or nested`() async throws {
        try await Stage.run { stage in
            _ = try stage.post(Self.bracket)
            _ = try stage.post(
                #"{"symbol":"MSFT","qty":1,"side":"buy","type":"limit","time_in_force":"gtc","limit_price":1,"client_order_id":"two"}"#
            )
            let list = { (query: String) throws -> [String] in
                let answer = try stage.get("/v2/orders?\(query)").json
                return (0..<max(0, answer.count)).map { place in
                    let order = answer[place] ?? .null
                    let role = order["group_role"]?.text ?? order["client_order_id"]?.text ?? ""
                    return "\(role) \(Self.statuses(order).joined(separator: "+"))"
                }
            }
            #expect(try list("") == ["two accepted", "entry accepted"])
            #expect(
                try list("status=all&direction=asc")
                    == ["entry accepted", "take_profit held", "stop_loss held", "two accepted"]
            )
            #expect(
                try list("status=all&nested=true&direction=asc") == ["entry accepted+held+held", "two accepted"]
            )
            try stage.step()
            #expect(try list("symbols=AAPL&direction=asc") == ["take_profit new", "stop_loss new"])
            #expect(try list("nested=true&symbols=AAPL") == ["entry filled+new+new"])
            #expect(try list("status=all&nested=true&limit=1&direction=asc") == ["entry filled+new+new"])
            #expect(try list("status=all&asset_class=crypto") == [])
            let entry = try stage.get("/v2/orders:by_client_order_id?client_order_id=one").json
            #expect(entry["legs"] == .null)
            #expect(try stage.http.call("DELETE", "/v2/orders").json.count == 3)
            #expect(try list("nested=true") == [])
        }
    }

    @Test func `what the rules of groups forbid is refused with the broker's texts`() async throws {
        let stops = #","stop_loss":{"stop_price":"84","limit_price":"83"}"#
        let calls: [(String, Int, String, String)] = [
            (Self.order("bracket", stop: "84"), 422, "42210000", "bracket orders require take_profit.limit_price"),
            (Self.order("bracket", target: "96"), 422, "42210000", "bracket orders require stop_loss.stop_price"),
            (Self.order("oto"), 422, "42210000", "oto orders require either take_profit or stop_loss"),
            (
                Self.order("oto", target: "96", stop: "84"), 422, "42210000",
                "oto orders require either take_profit or stop_loss"
            ),
            (
                Self.order("oco", side: "sell", target: "96", stop: "84"), 422, "42210000",
                "oco orders must be limit orders"
            ),
            (
                Self.order("oco", type: "limit", target: "96", stop: "84"), 422, "42210000",
                "oco orders must be exit orders"
            ),
            (
                Self.order("oco", side: "sell", type: "limit", target: "96", stop: "84"), 403, "40310000",
                "account is not allowed to short"
            ),
            (
                Self.order("bracket", target: "96", stop: "84", timeInForce: "ioc"), 422, "42210000",
                "bracket orders must be DAY or GTC orders"
            ),
            (
                Self.order("bracket", type: "limit", limit: "90", target: "96", stop: "90"), 422, "42210000",
                "stop price must be less than entry limit price"
            ),
            (
                Self.order("bracket", target: "83", stop: "84"), 422, "42210000",
                "stop price must be less than take profit price"
            ),
            (
                Self.order("bracket", target: "96", stop: "90"), 422, "42210000",
                "stop price must be less than current price"
            ),
            (
                Self.order(
                    "bracket",
                    type: "limit",
                    limit: "90",
                    target: "96",
                    stop: "84",
                    more: #","extended_hours":true"#
                ),
                422, "42210000", "extended hours orders must be simple orders"
            ),
            (
                Self.order("bracket", target: "96", stop: "84").replacing(#""10""#, with: #""1.5""#), 422, "42210000",
                "fractional orders must be simple orders"
            ),
            (
                Self.order("bracket", type: "trailing_stop", target: "96", stop: "84", more: #","trail_price":"1""#),
                422, "42210000", "trailing_stop orders must be simple orders"
            ),
            (Self.order("simple", target: "96"), 422, "42210000", "simple orders must not have take_profit"),
            (Self.order("", more: stops), 422, "42210000", "simple orders must not have stop_loss"),
            (
                Self.order("mleg"), 422, "42210000",
                "order_class mleg is not simulated; send bracket, oto, oco or simple"
            ),
            (
                Self.order("bracket", type: "limit", limit: "9000", target: "9600", stop: "84"), 403, "40310000",
                "insufficient buying power"
            ),
        ]
        try await Stage.run { stage in
            try stage.step()
            for (body, status, code, message) in calls {
                let answer = try stage.post(body)
                #expect(answer.status == status, "\(body): \(answer.text)")
                #expect(answer.json["code"] == .number(code), "\(body): \(answer.text)")
                #expect(answer.json["message"] == .string(message), "\(body)")
            }
            let refusal = try stage.post(Self.order("bracket", target: "96", stop: "90")).text
            #expect(
                refusal == """
                    {"code":42210000,"message":"stop price must be less than current price","market_price":"90",\
                    "stop_price":"90"}
                    """
            )
            #expect(try stage.get("/v2/orders?status=all").json.count == 0)
            _ = try stage.post(#"{"symbol":"AAPL","qty":"1","side":"buy","type":"market","time_in_force":"day"}"#)
            let sale = try stage.post(Self.order("bracket", side: "sell", target: "96", stop: "84"))
            #expect(sale.status == 422)
            #expect(sale.json["message"] == .string("bracket orders must be entry orders"))
        }
    }

    @Test func `trailing stops and stop-limits are taken with their members`() async throws {
        try await Stage.run { stage in
            try stage.step()
            let buy = #""symbol":"AAPL","qty":"10","time_in_force":"day""#
            _ = try stage.post("{\(buy),\"side\":\"buy\",\"type\":\"market\"}")
            let trailing = try stage.post(
                "{\(buy),\"side\":\"sell\",\"type\":\"trailing_stop\",\"trail_percent\":\"10\"}"
            ).json
            let id = trailing["id"]?.text ?? ""
            #expect(trailing["trail_percent"] == .string("10"))
            let live = try stage.get("/v2/orders/\(id)").json
            #expect(live["hwm"] == .string("90"))
            #expect(live["stop_price"] == .string("81"))
            let tighter = try stage.http.call("PATCH", "/v2/orders/\(id)", #"{"trail":"4"}"#).json
            #expect(tighter["trail_percent"] == .string("4"))
            try stage.step(4)
            let filled = try stage.get("/v2/orders/\(tighter["id"]?.text ?? "")").json
            #expect(filled["status"] == .string("filled"))
            #expect(filled["filled_avg_price"] == .string("91.2"))
            let immediate = try stage.post(
                #"{"symbol":"AAPL","qty":1,"side":"sell","type":"trailing_stop","trail_price":1,"time_in_force":"ioc"}"#
            )
            #expect(immediate.json["message"] == .string("trailing_stop orders must be DAY or GTC orders"))
        }
    }
}

/// Listens to what happens to orders.
private final class UpdateClient {
    private let socket: StreamClient

    init(_ port: Int) throws {
        self.socket = try StreamClient(port: port, path: "/stream")
        try self.socket.send(#"{"action":"authenticate","data":{"key_id":"key","secret_key":"secret"}}"#)
        try self.socket.send(#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)
        for _ in 0..<2 { _ = try self.socket.nextText() }
    }

    /// Role, event and group of each of the next ones.
    func events(_ count: Int) throws -> [String] {
        try (0..<count).map { _ in
            let data = try JSONValue(parsing: Array(try self.socket.nextText().utf8))["data"]
            let order = data?["order"]
            return "\(order?["group_role"]?.text ?? "") \(data?["event"]?.text ?? "") \(order?["group_id"]?.text ?? "")"
        }
    }
}
