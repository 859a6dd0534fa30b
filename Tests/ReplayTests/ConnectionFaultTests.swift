import Glibc
import HTTPTransport
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// A broker that limits connections, or takes a login away.
    @Suite struct ConnectionFaultTests {
        private static let sessions = 45

        /// All of them at once, since each waits as long as its broker wants.
        @Test func `agents that may not connect for a while come back and go on`() async throws {
            let bars = try SampleBars.small(sessions: Self.sessions)
            async let limited = FaultRun.make(
                "406:connect:after=2:times=1:seconds=3,disconnect:quotes:after=300:times=1",
                dialect: "alpaca",
                bars: bars
            )
            async let refused = FaultRun.make(
                "429:connect:after=2:times=1:seconds=3,disconnect:updates:after=3:times=1",
                dialect: "alpaca",
                bars: bars
            )
            async let bumped = FaultRun.make("bump:quotes:after=500:times=1", dialect: "schwab", bars: bars)
            let undisturbed = try await UndisturbedRun.report(over: bars)
            for run in [try await limited, try await refused, try await bumped] {
                #expect(run.report.differences(from: undisturbed, countsMessages: false) == [])
                #expect(run.defects() == [])
            }
        }

        @Test func `access tokens that end early and refresh tokens that change cost no trade`() async throws {
            let run = try await FaultRun.make(
                "expired-token:entry:every=4,expired-token:stop:after=1:every=4,expired-token:look:after=9:every=20:times=3,"
                    + "expired-token:other:after=40:every=40,rotate-refresh:login:every=2",
                dialect: "schwab",
                bars: try SampleBars.small()
            )
            #expect(
                run.report.differences(from: try await UndisturbedRun.report(), countsMessages: false) == []
            )
            #expect(run.defects() == [])
        }

        /// Nothing new is opened, everything held keeps its stop, and people are told what to do.
        @Test func `a login that has ended stops the agents where they are`() async throws {
            let bars = try SampleBars.small(sessions: 90).folder()
            let files = try TemporaryFolder()
            let resultFile = files.path + "/result.json"
            let run = try ReplayRunner(
                bars: bars.path,
                options: ["--broker-dialect", "schwab"],
                environment: [
                    "FAULTS": "expired-token:entry:after=4:times=1,refuse-refresh:login:after=1",
                    "RESULT_FILE": resultFile,
                ]
            )
            _ = try await awaited("word that a person has to log in", within: .seconds(120)) {
                run.saysToLogIn ? true : nil
            }
            let url = try await run.address(of: "order-execution-agent")
            _ = try await awaited("an agent whose breakers say what to do") {
                let body = ReplayRunner.get(url + "/readyz")?.body ?? []
                return String(decoding: body, as: UTF8.self).contains("tradectl schwab login") ? true : nil
            }
            run.send(SIGTERM)
            #expect(try await run.finish(within: .seconds(30)).end == .exit(143))
            let result = try JSONValue(parsing: Array(try #require(Files.text(resultFile)).utf8))
            let orders = try (result["orders"]?.elements ?? []).map(BrokerOrder.init)
            // The one whose token had ended was not taken, and none after it.
            #expect(orders.count { $0.side == "buy" } == 4)
            for position in result["positions"]?.elements ?? [] {
                let stops = orders.filter {
                    $0.symbol == position["symbol"]?.text && $0.type == "stop" && $0.end == nil
                }
                #expect(stops.map(\.quantity) == [position["qty"]?.text.flatMap { Int($0) } ?? 0])
            }
        }
    }
}

extension ReplayRunner {
    fileprivate var saysToLogIn: Bool {
        Files.names(in: "\(self.directory)/logs").contains { name in
            (Files.text("\(self.directory)/logs/\(name)") ?? "").contains("tradectl schwab login")
        }
    }
}
