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
                let said = fleet.complaints(of: agent)
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
            #expect(try await Self.status(environment, in: fleet.folder).contains("No positions are opened"))

            // Somebody logs in, and that is all there is to do.
            let printed = try await LoginFile.logIn(environment, in: fleet.folder)
            #expect(printed.contains("Logged in."))
            #expect(login.mode == 0o600)
            try await shows(6.9 * 86_400...7 * 86_400)
            _ = try await awaited("another entry", within: .seconds(60)) {
                try count(.tradeApproved) > approved ? true : nil
            }
            #expect(try await Self.status(environment, in: fleet.folder).contains("the login ends in 6 days and 23 h"))
            #expect(try count(.limitExceeded) == 1)
            for agent in Self.agents { try await fleet.stop(agent) }
        }

        private static func status(_ environment: [String: String], in folder: TemporaryFolder) async throws -> String {
            let output = folder.path + "/status"
            Files.remove(output)
            let tradectl = try ChildProgram(
                try Programs.path(of: "tradectl"),
                ["schwab", "status"],
                environment: Programs.environment(environment),
                output: output
            )
            #expect(try await tradectl.ended(within: .seconds(20)) == .exit(0))
            return Files.text(output) ?? ""
        }
    }
}
