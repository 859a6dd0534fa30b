import Synchronization
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// A login that ends after seven days, over the whole system.
    @Suite struct LoginLifeTests {
        private static let agents = AgentName.allCases.map(\.rawValue)
        private static let holders = AgentName.allCases.filter { !$0.lanes.isEmpty }.map(\.rawValue)

        @Test func `entries stop before the login ends, exits go on, and a new login lets entries go on`() async throws
        {
            let fleet = try ProcessFleet()
            let bars = try SampleBars.small(sessions: 500).folder()
            let login = LoginFile(path: fleet.folder.path + "/login.json")
            try login.write(refreshToken: "refresh")
            try await fleet.startSimulator(["BARS": bars.path, "SCHWAB_REFRESH_TOKEN": "refresh"])
            let port = try #require(fleet.port(of: "broker-simulator"))
            let environment = [
                "BROKER": "schwab", "SYMBOLS": "AAPL,GOOG,IBM,MSFT", "ORDER_TICK_RULE": "none",
                "SCHWAB_BASE_URL": "http://127.0.0.1:\(port)", "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182",
                "SCHWAB_ACCOUNT_NUMBER": "12345678", "SCHWAB_TOKEN_FILE": login.path, "SCHWAB_APP_KEY": "key",
                "SCHWAB_APP_SECRET": "secret",
            ]
            for agent in Self.agents { try fleet.start(agent, environment) }
            func count(_ event: EventName) throws -> Int { try fleet.messages(event).count }
            /// Without the strategy agent the replay stands still.
            func standstill(_ age: Duration) async throws {
                try await fleet.stop(AgentName.strategy.rawValue)
                try login.setAge(age)
            }
            func shows(_ seconds: ClosedRange<Double>) async throws {
                for agent in Self.holders {
                    _ = try await awaited("\(agent) shows \(seconds)") {
                        fleet.metric("quintet_broker_login_seconds", of: agent).flatMap {
                            seconds.contains($0) ? true : nil
                        }
                    }
                }
            }

            _ = try await awaited("an open position", within: .seconds(60)) {
                try count(.positionOpened) > count(.positionClosed) ? true : nil
            }
            #expect(fleet.complaints(of: "risk-management-agent") == [])
            #expect(login.mode == 0o600)
            try await shows(6.9 * 86_400...7 * 86_400)

            // A day and a half is left: that is said, and nothing stops.
            try await standstill(.seconds(132 * 3600))
            try await shows(35 * 3600...36 * 3600)
            for agent in Self.holders {
                let said = fleet.complaints(of: agent).filter { $0.contains("the login") }
                #expect(said.count == 1, "\(agent): \(said)")
                #expect(said.first?.contains("the login ends in 1 day and") == true, "\(said)")
                #expect(said.first?.contains("tradectl schwab login") == true, "\(said)")
            }
            #expect(try count(.limitExceeded) == 0)

            // Half a day is left.
            try login.setAge(.seconds(156 * 3600))
            try await shows(11 * 3600...12 * 3600)
            let (approved, closed) = (try count(.tradeApproved), try count(.positionClosed))
            let open = try count(.positionOpened) - closed
            #expect(open > 0)
            try fleet.start(AgentName.strategy.rawValue, environment)
            _ = try await awaited("the exits of what is open, and refused entries", within: .seconds(60)) {
                try count(.positionClosed) >= closed + open
                    && fleet.messages(.tradeRejected).contains { $0.contains("broker_login") } ? true : nil
            }
            #expect(try count(.tradeApproved) == approved)
            // Said once, however often it is looked at, and whoever starts again.
            try await fleet.stop(AgentName.riskManagement.rawValue)
            try fleet.start(AgentName.riskManagement.rawValue, environment)
            try await shows(11 * 3600...12 * 3600)
            let announced = try fleet.messages(.limitExceeded)
            #expect(announced.count == 1)
            #expect(announced.first?.contains("broker_login") == true)
            #expect(try await Self.status(of: login, in: fleet.folder).contains("No positions are opened"))

            // Somebody logs in, and that is all there is to do.
            let printed = try await LoginFile.logIn(environment, in: fleet.folder)
            #expect(printed.contains("Logged in; account …5678 found."), "\(printed)")
            #expect(login.mode == 0o600)
            try await shows(6.9 * 86_400...7 * 86_400)
            _ = try await awaited("another entry", within: .seconds(60)) {
                try count(.tradeApproved) > approved ? true : nil
            }
            #expect(try await Self.status(of: login, in: fleet.folder).contains("the login ends in 6 days and 23 h"))
            #expect(try count(.limitExceeded) == 1)
            for agent in Self.agents { try await fleet.stop(agent) }
        }

        @Test func `a login without the account that is to be traded says which it has`() async throws {
            let fleet = try ProcessFleet()
            let bars = try SampleBars.small(sessions: 15).folder()
            let login = LoginFile(path: fleet.folder.path + "/login.json")
            try await fleet.startSimulator(["BARS": bars.path, "SCHWAB_ACCOUNT_NUMBER": "87654321"])
            let port = try #require(fleet.port(of: "broker-simulator"))
            var environment = [
                "SCHWAB_BASE_URL": "http://127.0.0.1:\(port)", "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182",
                "SCHWAB_ACCOUNT_NUMBER": "12345678", "SCHWAB_TOKEN_FILE": login.path, "SCHWAB_APP_KEY": "key",
                "SCHWAB_APP_SECRET": "secret",
            ]
            let printed = try await LoginFile.logIn(environment, in: fleet.folder, endingWith: 1)
            #expect(printed.contains("logged in, and the login is kept"), "\(printed)")
            #expect(printed.contains("does not have account …5678, but …4321"), "\(printed)")
            #expect(login.mode == 0o600)

            // What can be known before is said before anybody is sent to a browser.
            environment["SCHWAB_TOKEN_FILE"] = fleet.folder.path + "/nowhere/login.json"
            let unkept = try await LoginFile.logIn(environment, in: fleet.folder, endingWith: 1)
            #expect(unkept.contains("SCHWAB_TOKEN_FILE"), "\(unkept)")
            #expect(!unkept.contains("in a browser"), "\(unkept)")
        }

        /// A refresh token is good once here: a second refresher would end the login for all.
        @Test func `processes that share a login refresh it once, and keep what came back`() async throws {
            let fleet = try ProcessFleet()
            let login = LoginFile(path: fleet.folder.path + "/login.json")
            try login.write(refreshToken: "refresh-0")
            let broker = RotatingBroker()
            let port = try RedisServer.freePort()
            let server = try PlainHTTPServer(port: port) { broker.answer($0) }
            defer { server.stop() }
            let environment = [
                "BROKER": "schwab", "SYMBOLS": "AAPL", "SCHWAB_BASE_URL": "http://127.0.0.1:\(port)",
                "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182", "SCHWAB_ACCOUNT_NUMBER": "12345678",
                "SCHWAB_TOKEN_FILE": login.path, "SCHWAB_APP_KEY": "key", "SCHWAB_APP_SECRET": "secret",
            ]
            // First because the access token has ended by its time, then because the broker turns it away.
            for round in 1...2 {
                for agent in Self.holders { try fleet.start(agent, environment) }
                for agent in Self.holders {
                    _ = try await awaited("\(agent) has its broker: \(fleet.log(of: agent).suffix(1000))") {
                        fleet.readiness("broker", of: agent) == "ok" ? true : nil
                    }
                }
                #expect(broker.refreshes == round)
                #expect(broker.refusedRefreshes == 0)
                #expect(login.value("refresh_token") == "refresh-\(round)")
                #expect(login.value("access_token") == "access-\(round)")
                #expect(login.mode == 0o600)
                for agent in Self.holders { try await fleet.stop(agent) }
                broker.endAccessToken()
            }
        }

        /// With nothing set but the file.
        private static func status(of login: LoginFile, in folder: TemporaryFolder) async throws -> String {
            let output = folder.path + "/status"
            Files.remove(output)
            let tradectl = try ChildProgram(
                try Programs.path(of: "tradectl"),
                ["schwab", "status"],
                environment: Programs.environment(["SCHWAB_TOKEN_FILE": login.path]),
                output: output
            )
            #expect(try await tradectl.ended(within: .seconds(20)) == .exit(0))
            return Files.text(output) ?? ""
        }
    }
}

