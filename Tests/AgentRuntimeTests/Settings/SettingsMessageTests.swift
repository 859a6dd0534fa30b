import AgentRuntime
import Testing

/// What is said of a setting that cannot be taken.
@Suite struct SettingsMessageTests {
    private enum Side: String, CaseIterable {
        case long
        case short
    }

    @Test func `a malformed value names the key, the value and what was expected`() throws {
        let path = "risk.maxPositionValue"
        let variable = ["RISK_MAX_POSITION_VALUE": "10k"]
        #expect(
            try SettingsFixture.message(variable) { _ = try $0.decimalText(path, default: "1000") }
                == "RISK_MAX_POSITION_VALUE (risk.maxPositionValue): \"10k\" is not a number; "
                + "expected a decimal such as 1000"
        )
        #expect(
            try SettingsFixture.message(yaml: "\nrisk:\n  maxPositionValue: 10k") {
                _ = try $0.decimalText(path, default: "1000")
            }
                == "RISK_MAX_POSITION_VALUE (risk.maxPositionValue): \"10k\" is not a number; "
                + "expected a decimal such as 1000 (FILE, line 3)"
        )
        #expect(
            try SettingsFixture.message(variable) { _ = try $0.int(path, default: 1, in: 0...9) }.hasSuffix(
                "\"10k\" is not a whole number; expected a whole number from 0 to 9"
            )
        )
        #expect(
            try SettingsFixture.message(["RISK_MAX_POSITION_VALUE": "10"]) {
                _ = try $0.int(path, default: 1, in: 0...9)
            }
            .hasSuffix("\"10\" is out of range; expected a whole number from 0 to 9")
        )
        #expect(
            try SettingsFixture.message(variable) {
                _ = try $0.duration(path, default: .zero, in: .zero ... .seconds(60))
            }
            .hasSuffix(
                "\"10k\" is not a duration; expected a duration from 0s to 60s, such as 60s"
            )
        )
        #expect(
            try SettingsFixture.message(["RISK_MAX_POSITION_VALUE": "2m"]) {
                _ = try $0.duration(path, default: .zero, in: .zero ... .seconds(60))
            }.contains("\"2m\" is out of range")
        )
        #expect(
            try SettingsFixture.message(variable) { _ = try $0.bool(path, default: true) }.hasSuffix(
                "\"10k\" is neither true nor false; expected true or false"
            )
        )
        #expect(
            try SettingsFixture.message(variable) { _ = try $0.choice(path, default: Side.long) }.hasSuffix(
                "\"10k\" is not known; expected one of long, short"
            )
        )
        #expect(
            try SettingsFixture.message(["RISK_MAX_POSITION_VALUE": "a{b}"]) { _ = try $0.name(path, default: "x") }
                .hasSuffix(
                    "\"a{b}\" is not a plain name; expected 1 to 64 letters, digits, -, _ or ."
                )
        )
    }

    @Test(arguments: [
        (Duration.seconds(86_400), Duration.zero, Duration.seconds(518_400), "from 0s to 144h, such as 24h"),
        (.milliseconds(1500), .milliseconds(1), .seconds(90), "from 1ms to 90s, such as 1500ms"),
        (.seconds(300), .seconds(1), .seconds(5400), "from 1s to 90m, such as 5m"),
    ])
    func `durations are told as people write them`(
        usual: Duration,
        lower: Duration,
        upper: Duration,
        text: String
    ) throws {
        let message = try SettingsFixture.message(["A_WAIT": "8d"]) {
            _ = try $0.duration("a.wait", default: usual, in: lower...upper)
        }
        #expect(message == "A_WAIT (a.wait): \"8d\" is not a duration; expected a duration \(text)")
    }

    @Test func `a URL's password stays out of the message`() throws {
        #expect(
            try SettingsFixture.message(["REDIS_URL": "http://user:hunter2@cache:6379"]) {
                _ = try $0.url("redis.url", default: "", schemes: ["redis", "unix"])
            }
                == "REDIS_URL (redis.url): \"http://***@cache:6379\" is not such a URL; "
                + "expected a URL that starts with redis:// or unix://"
        )
    }

    @Test(arguments: ["1e3", "1,000", "+1", ".5", "1.", "-", "1.2.3", "0x10", "NaN", "١"])
    func `a decimal is plain digits`(text: String) throws {
        _ = try SettingsFixture.message(["A_PRICE": text]) { _ = try $0.decimalText("a.price", default: "1") }
    }

    @Test func `a list where one value belongs is refused`() throws {
        #expect(
            try SettingsFixture.message(yaml: "http:\n  port: [1, 2]") {
                _ = try $0.int("http.port", default: 1, in: 0...9)
            }
                == "HTTP_PORT (http.port): a list stands where a whole number from 0 to 9 was expected (FILE, line 2)"
        )
    }

    @Test func `a missing value says where to set it`() throws {
        #expect(
            try SettingsFixture.message(code: .missing) { _ = try $0.requiredString("account.number") }
                == "ACCOUNT_NUMBER (account.number) is not set; set the variable"
        )
        #expect(
            try SettingsFixture.message(yaml: "", code: .missing) { _ = try $0.requiredString("account.number") }
                == "ACCOUNT_NUMBER (account.number) is not set; set the variable or add account.number to FILE"
        )
        #expect(
            try SettingsFixture.message(code: .missing) { _ = try $0.secret("apca.api.secretKey") }
                == "APCA_API_SECRET_KEY (apca.api.secretKey) is not set; set the variable, "
                + "or name a file that holds it in APCA_API_SECRET_KEY_FILE"
        )
    }
}
