import HTTPTransport
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Somebody else trades in the same account.
    @Suite struct ForeignOrderTests {
        @Test func `shares that somebody else has bought freeze their symbol and move nothing`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 700)
            try self.buy("IBM", of: run)
            let outcome = try await run.finish()
            // The run's own audit finds what is not the ledger's.
            #expect(outcome.end == .exit(1))

            let log = Files.text("\(run.directory)/logs/order-execution-agent-1.log") ?? ""
            let alarms = log.split(separator: "\n").filter { $0.contains("no entries in this symbol") }
            #expect(!alarms.isEmpty)
            #expect(alarms.allSatisfy { $0.contains("IBM") && $0.contains("\"level\":\"error\"") }, "\(alarms)")

            let report = try RunReport(try #require(Files.text("\(run.directory)/report.disputed.json")))
            let frozen = report.rejections.filter { $0["reason"]?.text?.hasPrefix("frozen_symbol") == true }
            #expect(!frozen.isEmpty)
            #expect(frozen.allSatisfy { $0["symbol"] == .string("IBM") })
            #expect(report.trades.contains { $0["symbol"] != .string("IBM") })
            #expect(report.deadLetters == 0)
            // Nobody has sold the share.
            let disagreements = outcome.output.split(separator: "\n").filter { $0.contains("shares of IBM") }
            #expect(!disagreements.isEmpty, "\(outcome.output.suffix(1500))")
        }

        /// The stops go with the shares: what the agents would place in their stead would end short.
        @Test func `shares that somebody else has sold are not sold again`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 300)
            var isLiquidated = false
            for _ in 0..<2000 where !isLiquidated {
                let held = try self.ask(.get, "/v2/positions", of: run)
                guard String(decoding: held.body, as: UTF8.self).contains("symbol") else { continue }
                let sold = try self.ask(.delete, "/v2/positions?cancel_orders=true", of: run)
                isLiquidated = String(decoding: sold.body, as: UTF8.self).contains("symbol")
            }
            #expect(isLiquidated)
            let outcome = try await run.finish()
            // Trades are left without their shares.
            #expect(outcome.end == .exit(1))
            let log = (Files.text("\(run.directory)/logs/order-execution-agent-1.log") ?? "").split(separator: "\n")
            #expect(log.contains { $0.contains("the broker holds 0 shares and the ledger") })
            // A sale may have been under way.
            #expect(log.filter { $0.contains("order refused") }.count <= 1, "\(log.suffix(20))")
        }

        private func buy(_ symbol: String, of run: ReplayRunner) throws {
            let body = #"{"symbol":"\#(symbol)","qty":"1","side":"buy","type":"market","time_in_force":"gtc"}"#
            let response = try self.ask(.post, "/v2/orders", Array(body.utf8), of: run)
            #expect(response.status == 200, "\(String(decoding: response.body, as: UTF8.self))")
        }

        private func ask(
            _ method: HTTPRequest.Method,
            _ path: String,
            _ body: [UInt8]? = nil,
            of run: ReplayRunner
        ) throws -> HTTPResponse {
            let ports = try JSONValue(
                parsing: Array(try #require(Files.text("\(run.directory)/broker-simulator.ports")).utf8)
            )
            return try CurlHTTPClient().perform(
                HTTPRequest(
                    method: method,
                    url: "http://127.0.0.1:\(try #require(ports["port"]?.integer))\(path)",
                    headers: [
                        ("APCA-API-KEY-ID", "key"), ("APCA-API-SECRET-KEY", "secret"),
                        ("Content-Type", "application/json"),
                    ],
                    body: body
                )
            )
        }
    }
}
