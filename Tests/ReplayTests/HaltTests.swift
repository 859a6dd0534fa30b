import Glibc
import HTTPTransport
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// An operator stops a system that runs.
    @Suite struct HaltTests {
        @Test func `after a halt no entry reaches the broker, whoever is killed, until trading is resumed`()
            async throws
        {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            let tradectl = try await Tradectl(run)
            let held = try await HeldReplay(run, afterTick: 300)
            let (position, _) = try await held.untilClosedWithPosition()
            held.release()
            // In mid-run: something may be on its way.
            let halt = try await tradectl.json("halt", "--reason", "a drill")
            let bought = try Self.purchases(run)
            #expect(halt["halted"] == .bool(true) && halt["new"] == .bool(true))
            #expect(!bought.isEmpty)
            let again = try await tradectl.text("halt")
            #expect(again.contains("a drill") && again.contains("has been halted since"), "\(again)")

            for agent in AgentName.allCases {
                let ticks = try #require(run.ticks)
                try await run.replace(agent.rawValue, with: SIGKILL)
                try await run.reaches(ticks: ticks + 40)
            }
            // Long enough for every position to be sold by its stop, its target or its age.
            let sold = try await awaited("the end of \(position.id)", within: .seconds(60)) {
                let trade = try held.trade(position.id)
                return trade.state == .closed ? trade : nil
            }
            #expect(sold.orders.contains { $0.id.role != .entry && $0.filledQuantity > .zero })
            let refused = try await awaited("a signal that Risk refuses") {
                try held.refusals().contains(.tradingHalted) ? true : nil
            }
            #expect(refused)
            #expect(try Self.purchases(run) == bought)
            let status = try await tradectl.json("status")
            #expect(status["halt"]?["reason"] == .string("a drill"))

            let resumed = try await tradectl.text("resume")
            #expect(resumed.contains("a drill"))
            _ = try await awaited("a purchase after the halt") {
                try Self.purchases(run).count > bought.count ? true : nil
            }
            let report = try await run.report()
            #expect(report.deadLetters == 0)
        }

        @Test func `a halt at any moment lets nothing through, while agents are killed at random`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path, options: ["--kill-every", "0.4", "--seed", "7"])
            let tradectl = try await Tradectl(run)
            for number in 0..<7 {
                try await run.reaches(ticks: 400 + number * 230)
                _ = try await tradectl.json("halt", "--reason", "drill \(number)")
                let bought = try Self.purchases(run)
                try await run.reaches(ticks: 480 + number * 230)
                #expect(try Self.purchases(run) == bought, "drill \(number)")
                _ = try await tradectl.text("resume")
            }
            let report = try await run.report()
            #expect(report.restarts > 0)
            #expect(report.deadLetters == 0)
        }

        /// The ids of all orders to buy that the broker was ever sent.
        private static func purchases(_ run: ReplayRunner) throws -> Set<String> {
            let ports = try JSONValue(
                parsing: Array(try #require(Files.text("\(run.directory)/broker-simulator.ports")).utf8)
            )
            let response = try CurlHTTPClient().perform(
                HTTPRequest(
                    method: .get,
                    url:
                        "http://127.0.0.1:\(try #require(ports["port"]?.integer))/v2/orders?status=all&side=buy&limit=500",
                    headers: [("APCA-API-KEY-ID", "key"), ("APCA-API-SECRET-KEY", "secret")]
                )
            )
            guard case .array(let orders) = try JSONValue(parsing: response.body) else {
                throw TestFailure("The simulator lists no orders: status \(response.status)")
            }
            try #require(orders.count < 500)
            return Set(orders.compactMap { $0["client_order_id"]?.text })
        }
    }
}
