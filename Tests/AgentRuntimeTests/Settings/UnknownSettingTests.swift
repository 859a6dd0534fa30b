import AgentRuntime
import Testing

/// Keys and variables that are no settings.
@Suite struct UnknownSettingTests {
    @Test func `a key nobody reads is refused with the name it was meant to have`() throws {
        let yaml = """
            risk:
              maxPositonValue: 1000
              max_open_trades: 3
            colour: red
            """
        let message = try SettingsFixture.message(yaml: yaml, code: .unknownKey) { (settings: Settings) throws in
            _ = try settings.decimalText("risk.maxPositionValue", default: "1000")
            _ = try settings.int("risk.maxOpenTrades", default: 1, in: 1...9)
            try settings.refuseUnknownKeys()
        }
        #expect(
            message
                == "FILE, line 2: risk.maxPositonValue is not a setting; did you mean risk.maxPositionValue?; "
                + "line 3: risk.max_open_trades is not a setting; did you mean risk.maxOpenTrades?; "
                + "line 4: colour is not a setting; remove it or correct its name"
        )
    }

    @Test func `keys that other processes read can be declared`() throws {
        let settings = try SettingsFixture.settings(yaml: "risk:\n  maxOpenTrades: 3\nstrategy:\n  mean:\n    bars: 20")
        #expect(settings.unknownKeys() == ["risk.maxOpenTrades", "strategy.mean.bars"])
        settings.declare(["risk.maxOpenTrades", "strategy.*"])
        try settings.refuseUnknownKeys()
    }

    @Test func `a misspelt variable of Quintet's own families is refused with the name it was meant to have`() throws {
        let environment = [
            "RISK_MAX_POSITON_VALUE": "500", "STRATEGY_PARAMS": "bars=20", "APCA_API_BASEURL": "https://x",
            "QUINTET_CONFG": "quintet.yaml", "RISK_CASH_RESERVE": "0.4", "RISK_CASH_RESERV": "",
        ]
        let message = try SettingsFixture.message(environment, yaml: "colour: red", code: .unknownKey) {
            (settings: Settings) in
            _ = try settings.string("apca.api.baseUrl", default: "")
            _ = try settings.decimalText("risk.cashReserve", default: "0.5")
            // One environment may serve all processes.
            settings.declare(["risk.maxPositionValue", "strategy.name", "strategy.parameters"])
            try settings.refuseUnknownKeys()
        }
        #expect(
            message
                == "FILE, line 1: colour is not a setting; remove it or correct its name; "
                + "environment: APCA_API_BASEURL is not a setting; did you mean APCA_API_BASE_URL?; "
                + "environment: QUINTET_CONFG is not a setting; did you mean QUINTET_CONFIG?; "
                + "environment: RISK_MAX_POSITON_VALUE is not a setting; did you mean RISK_MAX_POSITION_VALUE?; "
                + "environment: STRATEGY_PARAMS is not a setting; unset it, or use one of "
                + "STRATEGY_NAME, STRATEGY_PARAMETERS"
        )
    }

    @Test(arguments: [
        ("RISC_MAX_DRAWDOWN", "RISK_MAX_DRAWDOWN"), ("REDIS_ULR", "REDIS_URL"), ("REDIS_URI", "REDIS_URL"),
        ("SYMBOL", "SYMBOLS"), ("TIMEFRAMME", "TIMEFRAME"), ("STRATGY_NAME", "STRATEGY_NAME"),
    ])
    func `a variable that is one letter off a setting nobody has given is refused`(name: String, meant: String) throws {
        let message = try SettingsFixture.message([name: "x"], yaml: "", code: .unknownKey) { (settings: Settings) in
            settings.declare(["redis.url", "risk.maxDrawdown", "symbols", "timeframe", "strategy.name"])
            try settings.refuseUnknownKeys()
        }
        #expect(message == "environment: \(name) is not a setting; did you mean \(meant)?")
    }

    @Test(arguments: [
        // What Kubernetes gives each container for a Service.
        "STRATEGY_AGENT_SERVICE_HOST", "STRATEGY_AGENT_SERVICE_PORT", "STRATEGY_AGENT_SERVICE_PORT_HTTP",
        "STRATEGY_AGENT_PORT", "RISK_MANAGEMENT_AGENT_PORT_8083_TCP", "ORDER_EXECUTION_AGENT_PORT_8084_TCP_PROTO",
        "ORDER_EXECUTION_AGENT_PORT_8084_TCP_PORT", "ORDER_EXECUTION_AGENT_PORT_53_UDP_ADDR",
        // What belongs to others.
        "HTTP_PROXY", "REDIS_URI", "LOG_DIR", "AGENT_NAME", "APCA_RETRY_MAX", "APCA_API_VERSION", "QUINTET_HOME",
        "SYMBOL",
    ])
    func `variables that others set stop nothing`(name: String) throws {
        let settings = try SettingsFixture.settings([
            name: "x", "APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s", "REDIS_URL": "redis://127.0.0.1:6379",
            "SYMBOLS": "AAPL",
        ])
        _ = try AlpacaSettings(settings)
        _ = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        settings.declare(["strategy.parameters", "risk.maxDrawdown", "order.partialFillSeconds", "symbols"])
        try settings.refuseUnknownKeys()
    }
}
