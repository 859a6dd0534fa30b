import AgentRuntime
import Logging
import MessageBus
import Telemetry
import TestSupport
import Testing

/// The settings of every agent.
@Suite struct CommonSettingsTests {
    @Test func `the common settings have their documented defaults`() throws {
        let settings = try SettingsFixture.settings()
        let common = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        #expect(common.redis.description == "redis://127.0.0.1:6379/0")
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
        let settings = try SettingsFixture.settings(environment)
        let common = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        #expect(common.redis.description == "unix:///run/redis.sock")
        #expect(common.namespace == "paper")
        #expect(common.instance == "b-2")
        #expect(common.httpHost == "0.0.0.0")
        #expect(common.httpPort == 0)
        #expect(common.logLevel == .trace)
        #expect(common.logFormat == .json)
        #expect(common.pidFile == "/run/agent.pid")
    }

    @Test func `replicas started from one description are called by their machines' names`() throws {
        let settings = try SettingsFixture.settings(["AGENT_INSTANCE": "{hostname}"])
        let common = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        let hostname = try #require(Files.text("/proc/sys/kernel/hostname"))
        #expect(common.instance == hostname.split(separator: "\n").first.map(String.init))
    }

    @Test(arguments: [
        ("HTTP_PORT", "65536"), ("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml"), ("REDIS_URL", "localhost:6379"),
        ("QUINTET_NAMESPACE", "{quintet}"), ("AGENT_INSTANCE", "a b"), ("AGENT_INSTANCE", "{host}"),
    ])
    func `a common setting that makes no sense is refused by name`(variable: String, value: String) throws {
        let message = try SettingsFixture.message([variable: value]) { (settings: Settings) throws in
            _ = try CommonSettings(settings, agent: "strategy-agent", defaultHTTPPort: 8082)
        }
        #expect(message.hasPrefix(variable + " ("))
    }
}
