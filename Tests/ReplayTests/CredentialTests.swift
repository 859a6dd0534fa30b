import HTTPTransport
import MessageBus
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Nothing that a run leaves behind or shows of itself has a credential in it.
    @Suite struct CredentialTests {
        /// Recognisable wherever they turn up.
        private static let planted = [
            "PKPLANTED7Q2XKEYID", "plantedAlpacaSecret9zK", "PKWRONGPLANTEDKEYID", "plantedWrongSecret1",
            "plantedSchwabAppKey0000000000000", "plantedSchwabSecret", "plantedWrongAppKey", "plantedWrongAppSecret",
            "plantedRefreshToken5", "plantedEndedRefreshToken", "9081726354", "plantedRedisPassword",
            "plantedWrongRedisPassword",
        ]
        private static let simulated = "broker-simulator"

        @Test(arguments: ["alpaca", "schwab"])
        func `no run, however it goes, leaves a credential anywhere`(dialect: String) async throws {
            let fleet = try ProcessFleet(redisPassword: "plantedRedisPassword")
            let bars = try SampleBars.small(sessions: 100).folder()
            let login = LoginFile(path: fleet.folder.path + "/login.json")
            let ended = LoginFile(path: fleet.folder.path + "/ended-login.json")
            // Whoever shares the login of those that succeed needs no key of its own for half an hour.
            let wrong = LoginFile(path: fleet.folder.path + "/wrong-login.json")
            try login.write(refreshToken: "plantedRefreshToken5")
            try wrong.write(refreshToken: "plantedRefreshToken5")
            try ended.write(refreshToken: "plantedEndedRefreshToken", age: .seconds(8 * 86_400))
            let control = try await fleet.startSimulator([
                "BARS": bars.path, "LOG_LEVEL": "trace", "APCA_API_KEY_ID": "PKPLANTED7Q2XKEYID",
                "APCA_API_SECRET_KEY": "plantedAlpacaSecret9zK", "SCHWAB_APP_KEY": "plantedSchwabAppKey0000000000000",
                "SCHWAB_APP_SECRET": "plantedSchwabSecret", "SCHWAB_ACCOUNT_NUMBER": "9081726354",
                "SCHWAB_REFRESH_TOKEN": "plantedRefreshToken5",
                "FAULTS": "accept-then-504:entry:every=4,accept-then-garbage:exit:every=2,429:stop:every=6,"
                    + "accept-then-garbage:look:every=9,reset:other:after=20:times=2",
            ])
            let port = try #require(fleet.port(of: Self.simulated))
            let environment = [
                "BROKER": dialect, "SYMBOLS": "AAPL,GOOG,IBM,MSFT", "ORDER_TICK_RULE": "none", "LOG_LEVEL": "trace",
                "APCA_API_BASE_URL": "http://127.0.0.1:\(port)", "APCA_API_DATA_URL": "http://127.0.0.1:\(port)",
                "APCA_API_STREAM_URL": "ws://127.0.0.1:\(port)", "APCA_API_KEY_ID": "PKPLANTED7Q2XKEYID",
                "APCA_API_SECRET_KEY": "plantedAlpacaSecret9zK", "SCHWAB_BASE_URL": "http://127.0.0.1:\(port)",
                "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182", "SCHWAB_ACCOUNT_NUMBER": "9081726354",
                "SCHWAB_TOKEN_FILE": login.path, "SCHWAB_APP_KEY": "plantedSchwabAppKey0000000000000",
                "SCHWAB_APP_SECRET": "plantedSchwabSecret",
            ]
            for agent in AgentName.allCases { try fleet.start(agent.rawValue, environment) }
            // Agents that fail, each on a ledger of its own.
            let parrotPort = try RedisServer.freePort()
            let parrot = try PlainHTTPServer(port: parrotPort, Self.quoteRequest)
            defer { parrot.stop() }
            let failing = [
                "wrong-key": [
                    "APCA_API_KEY_ID": "PKWRONGPLANTEDKEYID", "APCA_API_SECRET_KEY": "plantedWrongSecret1",
                    "SCHWAB_APP_KEY": "plantedWrongAppKey", "SCHWAB_APP_SECRET": "plantedWrongAppSecret",
                    "SCHWAB_TOKEN_FILE": wrong.path,
                ],
                "ended-login": ["SCHWAB_TOKEN_FILE": ended.path],
                "quoting-broker": [
                    "APCA_API_BASE_URL": "http://127.0.0.1:\(parrotPort)",
                    "SCHWAB_BASE_URL": "http://127.0.0.1:\(parrotPort)",
                ],
                "wrong-redis-password": [
                    "REDIS_URL": "redis://:plantedWrongRedisPassword@127.0.0.1:\(fleet.redis.port)"
                ],
            ]
            for (name, own) in failing {
                let whole = environment.merging(own) { $1 }.merging(["QUINTET_NAMESPACE": name]) { $1 }
                try fleet.start(AgentName.orderExecution.rawValue, as: name, whole)
            }
            for name in ["wrong-key", "quoting-broker"] + (dialect == "schwab" ? ["ended-login"] : []) {
                _ = try await awaited("a failed check of \(name)") {
                    (fleet.metric("quintet_broker_checks_total", #"outcome="failed""#, of: name) ?? 0) > 0 ? true : nil
                }
            }
            _ = try await awaited("a third of the replay", within: .seconds(90)) {
                let status = ReplayRunner.get("http://127.0.0.1:\(control)/status")
                return try (status.map { try JSONValue(parsing: $0.body) }?["ticks"]?.integer ?? 0) > 550 ? true : nil
            }
            let names = AgentName.allCases.map(\.rawValue) + failing.keys.sorted()
            for name in names {
                for path in ["/metrics", "/readyz", "/livez"] {
                    let shown = try #require(fleet.get(path, of: name), "\(name) \(path)").text
                    try fleet.folder.write(shown, to: "\(name)\(path.replacing("/", with: "."))")
                }
            }
            for process in fleet.running {
                let arguments = try #require(Files.text("/proc/\(process.pid)/cmdline"))
                #expect(!arguments.isEmpty)
                try fleet.folder.write(arguments, to: "\(process.pid).cmdline")
            }
            let issued = [login.value("access_token"), login.value("refresh_token")].compactMap(\.self)
            if dialect == "schwab" { #expect(issued.count == 2 && issued.allSatisfy { $0.utf8.count > 8 }) }
            for name in names + [Self.simulated] { try await fleet.stop(name) }

            let credentials = Self.planted + (dialect == "schwab" ? issued : []) + Self.basicCredentials
            let ledger = try Self.ledgerFolder(fleet)
            let left = Haystack(folders: [fleet.folder.path, ledger], except: [login.path, ended.path, wrong.path])
            // The search sees what there is to see.
            #expect(left.names(with: "risk.trade.approved").count > 0)
            #expect(left.names(with: "quintet_broker_calls_total").count > 0)
            #expect(left.names(with: "order-execution-agent\"").count > 4)
            for credential in credentials { #expect(left.names(with: credential) == [], "\(credential)") }

            // And it finds each of them where one is.
            try fleet.folder.write("a log\nbefore \(credentials.joined(separator: " and "))\n", to: "leak.log")
            let connection = try RedisConnection(to: try RedisEndpoint(url: fleet.redisURL))
            for credential in credentials { _ = try connection.call(RedisCommand("LPUSH", "leak", credential)) }
            let leaking = Haystack(folders: [fleet.folder.path, ledger], except: [login.path, ended.path, wrong.path])
            for credential in credentials { #expect(leaking.names(with: credential).count >= 2, "\(credential)") }
        }

        @Test(arguments: ["alpaca", "schwab"])
        func `no replay's folder has a credential of its surroundings`(dialect: String) async throws {
            let bars = try SampleBars.small(sessions: 15).folder()
            let environment = [
                "APCA_API_KEY_ID": "PKPLANTED7Q2XKEYID", "APCA_API_SECRET_KEY": "plantedAlpacaSecret9zK",
                "SCHWAB_APP_KEY": "plantedSchwabAppKey0000000000000", "SCHWAB_APP_SECRET": "plantedSchwabSecret",
                "SCHWAB_ACCOUNT_NUMBER": "9081726354",
            ]
            let run = try ReplayRunner(
                bars: bars.path,
                options: ["--broker-dialect", dialect, "--log-level", "trace"],
                environment: environment
            )
            let outcome = try await run.finish()
            #expect(outcome.end == .exit(0))
            let left = Haystack(folders: [run.directory], except: [])
            #expect(left.names(with: "report").contains { $0.hasSuffix("report.html") })
            for credential in environment.values {
                #expect(left.names(with: credential) == [])
                #expect(!outcome.output.contains(credential))
            }
        }

        /// A broker whose errors quote all that they were sent.
        private static let quoteRequest: @Sendable (String) -> (status: Int, body: String) = { request in
            (403, JSONWriter.text(JSONValue.object([JSONMember("message", .string(request))])))
        }

        /// What `Authorization: Basic` carries.
        private static let basicCredentials = [
            // plantedSchwabAppKey0000000000000:plantedSchwabSecret
            "cGxhbnRlZFNjaHdhYkFwcEtleTAwMDAwMDAwMDAwMDA6cGxhbnRlZFNjaHdhYlNlY3JldA==",
            // plantedWrongAppKey:plantedWrongAppSecret
            "cGxhbnRlZFdyb25nQXBwS2V5OnBsYW50ZWRXcm9uZ0FwcFNlY3JldA==",
        ]

        /// Where Redis keeps every command that has changed anything.
        private static func ledgerFolder(_ fleet: ProcessFleet) throws -> String {
            let connection = try RedisConnection(to: try RedisEndpoint(url: fleet.redisURL))
            guard case .array(let parts) = try connection.call(RedisCommand("CONFIG", "GET", "dir")),
                case .string(let bytes)? = parts.last
            else { throw TestFailure("Redis does not tell its folder") }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// The bytes of every file in some folders.
private struct Haystack {
    private var files: [(path: String, bytes: [UInt8])] = []

    init(folders: [String], except: [String]) {
        for folder in folders { self.collect(folder, except) }
    }

    /// The paths and contents of which have these bytes in them.
    func names(with text: String) -> [String] {
        let needle = Array(text.utf8)
        return self.files.filter { path, bytes in
            path.contains(text) || bytes.contains(needle)
        }.map(\.path)
    }

    private mutating func collect(_ path: String, _ except: [String]) {
        let names = Files.names(in: path)
        for name in names { self.collect("\(path)/\(name)", except) }
        // A login is kept beside its file while it is written.
        guard names.isEmpty, !except.contains(where: { path.hasPrefix($0) }), let bytes = Files.bytes(path) else {
            return
        }
        self.files.append((path, bytes))
    }
}
