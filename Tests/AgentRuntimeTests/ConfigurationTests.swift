import AgentRuntime
import Glibc
import Logging
import Telemetry
import Testing

@Suite struct ConfigurationTests {
    private enum Side: String, CaseIterable {
        case long
        case short
    }

    /// Settings from variables and, if given, a file with this content.
    private func settings(_ environment: [String: String] = [:], yaml: String? = nil) throws -> Settings {
        guard let yaml else { return try Settings(environment: environment) }
        let file = try TemporaryFile(yaml)
        return try Settings(environment: environment.merging(["QUINTET_CONFIG": file.path]) { $1 })
    }

    /// The message of the `ConfigurationError` that `body` throws, with the file's path as FILE.
    private func message(
        _ environment: [String: String] = [:],
        yaml: String? = nil,
        code: ConfigurationError.Code = .malformed,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (Settings) throws -> Void
    ) throws -> String {
        let error = #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
            try body(self.settings(environment, yaml: yaml))
        }
        let thrown = try #require(error, sourceLocation: sourceLocation)
        #expect(thrown.code == code, sourceLocation: sourceLocation)
        return thrown.description.withTemporaryPath(as: "FILE")
    }

    // MARK: Precedence

    @Test func `the environment goes before the file and the file before the default`() throws {
        let yaml = """
            risk:
              maxOpenTrades: 3   # per account
              stopDistance: 0.04
            """
        let settings = try self.settings(["RISK_MAX_OPEN_TRADES": "7"], yaml: yaml)
        #expect(try settings.int("risk.maxOpenTrades", default: 1, in: 1...100) == 7)
        #expect(try settings.decimalText("risk.stopDistance", default: "0.05") == "0.04")
        #expect(try settings.decimalText("risk.cashReserve", default: "0.5") == "0.5")
    }

    @Test func `an empty value counts as not set`() throws {
        let settings = try self.settings(["LOG_LEVEL": ""], yaml: "log:\n  level: debug")
        #expect(try settings.string("log.level", default: "info") == "debug")
    }

    @Test func `the process's own variables are read`() {
        setenv("QUINTET_TEST_VARIABLE", "a=b", 1)
        defer { unsetenv("QUINTET_TEST_VARIABLE") }
        #expect(Settings.processEnvironment()["QUINTET_TEST_VARIABLE"] == "a=b")
    }

    // MARK: Readers

    @Test func `every reader reads its kind from both sources`() throws {
        let environment = [
            "A_TEXT": "two words", "A_COUNT": "-3", "A_PRICE": "-1000.250", "A_WAIT": "500ms", "AN_URL": "http://h:1//",
            "A_FLAG": "Yes", "A_SIDE": "short", "SYMBOLS": " AAPL, MSFT,,NVDA ",
        ]
        let yaml = """
            a:
              text: "two words"
              count: -3
              price: '-1000.250'
              wait: 500ms
              flag: on
              side: short
            an.url: http://h:1//
            symbols:
            - AAPL
            - "MSFT"
            - NVDA # not BRK.B
            """
        for source in [(environment, nil), ([:], yaml)] {
            let settings = try self.settings(source.0, yaml: source.1)
            #expect(try settings.requiredString("a.text") == "two words")
            #expect(try settings.int("a.count", default: 0, in: -5...5) == -3)
            #expect(try settings.decimalText("a.price", default: "0") == "-1000.250")
            #expect(try settings.duration("a.wait", default: .zero) == .milliseconds(500))
            #expect(try settings.bool("a.flag", default: false))
            #expect(try settings.choice("a.side", default: Side.long) == .short)
            #expect(try settings.list("symbols", default: []) == ["AAPL", "MSFT", "NVDA"])
            #expect(try settings.url("an.url", default: "", schemes: ["https", "http"]) == "http://h:1")
            try settings.refuseUnknownKeys()
        }
    }

    @Test func `every reader falls back to its default`() throws {
        let settings = try self.settings()
        #expect(try settings.optionalString("a") == nil)
        #expect(try settings.string("a", default: "x") == "x")
        #expect(try settings.name("a", default: "x") == "x")
        #expect(try settings.int("a", default: 4, in: 0...5) == 4)
        #expect(try settings.decimalText("a", default: "0.5") == "0.5")
        #expect(try settings.duration("a", default: .seconds(3)) == .seconds(3))
        #expect(try settings.bool("a", default: true))
        #expect(try settings.choice("a", default: Side.long) == .long)
        #expect(try settings.list("a", default: ["b"]) == ["b"])
        #expect(try settings.optionalSecret("a") == nil)
    }

    @Test(arguments: [("0s", 0), ("1500ms", 1500), ("5s", 5_000), ("2m", 120_000), ("24h", 86_400_000)])
    func `durations have a unit`(text: String, milliseconds: Int) throws {
        let settings = try self.settings(["A_WAIT": text])
        #expect(try settings.duration("a.wait", default: .seconds(1)) == .milliseconds(milliseconds))
    }

    // MARK: Messages

    @Test func `a malformed value names the key, the value and what was expected`() throws {
        let path = "risk.maxPositionValue"
        let variable = ["RISK_MAX_POSITION_VALUE": "10k"]
        #expect(
            try self.message(variable) { _ = try $0.decimalText(path, default: "1000") }
                == "RISK_MAX_POSITION_VALUE (risk.maxPositionValue): \"10k\" is not a number; "
                + "expected a decimal such as 1000"
        )
        #expect(
            try self.message(yaml: "\nrisk:\n  maxPositionValue: 10k") { _ = try $0.decimalText(path, default: "1000") }
                == "RISK_MAX_POSITION_VALUE (risk.maxPositionValue): \"10k\" is not a number; "
                + "expected a decimal such as 1000 (FILE, line 3)"
        )
        #expect(
            try self.message(variable) { _ = try $0.int(path, default: 1, in: 0...9) }.hasSuffix(
                "\"10k\" is not a whole number; expected a whole number from 0 to 9"
            )
        )
        #expect(
            try self.message(["RISK_MAX_POSITION_VALUE": "10"]) { _ = try $0.int(path, default: 1, in: 0...9) }
                .hasSuffix("\"10\" is out of range; expected a whole number from 0 to 9")
        )
        #expect(
            try self.message(variable) { _ = try $0.duration(path, default: .zero, in: .zero ... .seconds(60)) }
                .hasSuffix(
                    "\"10k\" is not a duration; expected a duration from 0.0 seconds to 60.0 seconds, "
                        + "such as 500ms, 5s or 2m"
                )
        )
        #expect(
            try self.message(["RISK_MAX_POSITION_VALUE": "2m"]) {
                _ = try $0.duration(path, default: .zero, in: .zero ... .seconds(60))
            }.contains("\"2m\" is out of range")
        )
        #expect(
            try self.message(variable) { _ = try $0.bool(path, default: true) }.hasSuffix(
                "\"10k\" is neither true nor false; expected true or false"
            )
        )
        #expect(
            try self.message(variable) { _ = try $0.choice(path, default: Side.long) }.hasSuffix(
                "\"10k\" is not known; expected one of long, short"
            )
        )
        #expect(
            try self.message(["RISK_MAX_POSITION_VALUE": "a{b}"]) { _ = try $0.name(path, default: "x") }.hasSuffix(
                "\"a{b}\" is not a plain name; expected 1 to 64 letters, digits, -, _ or ."
            )
        )
    }

    @Test func `a URL's password stays out of the message`() throws {
        #expect(
            try self.message(["REDIS_URL": "http://user:hunter2@cache:6379"]) {
                _ = try $0.url("redis.url", default: "", schemes: ["redis", "unix"])
            }
                == "REDIS_URL (redis.url): \"http://***@cache:6379\" is not such a URL; "
                + "expected a URL that starts with redis:// or unix://"
        )
    }

    @Test(arguments: ["1e3", "1,000", "+1", ".5", "1.", "-", "1.2.3", "0x10", "NaN", "١"])
    func `a decimal is plain digits`(text: String) throws {
        _ = try self.message(["A_PRICE": text]) { _ = try $0.decimalText("a.price", default: "1") }
    }

    @Test func `a list where one value belongs is refused`() throws {
        #expect(
            try self.message(yaml: "http:\n  port: [1, 2]") { _ = try $0.int("http.port", default: 1, in: 0...9) }
                == "HTTP_PORT (http.port): a list stands where a whole number from 0 to 9 was expected (FILE, line 2)"
        )
    }

    @Test func `a missing value says where to set it`() throws {
        #expect(
            try self.message(code: .missing) { _ = try $0.requiredString("account.number") }
                == "ACCOUNT_NUMBER (account.number) is not set; set the variable"
        )
        #expect(
            try self.message(yaml: "", code: .missing) { _ = try $0.requiredString("account.number") }
                == "ACCOUNT_NUMBER (account.number) is not set; set the variable or add account.number to FILE"
        )
        #expect(
            try self.message(code: .missing) { _ = try $0.secret("apca.api.secretKey") }
                == "APCA_API_SECRET_KEY (apca.api.secretKey) is not set; set the variable, "
                + "or name a file that holds it in APCA_API_SECRET_KEY_FILE"
        )
    }

    // MARK: Secrets

    @Test func `a secret comes from its variable, its file or the configuration file`() throws {
        let key = "apca.api.secretKey"
        let file = try TemporaryFile("  hunter2\n\n")
        let variable = try self.settings(["APCA_API_SECRET_KEY": "hunter2"])
        #expect(try variable.secret(key) == Secret("hunter2"))
        let namedByVariable = try self.settings(["APCA_API_SECRET_KEY_FILE": file.path])
        #expect(try namedByVariable.secret(key).exposed == "hunter2")
        let inFile = try self.settings(yaml: "apca.api.secretKey: hunter2")
        #expect(try inFile.secret(key).exposed == "hunter2")
        try inFile.refuseUnknownKeys()
        let namedInFile = try self.settings(yaml: "apca.api.secretKeyFile: \(file.path)")
        #expect(try namedInFile.secret(key).exposed == "hunter2")
        try namedInFile.refuseUnknownKeys()
    }

    @Test func `of a secret's places the environment goes first, and one place sets only one`() throws {
        let key = "apca.api.secretKey"
        let file = try TemporaryFile("named")
        let value = try self.settings(
            ["APCA_API_SECRET_KEY": "direct"],
            yaml: "apca.api.secretKeyFile: \(file.path)"
        )
        #expect(try value.secret(key).exposed == "direct")
        let named = try self.settings(["APCA_API_SECRET_KEY_FILE": file.path], yaml: "apca.api.secretKey: direct")
        #expect(try named.secret(key).exposed == "named")
        let both = ["APCA_API_SECRET_KEY_FILE": file.path, "APCA_API_SECRET_KEY": "direct"]
        #expect(
            try self.message(both, code: .conflict) { _ = try $0.secret(key) }
                == "APCA_API_SECRET_KEY (apca.api.secretKey) and APCA_API_SECRET_KEY_FILE (apca.api.secretKeyFile) "
                + "are both set; keep one of them"
        )
    }

    @Test func `a secret file that gives nothing is refused`() throws {
        #expect(
            try self.message(["A_PASSWORD_FILE": "/nowhere/secret"], code: .unreadableFile) {
                _ = try $0.secret("a.password")
            } == "A_PASSWORD_FILE (a.passwordFile): /nowhere/secret cannot be read: No such file or directory"
        )
        let file = try TemporaryFile(" \n")
        #expect(
            try self.message(["A_PASSWORD_FILE": file.path], code: .unreadableFile) { _ = try $0.secret("a.password") }
                .hasSuffix("is empty; it must hold the secret")
        )
    }

    @Test func `secrets show themselves to nobody`() throws {
        let settings = try self.settings(
            ["APCA_API_SECRET_KEY": "hunter2"],
            yaml: "apca.api.keyId: PKHUNTER2\nredis.url: redis://:hunter2@cache"
        )
        let alpaca = try AlpacaSettings(settings)
        var dumped = ""
        dump(alpaca, to: &dumped)
        for text in [dumped, "\(alpaca)", String(reflecting: alpaca), "\(alpaca.secretKey)"] {
            #expect(!text.lowercased().contains("hunter2"))
            #expect(text.contains("***"))
        }
        dump(settings, to: &dumped)
        #expect(!dumped.lowercased().contains("hunter2"))
    }

    @Test func `no message about a secret shows it`() throws {
        let message = try self.message(yaml: "a:\n  password: [hunter2, hunter3]") { _ = try $0.secret("a.password") }
        #expect(message == "A_PASSWORD (a.password): a list stands where one value was expected (FILE, line 2)")
    }

    // MARK: The file

    @Test func `a configuration file that is named must be there`() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Settings(environment: ["QUINTET_CONFIG": "/nowhere/quintet.yaml"])
        }
        #expect(error?.code == .unreadableFile)
        #expect(
            error?.description
                == "QUINTET_CONFIG: /nowhere/quintet.yaml cannot be read: No such file or directory"
        )
    }

    @Test func `YAML's everyday forms are understood`() throws {
        let yaml = """
            \u{FEFF}---
            # a comment
            plain: two words # and a comment
            hash: a#b
            colon: http://host:80/x
            single: 'it''s # no comment'
            double: "tab\\t quote\\" slash\\\\"
            empty:
            nothing: ~
            quoted.empty: ""
            nested:
                deeper:
                    deepest: 1
                beside: 2
            inline: [a, 'b, c', "d"]   # three
            none: []
            indented:
              - x
              - y
            "quoted key": 3
            """
        let settings = try self.settings(yaml: yaml)
        #expect(try settings.optionalString("plain") == "two words")
        #expect(try settings.optionalString("hash") == "a#b")
        #expect(try settings.optionalString("colon") == "http://host:80/x")
        #expect(try settings.optionalString("single") == "it's # no comment")
        #expect(try settings.optionalString("double") == "tab\t quote\" slash\\")
        #expect(try settings.optionalString("empty") == nil)
        #expect(try settings.optionalString("nothing") == nil)
        #expect(try settings.optionalString("quoted.empty") == nil)
        #expect(try settings.optionalString("nested.deeper.deepest") == "1")
        #expect(try settings.optionalString("nested.beside") == "2")
        #expect(try settings.list("inline", default: []) == ["a", "b, c", "d"])
        #expect(try settings.list("none", default: ["x"]) == [])
        #expect(try settings.list("indented", default: []) == ["x", "y"])
        #expect(settings.unknownKeys() == ["quoted key"])
    }

    @Test(arguments: [
        ("risk:\n\tmax: 1", "line 2, column 1: a tab cannot indent; use spaces"),
        ("risk", "line 1, column 5: expected `key: value`"),
        ("risk:1", "line 1, column 6: a space must follow the colon"),
        ("a: 1\n  b: 2", "line 2, column 3: the indentation fits no key above"),
        ("a:\n    b: 1\n  c: 2", "line 3, column 3: the indentation fits no key above"),
        ("  a: 1\nb: 2", "line 2, column 1: this line is indented less than the first key"),
        ("a: 1\na: 2", "line 2, column 1: a is given twice"),
        ("a:\n  b: 1\na.b: 2", "line 3, column 1: a.b is given twice"),
        ("a:\n  b: 1\na: 2", "line 3, column 1: a is given twice"),
        ("- a", "line 1, column 1: a list item without a key above it"),
        ("a: {b: 1}", "line 1, column 4: a value cannot start with { here; put it in quotes"),
        ("a: &anchor 1", "line 1, column 4: a value cannot start with & here; put it in quotes"),
        ("a: |\n  text", "line 1, column 4: a value cannot start with | here; put it in quotes"),
        ("a: b: c", "line 1, column 5: a second `: ` in one line; put the value in quotes"),
        ("a: \"open", "line 1, column 4: the quotes are not closed on this line"),
        ("a: \"x\" y", "line 1, column 8: nothing but a comment may follow the value"),
        ("a: \"\\q\"", "line 1, column 6: unknown escape; known are \\n \\r \\t \\\\ \\\" \\/"),
        ("a: [b, c", "line 1, column 9: the list does not end on its line; expected , or ]"),
        ("a: [[b]]", "line 1, column 5: a value cannot start with [ here; put it in quotes"),
        ("a:\n  - b: 1", "line 2, column 6: a second `: ` in one line; put the value in quotes"),
        ("a: 1\n---\nb: 2", "line 2, column 1: the file must hold one document"),
    ])
    func `malformed YAML stops with its position`(yaml: String, problem: String) throws {
        let message = try self.message(yaml: yaml, code: .malformedFile) { _ in }
        #expect(message == "FILE, " + problem)
    }

    @Test func `a file that is no text or far too large is refused`() throws {
        let large = String(repeating: "# padding\n", count: 110_000)
        #expect(try self.message(yaml: large, code: .unreadableFile) { _ in }.hasSuffix("is larger than 1048576 bytes"))
        let deep = (0..<40).map { String(repeating: " ", count: $0) + "k:" }.joined(separator: "\n")
        #expect(try self.message(yaml: deep, code: .malformedFile) { _ in }.contains("more than 16 levels deep"))
    }

    @Test func `a key nobody reads is refused with the name it was meant to have`() throws {
        let yaml = """
            risk:
              maxPositonValue: 1000
              max_open_trades: 3
            colour: red
            """
        let message = try self.message(yaml: yaml, code: .unknownKey) { (settings: Settings) throws in
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
        let settings = try self.settings(yaml: "risk:\n  maxOpenTrades: 3\nstrategy:\n  mean:\n    bars: 20")
        #expect(settings.unknownKeys() == ["risk.maxOpenTrades", "strategy.mean.bars"])
        settings.declare(["risk.maxOpenTrades", "strategy.*"])
        try settings.refuseUnknownKeys()
    }

    @Test func `a misspelt variable of Quintet's own families is refused with the name it was meant to have`() throws {
        let environment = [
            "RISK_MAX_POSITON_VALUE": "500", "STRATEGY_PARAMS": "bars=20", "APCA_API_BASEURL": "https://x",
            "QUINTET_CONFG": "quintet.yaml", "RISK_CASH_RESERVE": "0.4", "RISK_CASH_RESERV": "",
        ]
        let message = try self.message(environment, yaml: "colour: red", code: .unknownKey) { (settings: Settings) in
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
        // What Kubernetes gives each container for a Service.
        "STRATEGY_AGENT_SERVICE_HOST", "STRATEGY_AGENT_SERVICE_PORT", "STRATEGY_AGENT_SERVICE_PORT_HTTP",
        "STRATEGY_AGENT_PORT", "RISK_MANAGEMENT_AGENT_PORT_8083_TCP", "ORDER_EXECUTION_AGENT_PORT_8084_TCP_PROTO",
        "ORDER_EXECUTION_AGENT_PORT_8084_TCP_PORT", "ORDER_EXECUTION_AGENT_PORT_53_UDP_ADDR",
        // What belongs to others.
        "HTTP_PROXY", "REDIS_URI", "LOG_DIR", "AGENT_NAME", "APCA_RETRY_MAX", "APCA_API_VERSION", "QUINTET_HOME",
        "SYMBOL",
    ])
    func `variables that others set stop nothing`(name: String) throws {
        let settings = try self.settings([name: "x", "APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s"])
        _ = try AlpacaSettings(settings)
        _ = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        settings.declare(["strategy.parameters", "risk.maxDrawdown", "order.partialFillSeconds", "symbols"])
        try settings.refuseUnknownKeys()
    }

    // MARK: Settings structs

    @Test func `the common settings have their documented defaults`() throws {
        let settings = try self.settings()
        let common = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        #expect(common.redisURL == "redis://127.0.0.1:6379")
        #expect(common.namespace == "quintet")
        #expect(common.instance == "strategy-agent-1")
        #expect(common.httpHost == "127.0.0.1")
        #expect(common.httpPort == 8082)
        #expect(common.logLevel == .info)
        #expect(common.logFormat == nil)
        #expect(common.pidFile == nil)
    }

    @Test func `the common settings are read under their documented names`() throws {
        let environment = [
            "REDIS_URL": "unix:///run/redis.sock", "QUINTET_NAMESPACE": "paper", "AGENT_INSTANCE": "b-2",
            "HTTP_HOST": "0.0.0.0", "HTTP_PORT": "0", "LOG_LEVEL": "trace", "LOG_FORMAT": "json",
            "PID_FILE": "/run/agent.pid",
        ]
        let settings = try self.settings(environment)
        let common = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        #expect(common.redisURL == "unix:///run/redis.sock")
        #expect(common.namespace == "paper")
        #expect(common.instance == "b-2")
        #expect(common.httpHost == "0.0.0.0")
        #expect(common.httpPort == 0)
        #expect(common.logLevel == .trace)
        #expect(common.logFormat == .json)
        #expect(common.pidFile == "/run/agent.pid")
    }

    @Test(arguments: [
        ("HTTP_PORT", "65536"), ("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml"), ("REDIS_URL", "localhost:6379"),
        ("QUINTET_NAMESPACE", "{quintet}"), ("AGENT_INSTANCE", "a b"),
    ])
    func `a common setting that makes no sense is refused by name`(variable: String, value: String) throws {
        let message = try self.message([variable: value]) { (settings: Settings) throws in
            _ = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        }
        #expect(message.hasPrefix(variable + " ("))
    }

    @Test func `Alpaca's settings default to the paper account`() throws {
        let settings = try self.settings(["APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s"])
        let alpaca = try AlpacaSettings(settings)
        #expect(alpaca.keyID.exposed == "k")
        #expect(alpaca.secretKey.exposed == "s")
        #expect(alpaca.baseURL == "https://paper-api.alpaca.markets")
        #expect(alpaca.dataURL == "https://data.alpaca.markets")
        #expect(alpaca.streamURL == "wss://stream.data.alpaca.markets")
        #expect(alpaca.feed == .iex)
    }

    @Test func `Alpaca's URLs may end in their version and may lead to a simulator`() throws {
        let environment = [
            "APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s", "APCA_API_BASE_URL": "https://api.alpaca.markets/v2/",
            "APCA_API_DATA_URL": "http://127.0.0.1:9000", "APCA_API_STREAM_URL": "ws://127.0.0.1:9000",
            "APCA_API_FEED": "delayed_sip",
        ]
        let settings = try self.settings(environment)
        let alpaca = try AlpacaSettings(settings)
        #expect(alpaca.baseURL == "https://api.alpaca.markets")
        #expect(alpaca.dataURL == "http://127.0.0.1:9000")
        #expect(alpaca.streamURL == "ws://127.0.0.1:9000")
        #expect(alpaca.feed == .delayedSIP)
    }

    @Test(arguments: [
        ("APCA_API_BASE_URL", "http://api.alpaca.markets", "https"),
        ("APCA_API_STREAM_URL", "ws://stream.data.alpaca.markets", "wss"),
    ])
    func `keys never go to Alpaca unencrypted`(variable: String, url: String, scheme: String) throws {
        let environment = ["APCA_API_KEY_ID": "k", "APCA_API_SECRET_KEY": "s", variable: url]
        let message = try self.message(environment) { _ = try AlpacaSettings($0) }
        #expect(message.hasSuffix("keys must not travel unencrypted; start it with \(scheme)://"))
    }
}

/// Gone again with the object.
private final class TemporaryFile {
    let path: String

    init(_ content: String) throws {
        var template = Array("/tmp/quintet-configuration-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let bytes = Array(content.utf8)
        try #require(write(descriptor, bytes, bytes.count) == bytes.count)
    }

    deinit {
        unlink(self.path)
    }
}

extension String {
    /// With the name of the temporary file, if it has one, replaced.
    fileprivate func withTemporaryPath(as name: String) -> String {
        guard let start = self.firstRange(of: "/tmp/quintet-configuration-")?.lowerBound else { return self }
        let rest = self[start...].drop { $0.isLetter || $0.isNumber || $0 == "/" || $0 == "-" }
        return self[..<start] + name + rest
    }
}
