import Glibc
import HTTPTransport
import MessageBus
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// What whoever operates the processes relies on.
    @Suite struct OperationTests {
        @Test func `agents asked to stop are started again, and nothing changes`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            for (number, agent) in AgentName.allCases.enumerated() {
                try await run.reaches(ticks: 500 + number * 350)
                let duration = try await run.replace(agent.rawValue, with: SIGTERM)
                #expect(duration < .seconds(5), "\(agent) took \(duration)")
            }
            let report = try await run.report()
            #expect(report.restarts == AgentName.allCases.count)
            let undisturbed = try await UndisturbedRun.report()
            #expect(report.differences(from: undisturbed, countsMessages: false) == [])
        }

        @Test func `every agent tells its health over HTTP while it runs`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 500)
            for agent in AgentName.allCases {
                let url = try await run.address(of: agent.rawValue)
                let live = try #require(ReplayRunner.get(url + "/livez"))
                #expect(live.status == 200)
                let ready = try #require(ReplayRunner.get(url + "/readyz"))
                #expect(ready.status == 200, "\(agent): \(String(decoding: ready.body, as: UTF8.self))")
                let metrics = try #require(ReplayRunner.get(url + "/metrics"))
                #expect(metrics.status == 200)
                let text = String(decoding: metrics.body, as: UTF8.self)
                #expect(text.contains("# TYPE quintet_"), "\(agent): \(text.prefix(500))")
                let breakers = try JSONValue(parsing: ready.body)["breakers"]
                for lane in agent.lanes {
                    #expect(breakers?[lane.rawValue]?["state"] == .string("closed"))
                    let gauge = "quintet_circuit_breaker_state{agent=\"\(agent)\",lane=\"\(lane.rawValue)\"} 0\n"
                    #expect(text.contains(gauge), "\(agent): \(text)")
                }
                #expect(ReplayRunner.get(url + "/elsewhere")?.status == 404)
            }
            run.send(SIGTERM)
            let outcome = try await run.finish(within: .seconds(20))
            #expect(outcome.end == .exit(143))
            #expect(outcome.report == nil)
        }

        /// Without tradectl, whose children the agents usually are: only a parent learns how a process ended.
        @Test func `every process ends with code 0 within five seconds of SIGTERM in mid-run`() async throws {
            let folder = try TemporaryFolder()
            let bars = try SampleBars.small().folder()
            let redis = try RedisServer()
            let portFile = folder.path + "/ports"
            var environment = [
                "REDIS_URL": "redis://127.0.0.1:\(redis.port)", "BARS": bars.path, "HTTP_PORT": "0",
                "CONTROL_PORT": "0", "PORT_FILE": portFile, "LOG_LEVEL": "warning",
                "SYMBOLS": "AAPL,GOOG,IBM,MSFT", "MARKET_TIME": "simulated", "APCA_API_KEY_ID": "key",
                "APCA_API_SECRET_KEY": "secret",
                "BROKER_REQUESTS_PER_MINUTE": "0", "BROKER_DATA_REQUESTS_PER_MINUTE": "0",
            ]
            func start(_ name: String) throws -> ChildProgram {
                try ChildProgram(
                    try Programs.path(of: name),
                    environment: Programs.environment(environment),
                    output: "\(folder.path)/\(name).log"
                )
            }
            func lastWords(of name: String) -> String {
                String((Files.text("\(folder.path)/\(name).log") ?? "").suffix(500))
            }
            let simulator = try start("broker-simulator")
            let ports = try await awaited("the simulator's ports") {
                try Files.text(portFile).map { try JSONValue(parsing: Array($0.utf8)) }
            }
            let port = try #require(ports["port"]?.integer)
            let control = try #require(ports["control_port"]?.integer)
            environment["APCA_API_BASE_URL"] = "http://127.0.0.1:\(port)"
            environment["APCA_API_DATA_URL"] = "http://127.0.0.1:\(port)"
            environment["APCA_API_STREAM_URL"] = "ws://127.0.0.1:\(port)"
            environment["PORT_FILE"] = nil
            func reaches(ticks: Int) async throws {
                _ = try await awaited("tick \(ticks)") {
                    guard let response = ReplayRunner.get("http://127.0.0.1:\(control)/status") else {
                        return nil as Bool?
                    }
                    let ticked = try JSONValue(parsing: response.body)["ticks"]?.integer ?? 0
                    return ticked >= ticks ? true : nil
                }
            }
            var agents = try AgentName.allCases.reduce(into: [:]) { $0[$1] = try start($1.rawValue) }
            for (number, agent) in AgentName.allCases.enumerated() {
                try await reaches(ticks: 300 + number * 100)
                let process = try #require(agents[agent])
                process.send(SIGTERM)
                let end = try await process.ended(within: .seconds(5))
                #expect(end == .exit(0), "\(agent): \(lastWords(of: agent.rawValue))")
                agents[agent] = try start(agent.rawValue)
            }
            try await reaches(ticks: 900)
            for process in Array(agents.values) + [simulator] { process.send(SIGTERM) }
            for (agent, process) in agents {
                let end = try await process.ended(within: .seconds(5))
                #expect(end == .exit(0), "\(agent): \(lastWords(of: agent.rawValue))")
            }
            #expect(try await simulator.ended(within: .seconds(5)) == .exit(0))
        }
    }
}
