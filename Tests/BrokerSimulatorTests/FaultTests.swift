import BrokerSimulator
import MarketSimulation
import Testing
import TradingCore

/// What each fault looks like from the outside.
struct FaultTests {
    private static let buy =
        #"{"symbol":"AAPL","qty":"10","side":"buy","type":"limit","time_in_force":"gtc","limit_price":"90.50"}"#

    private func run(_ faults: String, _ body: (Stage) throws -> Void) async throws {
        var configuration = BrokerSimulatorConfiguration(requiredStreams: [.marketData])
        configuration.faults = try [FaultOrder](ordered: faults)
        try await withSimulator(configuration) { simulator in
            try body(try Stage(simulator))
            for (order, count) in simulator.strikes { #expect(count > 0, "\(order)") }
        }
    }

    /// Asks until the order is what it is to become.
    private func order(_ id: String, becomes status: String, _ stage: Stage) throws -> JSONValue {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let order = try stage.get("/v2/orders/\(id)").json
            if order["status"]?.text == status { return order }
            guard ContinuousClock.now < deadline else {
                throw ClientError("the order is \(order["status"]?.text ?? "gone") and not \(status)")
            }
        }
    }

    private func id(_ answer: HTTPAnswer) throws -> String { try #require(answer.json["id"]?.text) }

    @Test func `an accepted order is rejected`() async throws {
        try await self.run("accept-then-reject:entry:seconds=0.05") { stage in
            let answer = try stage.post(Self.buy)
            #expect(answer.status == 200)
            #expect(answer.json["status"] == .string("accepted"))
            let order = try self.order(try self.id(answer), becomes: "rejected", stage)
            #expect(order["failed_at"]?.text != nil)
            #expect(order["filled_qty"] == .string("0"))
        }
    }

    @Test func `a part of an order fills, and no more`() async throws {
        try await self.run("partial-fill:entry:percent=40") { stage in
            let id = try self.id(try stage.post(Self.buy))
            try stage.step(3)
            let order = try stage.get("/v2/orders/\(id)").json
            #expect(order["status"] == .string("partially_filled"))
            #expect(order["filled_qty"] == .string("4"))
        }
    }

    @Test func `an order turns out to be filled under another id`() async throws {
        try await self.run("filled-successor:entry") { stage in
            let id = try self.id(try stage.post(Self.buy))
            try stage.step()
            let old = try stage.get("/v2/orders/\(id)").json
            #expect(old["status"] == .string("replaced"))
            #expect(old["filled_qty"] == .string("0"))
            let new = try stage.get("/v2/orders/\(try #require(old["replaced_by"]?.text))").json
            #expect(new["status"] == .string("filled"))
            #expect(new["replaces"] == .string(id))
            #expect(new["filled_qty"] == .string("10"))
            #expect(new["client_order_id"] != old["client_order_id"])
        }
    }

    @Test func `a cancel is a request, and takes its time or comes too late`() async throws {
        try await self.run("slow-cancel:cancel:times=1:seconds=0.1,late-fill:cancel:after=1:seconds=0.1") { stage in
            let slow = try self.id(try stage.post(Self.buy))
            #expect(try stage.http.call("DELETE", "/v2/orders/\(slow)").status == 204)
            #expect(try stage.get("/v2/orders/\(slow)").json["status"] == .string("pending_cancel"))
            #expect(try stage.http.call("DELETE", "/v2/orders/\(slow)").status == 422)
            _ = try self.order(slow, becomes: "canceled", stage)
            let late = try self.id(try stage.post(Self.buy))
            #expect(try stage.http.call("DELETE", "/v2/orders/\(late)").status == 204)
            #expect(try self.order(late, becomes: "filled", stage)["filled_avg_price"] == .string("90.5"))
        }
    }

    @Test func `a replacement comes too late`() async throws {
        try await self.run("late-fill:replace:seconds=0.05") { stage in
            try stage.step()
            let low = Self.buy.replacing("90.50", with: "80")
            let old = try self.id(try stage.post(low))
            let answer = try stage.http.call("PATCH", "/v2/orders/\(old)", #"{"limit_price":"81"}"#)
            #expect(answer.status == 200)
            #expect(answer.json["replaces"] == .string(old))
            _ = try self.order(try self.id(answer), becomes: "rejected", stage)
            _ = try self.order(old, becomes: "filled", stage)
        }
    }

    @Test func `an order is taken without a word of its number, or with nothing of it`() async throws {
        let faults = "accept-then-no-location:entry:times=1,accept-then-500:entry:after=1,429:look:seconds=7"
        try await self.run(faults) { stage in
            let silent = try stage.post(Self.buy)
            #expect(silent.status == 200)
            #expect(silent.text.isEmpty)
            #expect(try stage.post(Self.buy).status == 500)
            let refused = try stage.get("/v2/orders")
            #expect(refused.status == 429)
            #expect(refused.header("Retry-After") == "7")
            #expect(refused.header("X-RateLimit-Remaining") == "0")
            #expect(refused.header("X-RateLimit-Reset") != nil)
            #expect(try stage.get("/v2/account").json["buying_power"] == .string("8190"))
        }
    }

    @Test func `a connection limit answers the data stream with 406 and refuses other handshakes`() async throws {
        var configuration = BrokerSimulatorConfiguration(requiredStreams: [])
        configuration.faults = try [FaultOrder](ordered: "406:connect")
        try await withSimulator(configuration) { simulator in
            let data = try StreamClient(port: simulator.port, path: "/v2/iex")
            try data.send(#"{"action":"auth","key":"key","secret":"secret"}"#)
            #expect(try data.nextText().contains("connected"))
            #expect(try data.nextText() == #"[{"T":"error","code":406,"msg":"connection limit exceeded"}]"#)
            #expect(throws: ClientError.self) { try StreamClient(port: simulator.port, path: "/stream") }
        }
    }

    @Test func `a half day is in the calendar, and a halt keeps prices back`() async throws {
        try await self.run("half-day:session:times=1,halt:session:after=1,clock-skew:clock:seconds=90") { stage in
            let days = try stage.get("/v2/calendar?start=2009-01-02&end=2009-01-05").json
            #expect(days[0]?["close"] == .string("13:00"))
            #expect(days[1]?["close"] == .string("16:00"))
            #expect(try stage.get("/v2/clock").json["timestamp"] == .string("2009-01-02T09:01:30-05:00"))
            // The first session whole, the second's opening ticks and then its closing ones.
            try stage.step(Stage.stepsPerSession + 2)
            #expect(try stage.step().contains("98"))
        }
    }
}
