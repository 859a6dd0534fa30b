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

        private func buy(_ symbol: String, of run: ReplayRunner) throws {
            let ports = try JSONValue(
                parsing: Array(try #require(Files.text("\(run.directory)/broker-simulator.ports")).utf8)
            )
            let body = #"{"symbol":"\#(symbol)","qty":"1","side":"buy","type":"market","time_in_force":"gtc"}"#
            let response = try CurlHTTPClient().perform(
                HTTPRequest(
                    method: .post,
                    url: "http://127.0.0.1:\(try #require(ports["port"]?.integer))/v2/orders",
                    headers: [
                        ("APCA-API-KEY-ID", "key"), ("APCA-API-SECRET-KEY", "secret"),
                        ("Content-Type", "application/json"),
                    ],
                    body: Array(body.utf8)
                )
            )
            #expect(response.status == 200, "\(String(decoding: response.body, as: UTF8.self))")
        }
    }
}
