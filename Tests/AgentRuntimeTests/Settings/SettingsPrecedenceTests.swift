import AgentRuntime
import Glibc
import Testing

/// Which of its places a setting is taken from.
@Suite struct SettingsPrecedenceTests {
    @Test func `the environment goes before the file and the file before the default`() throws {
        let yaml = """
            risk:
              maxOpenTrades: 3   # per account
              stopDistance: 0.04
            """
        let settings = try SettingsFixture.settings(["RISK_MAX_OPEN_TRADES": "7"], yaml: yaml)
        #expect(try settings.int("risk.maxOpenTrades", default: 1, in: 1...100) == 7)
        #expect(try settings.decimalText("risk.stopDistance", default: "0.05") == "0.04")
        #expect(try settings.decimalText("risk.cashReserve", default: "0.5") == "0.5")
    }

    @Test func `an empty value counts as not set`() throws {
        let settings = try SettingsFixture.settings(["LOG_LEVEL": ""], yaml: "log:\n  level: debug")
        #expect(try settings.string("log.level", default: "info") == "debug")
    }

    @Test func `the process's own variables are read`() {
        setenv("QUINTET_TEST_VARIABLE", "a=b", 1)
        defer { unsetenv("QUINTET_TEST_VARIABLE") }
        #expect(Settings.processEnvironment()["QUINTET_TEST_VARIABLE"] == "a=b")
    }
}
