import AgentRuntime
import Brokerage
import Testing

/// Which broker a configuration leads to, and that real money needs a second word.
@Suite struct BrokerSettingsTests {
    private static let alpacaKeys = ["APCA_API_KEY_ID": "hunter2", "APCA_API_SECRET_KEY": "hunter2"]
    private static let schwabKeys = [
        "BROKER": "schwab", "SCHWAB_APP_KEY": "hunter2", "SCHWAB_APP_SECRET": "hunter2",
        "SCHWAB_CALLBACK_URL": "https://127.0.0.1:8182", "SCHWAB_ACCOUNT_NUMBER": "hunter2",
        "SCHWAB_TOKEN_FILE": "/run/schwab",
    ]

    @Test func `without a word about it the paper account is traded`() throws {
        guard case .alpaca(let endpoints) = try Self.broker(Self.alpacaKeys) else {
            Issue.record("no Alpaca")
            return
        }
        #expect(endpoints.environment == .paper)
        #expect(endpoints.accountNumber == nil)
    }

    @Test(arguments: [
        "https://api.alpaca.markets", "https://API.ALPACA.MARKETS/v2", "https://api.alpaca.markets:443",
        "https://api.alpaca.markets.", "https://broker-api.alpaca.markets",
    ])
    func `real money at Alpaca needs a second word`(url: String) throws {
        let environment = Self.alpacaKeys.merging(["APCA_API_BASE_URL": url]) { $1 }
        #expect(
            try Self.message(environment)
                == "TRADE_LIVE (trade.live) is not set, and APCA_API_BASE_URL (apca.api.baseUrl) leads to real money: "
                + "set it to yes to let the agents trade with it, or set it to https://paper-api.alpaca.markets"
        )
        #expect(try Self.message(environment.merging(["TRADE_LIVE": "no"]) { $1 }).hasPrefix("TRADE_LIVE"))
        guard case .alpaca(let endpoints) = try Self.broker(environment.merging(["TRADE_LIVE": "yes"]) { $1 }) else {
            Issue.record("no Alpaca")
            return
        }
        #expect(endpoints.environment == .live)
    }

    @Test func `real money at Schwab needs a second word`() throws {
        let message = try Self.message(Self.schwabKeys)
        #expect(message.hasPrefix("TRADE_LIVE (trade.live) is not set, and SCHWAB_BASE_URL (schwab.baseUrl) leads to"))
        #expect(!message.contains("hunter2"))
        guard case .schwab(let live) = try Self.broker(Self.schwabKeys.merging(["TRADE_LIVE": "yes"]) { $1 }),
            case .schwab(let simulated) = try Self.broker(
                Self.schwabKeys.merging(["SCHWAB_BASE_URL": "http://127.0.0.1:9"]) { $1 }
            )
        else {
            Issue.record("no Schwab")
            return
        }
        #expect(live.environment == .live)
        #expect(simulated.environment == .simulator)
    }

    @Test(arguments: ["really", "true", "1", "on", "YES", "y"])
    func `nothing but yes lets the agents trade with real money`(word: String) throws {
        for url in ["https://api.alpaca.markets", "https://paper-api.alpaca.markets"] {
            let environment = ["TRADE_LIVE": word, "APCA_API_BASE_URL": url]
            #expect(
                try Self.message(Self.alpacaKeys.merging(environment) { $1 })
                    == "TRADE_LIVE (trade.live): \"\(word)\" is neither yes nor no; expected yes, spelt so, or no"
            )
        }
    }

    @Test(arguments: ["no", "false", ""])
    func `a no to real money leaves the paper account`(word: String) throws {
        guard case .alpaca(let endpoints) = try Self.broker(Self.alpacaKeys.merging(["TRADE_LIVE": word]) { $1 }) else {
            Issue.record("no Alpaca")
            return
        }
        #expect(endpoints.environment == .paper)
        let live = Self.alpacaKeys.merging(["TRADE_LIVE": word, "APCA_API_BASE_URL": "https://api.alpaca.markets"]) {
            $1
        }
        #expect(try Self.message(live).contains("leads to real money"))
    }

    @Test(arguments: ["127.0.0.1:8182", "http://127.0.0.1:8182", "https://"])
    func `a callback that Schwab cannot have registered is refused`(url: String) throws {
        let message = try Self.message(Self.schwabKeys.merging(["SCHWAB_CALLBACK_URL": url]) { $1 })
        #expect(message.hasPrefix("SCHWAB_CALLBACK_URL (schwab.callbackUrl) is no https:// address"))
    }

    @Test func `the account can be named`() throws {
        guard
            case .alpaca(let endpoints) = try Self.broker(
                Self.alpacaKeys.merging(["APCA_ACCOUNT_NUMBER": "PA1234567"]) { $1 }
            )
        else {
            Issue.record("no Alpaca")
            return
        }
        #expect(endpoints.accountNumber == "PA1234567")
    }

    // MARK: The simulator

    @Test func `the simulator needs no keys and takes none`() throws {
        for (url, trading, stream) in [
            (nil, "http://127.0.0.1:8080", "ws://127.0.0.1:8080"),
            ("http://broker-simulator:9000", "http://broker-simulator:9000", "ws://broker-simulator:9000"),
        ] {
            var environment = Self.alpacaKeys
            environment["BROKER"] = "simulator"
            environment["SIMULATOR_URL"] = url
            guard case .alpaca(let endpoints) = try Self.broker(environment) else {
                Issue.record("no Alpaca")
                return
            }
            #expect(endpoints.trading == trading && endpoints.data == trading && endpoints.stream == stream)
            #expect(endpoints.environment == .simulator)
            #expect(endpoints.keyID != "hunter2" && endpoints.secretKey != "hunter2")
            #expect(endpoints.settingNames.trading == "SIMULATOR_URL")
        }
        guard case .alpaca = try Self.broker(["BROKER": "simulator"]) else {
            Issue.record("no Alpaca")
            return
        }
    }

    @Test(arguments: [
        "http://api.alpaca.markets", "http://paper-api.alpaca.markets", "http://api.schwabapi.com",
        "http://93.184.215.14",
        "http://broker.example.com", "https://127.0.0.1:8080", "127.0.0.1:8080",
    ])
    func `a simulator is not looked for in the world`(url: String) throws {
        let message = try Self.message(["BROKER": "simulator", "SIMULATOR_URL": url])
        #expect(message.hasPrefix("SIMULATOR_URL (simulator.url)"))
    }

    @Test(arguments: [
        "http://localhost:1", "http://127.8.8.8:1", "http://[::1]:1", "http://simulator:1",
        "http://sim.quintet.svc.cluster.local",
        "http://sim.internal",
    ])
    func `a simulator is looked for at home`(url: String) throws {
        #expect(throws: Never.self) { try Self.broker(["BROKER": "simulator", "SIMULATOR_URL": url]) }
    }

    private static func broker(_ environment: [String: String]) throws -> BrokerSettings {
        try BrokerSettings(try Settings(environment: environment))
    }

    private static func message(_ environment: [String: String]) throws -> String {
        let error = try #require(#expect(throws: ConfigurationError.self) { try Self.broker(environment) })
        return error.description
    }
}
