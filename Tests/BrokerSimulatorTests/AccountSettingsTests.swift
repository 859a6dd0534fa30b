import Testing
import TradingCore

struct AccountSettingsTests {
    private static let target = "/v2/account/configurations"
    private static let order =
        #"{"symbol":"AAPL","qty":1,"side":"buy","type":"limit","limit_price":50,"time_in_force":"day"}"#

    @Test func `settings are changed one by one and shown with the account`() async throws {
        try await Stage.run { stage in
            let before = try stage.get(Self.target).json
            #expect(before["suspend_trade"] == .bool(false))
            #expect(before["max_margin_multiplier"] == .string("1"))
            let after = try stage.http.call(
                "PATCH",
                Self.target,
                #"{"trade_confirm_email":"all","max_options_trading_level":2,"no_shorting":null,"other":1}"#
            )
            #expect(after.status == 200)
            #expect(after.json["trade_confirm_email"] == .string("all"))
            #expect(after.json["max_options_trading_level"] == .number("2"))
            #expect(after.json["no_shorting"] == before["no_shorting"])
            #expect(after.json["other"] == nil)
            #expect(try stage.get("/v2/account").json["user_configurations"] == after.json)
        }
    }

    @Test func `a suspended account takes no orders and may still cancel`() async throws {
        try await Stage.run { stage in
            let id = try #require(try stage.post(Self.order).json["id"]?.text)
            _ = try stage.http.call("PATCH", Self.target, #"{"suspend_trade":true}"#)
            #expect(try stage.get("/v2/account").json["trade_suspended_by_user"] == .bool(true))
            let refusal = try stage.post(Self.order)
            #expect(refusal.status == 403)
            #expect(refusal.json["code"] == .number("40310000"))
            #expect(try stage.http.call("DELETE", "/v2/orders/\(id)").status == 204)
            _ = try stage.http.call("PATCH", Self.target, #"{"suspend_trade":false}"#)
            #expect(try stage.post(Self.order).status == 200)
        }
    }

    @Test(
        arguments: [
            "{", "[]", #"{"suspend_trade":"yes"}"#, #"{"max_margin_multiplier":"3"}"#, #"{"max_margin_multiplier":1}"#,
            #"{"trade_confirm_email":true}"#, #"{"max_options_trading_level":9}"#,
        ]
    )
    func `a setting that cannot be is refused and changes nothing`(body: String) async throws {
        try await Stage.run { stage in
            let before = try stage.get(Self.target).text
            #expect([400, 422].contains(try stage.http.call("PATCH", Self.target, body).status))
            #expect(try stage.get(Self.target).text == before)
        }
    }
}