/// As much of Schwab as an agent asks at its start, with refresh tokens that are good once.
private final class RotatingBroker: Sendable {
    private struct State {
        var refreshes = 0
        var refusedRefreshes = 0
        var isAccessTokenGood = false
    }

    private let state = Mutex(State())

    var refreshes: Int { self.state.withLock { $0.refreshes } }
    var refusedRefreshes: Int { self.state.withLock { $0.refusedRefreshes } }

    func endAccessToken() { self.state.withLock { $0.isAccessTokenGood = false } }

    func answer(_ request: String) -> (status: Int, body: String) {
        self.state.withLock { state in
            if request.hasPrefix("POST /v1/oauth/token") {
                guard request.hasSuffix("refresh_token=refresh-\(state.refreshes)") else {
                    state.refusedRefreshes += 1
                    return (400, #"{"error":"unsupported_token_type"}"#)
                }
                state.refreshes += 1
                state.isAccessTokenGood = true
                let number = state.refreshes
                return (
                    200,
                    """
                    {"expires_in":1800,"token_type":"Bearer","access_token":"access-\(number)",\
                    "refresh_token":"refresh-\(number)"}
                    """
                )
            }
            guard state.isAccessTokenGood, request.contains("Bearer access-\(state.refreshes)\r\n") else {
                return (401, #"{"errors":[{"status":401,"title":"Unauthorized","detail":"Client not authorized"}]}"#)
            }
            let path = request.split(separator: " ").dropFirst().first.map(String.init) ?? ""
            if path.hasSuffix("/accountNumbers") {
                return (200, #"[{"accountNumber":"12345678","hashValue":"ABCDEF"}]"#)
            }
            if path.hasSuffix("/accounts/ABCDEF") {
                return (
                    200,
                    """
                    {"securitiesAccount":{"type":"MARGIN","accountNumber":"12345678","isClosingOnlyRestricted":false,\
                    "currentBalances":{"cashBalance":10000.0,"liquidationValue":10000.0}}}
                    """
                )
            }
            return (404, #"{"message":"there is nothing else"}"#)
        }
    }
}
