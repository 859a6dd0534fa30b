import HTTPTransport
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// What keeps an agent from its broker at the start: it says so in one line, lives, is not ready, and goes on by
    /// itself when the cause is gone.
    @Suite struct StartCheckTests {
        private enum Cause: String, CaseIterable {
            case wrongKey, wrongHost, unreachable, forbidden, wrongAccount, endedLogin

            /// What the line has to name, besides being there.
            func remedy(_ dialect: String) -> String {
                let isSchwab = dialect == "schwab"
                return switch self {
                case .wrongKey: isSchwab ? "SCHWAB_APP_KEY" : "APCA_API_KEY_ID"
                case .wrongHost, .unreachable: isSchwab ? "SCHWAB_BASE_URL" : "APCA_API_BASE_URL"
                case .forbidden: isSchwab ? "lacks the permission" : "APCA_API_KEY_ID"
                case .wrongAccount: "SCHWAB_ACCOUNT_NUMBER"
                case .endedLogin: "tradectl schwab login"
                }
            }

            static func all(_ dialect: String) -> [Cause] {
                dialect == "schwab" ? Self.allCases : [.wrongKey, .wrongHost, .unreachable, .forbidden]
            }

            /// OrderExecution, which is not ready before the others have done their part, is not among them.
            var agent: AgentName {
                switch self {
                case .wrongKey, .wrongAccount, .endedLogin: .riskManagement
                case .wrongHost, .forbidden: .positionManagement
                case .unreachable: .marketData
                }
            }
        }

        private static let account = "12345678"

        @Test(arguments: ["alpaca", "schwab"])
        func `what stands in the way is told in one line until it is gone`(dialect: String) async throws {
            let fleet = try ProcessFleet()
            let bars = try SampleBars.small(sessions: 60).folder()
            var servers: [PlainHTTPServer] = []
            defer { for server in servers { server.stop() } }
            var ports: [Cause: UInt16] = [:]
            for cause in Cause.all(dialect) {
                let port = try RedisServer.freePort()
                ports[cause] = port
                if let script = Self.script(cause) { servers.append(try PlainHTTPServer(port: port, script)) }
                let wrong = Self.simulator(bars.path, port: port, refusing: cause)
                if let wrong { try await fleet.startSimulator(as: "simulator-\(cause)", wrong) }
                try fleet.start(
                    cause.agent.rawValue,
                    as: "\(cause)",
                    try Self.agent(dialect, cause, port: port, in: fleet.folder)
                )
            }
            for cause in Cause.all(dialect) {
                let name = "\(cause)"
                _ = try await awaited("three attempts of \(name): \(fleet.log(of: name).suffix(1000))") {
                    (fleet.metric("quintet_broker_checks_total", #"outcome="failed""#, of: name) ?? 0) >= 3 ? true : nil
                }
                let line = try #require(fleet.readiness("broker", of: name))
                #expect(line.contains(cause.remedy(dialect)), "\(name): \(line)")
                #expect(!line.contains("\n"))
                #expect(fleet.get("/readyz", of: name)?.status == 503)
                #expect(fleet.get("/livez", of: name)?.status == 200)
                let complaints = fleet.complaints(of: name)
                let said = complaints.filter { $0.hasPrefix("not connected to the broker") }
                #expect(said.count == 1, "\(name): \(complaints)")
                #expect(said.first?.contains(cause.remedy(dialect)) == true, "\(name): \(complaints)")
                // That a login has ended, and that entries stop therefore, is said besides.
                #expect(complaints.count == (cause == .endedLogin ? 3 : 1), "\(name): \(complaints)")
            }
            // The cause goes away.
            for server in servers { server.stop() }
            servers = []
            for cause in Cause.all(dialect) {
                try await fleet.stop("simulator-\(cause)")
                let port = try #require(ports[cause])
                try await fleet.startSimulator(
                    as: "simulator-\(cause)",
                    Self.simulator(bars.path, port: port, account: cause == .wrongAccount ? "87654321" : Self.account)
                )
                if cause == .endedLogin {
                    let environment = try Self.agent(dialect, nil, port: port, in: fleet.folder, of: cause)
                    let printed = try await LoginFile.logIn(environment, in: fleet.folder)
                    #expect(printed.contains("The login ends in 6 days and 23 h"), "\(printed)")
                }
            }
            for cause in Cause.all(dialect) {
                let name = "\(cause)"
                _ = try await awaited("\(name) is ready: \(fleet.get("/readyz", of: name)?.text ?? "")") {
                    fleet.get("/readyz", of: name)?.status == 200 ? true : nil
                }
                #expect(fleet.readiness("broker", of: name) == "ok")
                #expect(fleet.readiness("broker stream", of: name) == (cause.agent == .marketData ? "ok" : nil))
                // It says whose account it trades.
                let words = fleet.log(of: name).split(separator: "\n").filter { $0.contains(#""level":"notice""#) }
                let account = cause == .wrongAccount ? "…4321" : "…5678"
                #expect(
                    words.contains {
                        $0.contains("\(dialect) account") && (dialect == "alpaca" || $0.contains(account))
                    },
                    "\(name): \(words)"
                )
            }
        }

        @Test func `an agent without Redis says where it looks for it, once for all its threads`() async throws {
            let fleet = try ProcessFleet()
            let bars = try SampleBars.small(sessions: 15).folder()
            try await fleet.startSimulator(["BARS": bars.path])
            let broker = try #require(fleet.port(of: "broker-simulator"))
            let port = try RedisServer.freePort()
            let name = AgentName.riskManagement.rawValue
            try fleet.start(
                name,
                [
                    "BROKER": "simulator", "SIMULATOR_URL": "http://127.0.0.1:\(broker)",
                    "REDIS_URL": "redis://:plantedPassword@127.0.0.1:\(port)",
                ]
            )
            let line = try await awaited("the reason") {
                fleet.readiness("redis", of: name).flatMap { $0 == "not checked yet" ? nil : $0 }
            }
            #expect(line.contains("No connection to Redis at redis://127.0.0.1:\(port)"), "\(line)")
            #expect(line.contains("REDIS_URL"), "\(line)")
            #expect(!line.contains("plantedPassword"))
            #expect(fleet.get("/readyz", of: name)?.status == 503)
            // Long enough for each thread to have tried several times.
            _ = try await awaited("a good answer of the broker") {
                fleet.readiness("broker", of: name) == "ok" ? true : nil
            }
            try await fleet.stop(name)
            #expect(fleet.complaints(of: name) == ["waiting for Redis: \(line)"])
        }

        @Test(arguments: AgentName.allCases.map(\.rawValue) + ["broker-simulator"])
        func `a program that takes no arguments says what it takes instead`(program: String) async throws {
            let folder = try TemporaryFolder()
            func run(_ argument: String) async throws -> (end: ChildProgram.End, said: String) {
                Files.remove(folder.path + "/said")
                let child = try ChildProgram(
                    try Programs.path(of: program),
                    [argument],
                    environment: Programs.environment([:]),
                    output: folder.path + "/said"
                )
                let end = try await child.ended(within: .seconds(10))
                return (end, Files.text(folder.path + "/said") ?? "")
            }
            for argument in ["-h", "--help"] {
                let (end, said) = try await run(argument)
                #expect(end == .exit(0))
                #expect(said.hasPrefix("\(program): ") && said.contains("README.md"), "\(said)")
            }
            let (end, said) = try await run("--symbols=AAPL")
            #expect(end == .exit(64))
            #expect(said.contains("\"--symbols=AAPL\"") && said.contains("--help"), "\(said)")
        }

        private static func script(_ cause: Cause) -> (@Sendable (String) -> (status: Int, body: String))? {
            switch cause {
            case .wrongHost: { _ in (404, "<html><body>There is no such page.</body></html>") }
            case .forbidden:
                { request in
                    request.hasPrefix("POST /v1/oauth/token")
                        ? (
                            200,
                            #"{"expires_in":1800,"token_type":"Bearer","refresh_token":"refresh","access_token":"access-1"}"#
                        )
                        : (403, #"{"message":"forbidden."}"#)
                }
            case .wrongKey, .unreachable, .wrongAccount, .endedLogin: nil
            }
        }

        /// A simulator that takes nobody's side; nil where something else answers, or nothing.
        private static func simulator(_ bars: String, port: UInt16, refusing cause: Cause) -> [String: String]? {
            switch cause {
            case .wrongKey:
                Self.simulator(bars, port: port).merging([
                    "APCA_API_KEY_ID": "another", "APCA_API_SECRET_KEY": "another", "SCHWAB_APP_KEY": "another",
                    "SCHWAB_APP_SECRET": "another",
                ]) { $1 }
            case .wrongAccount: Self.simulator(bars, port: port)
            case .endedLogin: Self.simulator(bars, port: port)
            case .wrongHost, .unreachable, .forbidden: nil
            }
        }

        private static func simulator(
            _ bars: String,
            port: UInt16,
            account: String = Self.account
        ) -> [String: String] {
            [
                "BARS": bars, "HTTP_PORT": "\(port)", "SCHWAB_REFRESH_TOKEN": "refresh",
                "SCHWAB_ACCOUNT_NUMBER": account,
            ]
        }

        private static func agent(
            _ dialect: String,
            _ cause: Cause?,
            port: UInt16,
            in folder: TemporaryFolder,
            of other: Cause? = nil
        ) throws -> [String: String] {
            let root = "http://127.0.0.1:\(port)"
            let name = (cause ?? other).map { "\($0)" } ?? ""
            let login = LoginFile(path: "\(folder.path)/\(name)-login.json")
            switch cause {
            case nil: break
            case .endedLogin: try login.write(refreshToken: "ended", age: .seconds(8 * 86_400))
            default: try login.write(refreshToken: "refresh")
            }
            return [
                "BROKER": dialect, "SYMBOLS": "AAPL,GOOG,IBM,MSFT", "LOG_LEVEL": "notice",
                // Agents that share a ledger would divide its work among them.
                "QUINTET_NAMESPACE": name,
                "APCA_API_BASE_URL": root, "APCA_API_DATA_URL": root, "APCA_API_STREAM_URL": "ws://127.0.0.1:\(port)",
                "APCA_API_KEY_ID": "key", "APCA_API_SECRET_KEY": "secret", "SCHWAB_BASE_URL": root,
                "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182", "SCHWAB_APP_KEY": "key", "SCHWAB_APP_SECRET": "secret",
                "SCHWAB_ACCOUNT_NUMBER": cause == .wrongAccount ? "87654321" : Self.account,
                "SCHWAB_TOKEN_FILE": login.path,
            ]
        }
    }
}
