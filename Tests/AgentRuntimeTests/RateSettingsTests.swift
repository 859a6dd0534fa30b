import AgentRuntime
import Brokerage
import Testing
import TradingCore

/// How many requests a minute the settings grant an API key.
@Suite struct RateSettingsTests {
    private static let brokers = [
        "alpaca": ["APCA_API_KEY_ID": "key", "APCA_API_SECRET_KEY": "secret"],
        "schwab": [
            "SCHWAB_APP_KEY": "key", "SCHWAB_APP_SECRET": "secret", "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182",
            "SCHWAB_ACCOUNT_NUMBER": "12345678", "SCHWAB_TOKEN_FILE": "token.json",
            "TRADE_LIVE": "yes",
        ],
    ]

    private func budgets(_ broker: String, _ environment: [String: String] = [:]) throws -> RateBudgets {
        let settings = try Settings(
            environment: (Self.brokers[broker] ?? [:]).merging(environment) { $1 }.merging(["BROKER": broker]) { $1 }
        )
        return try RateBudgets(settings, try BrokerSettings(settings))
    }

    @Test func `each broker has its own defaults, and exits their part of them`() throws {
        let alpaca = try self.budgets("alpaca")
        for budget in [alpaca.trading, alpaca.data] {
            #expect(RequestUrgency.allCases.map { budget?.limit(for: $0) } == [180, 153, 126, 113])
        }
        #expect(alpaca.trading?.id != alpaca.data?.id)
        let schwab = try self.budgets("schwab")
        #expect(RequestUrgency.allCases.map { schwab.trading?.limit(for: $0) } == [120, 90, 60, 54])
        #expect(schwab.data == schwab.trading)
    }

    @Test func `settings go before them, and 0 is no limit`() throws {
        let limits = [
            "BROKER_REQUESTS_PER_MINUTE": "50", "BROKER_DATA_REQUESTS_PER_MINUTE": "9000",
            "BROKER_RESERVED_SHARE": "0.2",
        ]
        let alpaca = try self.budgets("alpaca", limits)
        #expect(alpaca.trading?.limit(for: .exit) == 50)
        #expect(alpaca.trading?.limit(for: .entry) == 40)
        #expect(alpaca.data?.limit(for: .exit) == 9000)
        #expect(try self.budgets("schwab", limits).data?.limit(for: .exit) == 50)
        #expect(try self.budgets("alpaca", ["BROKER_REQUESTS_PER_MINUTE": "0"]).trading == nil)
        #expect(try self.budgets("alpaca", ["BROKER_DATA_REQUESTS_PER_MINUTE": "0"]).data == nil)
        #expect(try self.budgets("schwab", ["BROKER_REQUESTS_PER_MINUTE": "0"]).isEmpty)
    }

    @Test(arguments: [
        ("BROKER_REQUESTS_PER_MINUTE", "-1"), ("BROKER_REQUESTS_PER_MINUTE", "many"), ("BROKER_RESERVED_SHARE", "1.1"),
        ("BROKER_RESERVED_SHARE", "30%"), ("BROKER_DATA_REQUESTS_PER_MINUTE", "1000000"),
    ])
    func `what is no rate stops the start and is named`(name: String, value: String) throws {
        for broker in Self.brokers.keys {
            let error = #expect(throws: ConfigurationError.self) { try self.budgets(broker, [name: value]) }
            #expect(error?.description.contains(name) == true)
        }
    }
}
