import BrokerSimulator
import Testing
import TradingCore

/// The control plane's hold on the market.
struct MarketControlTests {
    @Test func `trading is halted and goes on by command`() async throws {
        try await Stage.run { stage in
            let control = try HTTPClient(port: stage.simulator.controlPort)
            try stage.step(2)
            #expect(try control.call("POST", "/market", "halt AAPL\nclock +90").status == 200)
            let state = try control.call("GET", "/market").json
            #expect(state["halted"] == .array([.string("AAPL")]))
            #expect(state["clock_offset_ms"] == .number("90000"))
            // MSFT's second tick: AAPL's is not shown.
            #expect(try stage.step().contains("MSFT"))
            #expect(try control.call("POST", "/market", "resume AAPL, clock 0").status == 200)
            #expect(try stage.step().contains("AAPL"))
            #expect(try control.call("DELETE", "/market").status == 204)
        }
    }

    @Test func `a session that is still to come can be made a half day`() async throws {
        try await Stage.run { stage in
            let control = try HTTPClient(port: stage.simulator.controlPort)
            try stage.step()
            #expect(try control.call("POST", "/market", "half-day 2009-01-05").status == 200)
            let days = try stage.get("/v2/calendar?start=2009-01-05&end=2009-01-05").json
            #expect(days[0]?["close"] == .string("13:00"))
            #expect(try control.call("POST", "/market", "half-day 2009-01-02").status == 422)
        }
    }

    @Test(arguments: [
        ("", "write halt AAPL"),
        ("halt", "halt takes a symbol, such as halt AAPL"),
        ("halt GOOG", "GOOG is not in the replay; there are AAPL, MSFT"),
        ("clock soon", "clock takes seconds up to a day"),
        ("half-day yesterday", "half-day takes a date"),
        ("stop AAPL", "there are halt <symbol>, resume <symbol>, half-day <date> and clock <seconds>"),
    ])
    func `nonsense is refused with its place and the remedy, and nothing is done`(
        command: String,
        reason: String
    ) async throws {
        try await Stage.run { stage in
            let control = try HTTPClient(port: stage.simulator.controlPort)
            let answer = try control.call("POST", "/market", command.isEmpty ? "" : "halt MSFT\n\(command)")
            #expect(answer.status == 422)
            let message = answer.json["message"]?.text ?? ""
            #expect(message.contains(reason), "\(message)")
            #expect(command.isEmpty || message.hasPrefix("command 2: "), "\(message)")
            #expect(try control.call("GET", "/market").json["halted"] == .array([]))
        }
    }

    @Test func `faults are ended one by one or all`() async throws {
        try await Stage.run { stage in
            let control = try HTTPClient(port: stage.simulator.controlPort)
            #expect(try control.call("POST", "/faults", "503:look,429:stop").json.count == 2)
            #expect(try control.call("DELETE", "/faults", "503:look").status == 204)
            #expect(try control.call("DELETE", "/faults", "503:look").status == 422)
            #expect(try control.call("GET", "/faults").json.count == 1)
            #expect(try control.call("POST", "/faults", "half-day:session").status == 422)
            #expect(try control.call("DELETE", "/faults").status == 204)
            #expect(try control.call("GET", "/faults").json.count == 0)
        }
    }
}
