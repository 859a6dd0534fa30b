import AgentRuntime
import MessageBus
import TestSupport
import Testing

/// How every process is told of Redis: the address, who logs in, and TLS.
@Suite struct RedisSettingsTests {
    private func endpoint(_ environment: [String: String], yaml: String? = nil) throws -> RedisEndpoint {
        let settings = try SettingsFixture.settings(environment, yaml: yaml)
        let endpoint = try RedisEndpoint(settings)
        try settings.refuseUnknownKeys()
        return endpoint
    }

    @Test func `user, password and files come from the environment or the file`() throws {
        let certificates = try TestCertificates()
        let folder = try TemporaryFolder()
        let password = try folder.write("hunter2\n", to: "password")
        let tls = RedisTLS(
            authoritiesFile: certificates.authority,
            certificateFile: certificates.valid,
            keyFile: certificates.key
        )
        let told = try self.endpoint([
            "REDIS_URL": "rediss://strategy-agent@cache:6380/2", "REDIS_PASSWORD_FILE": password,
            "REDIS_CA_FILE": certificates.authority, "REDIS_CERTIFICATE_FILE": certificates.valid,
            "REDIS_KEY_FILE": certificates.key,
        ])
        let expected = RedisEndpoint(
            address: .tcp(host: "cache", port: 6_380),
            user: "strategy-agent",
            password: "hunter2",
            database: 2,
            tls: tls
        )
        #expect(told == expected)
        let written = try self.endpoint(
            [:],
            yaml: """
                redis:
                  url: rediss://strategy-agent@cache:6380/2
                  passwordFile: \(password)
                  caFile: \(certificates.authority)
                  certificateFile: \(certificates.valid)
                  keyFile: \(certificates.key)
                """
        )
        #expect(written == expected)
        #expect(try self.endpoint(["REDIS_URL": "rediss://cache"]).tls == RedisTLS())
    }

    @Test func `what does not fit together is refused by name`() throws {
        let certificates = try TestCertificates()
        let plain = "redis://cache"
        let secure = "rediss://cache"
        let cases: [([String: String], ConfigurationError.Code, String, String)] = [
            (
                ["REDIS_URL": plain, "REDIS_CA_FILE": certificates.authority], .conflict,
                "REDIS_CA_FILE (redis.caFile)",
                "rediss://"
            ),
            (
                ["REDIS_URL": "unix:///run/redis", "REDIS_KEY_FILE": certificates.key], .conflict, "REDIS_KEY_FILE",
                "rediss://"
            ),
            (
                ["REDIS_URL": secure, "REDIS_CERTIFICATE_FILE": certificates.valid], .conflict,
                "REDIS_CERTIFICATE_FILE",
                "REDIS_KEY_FILE"
            ),
            (
                ["REDIS_URL": secure, "REDIS_KEY_FILE": certificates.key], .conflict, "REDIS_KEY_FILE",
                "REDIS_CERTIFICATE_FILE"
            ),
            (["REDIS_URL": secure, "REDIS_CA_FILE": "/nowhere"], .unreadableFile, "REDIS_CA_FILE", "/nowhere"),
            (
                ["REDIS_URL": secure, "REDIS_CA_FILE": certificates.key], .unreadableFile, "REDIS_CA_FILE",
                "holds no certificate"
            ),
            (["REDIS_URL": "redis://strategy-agent@cache"], .malformed, "REDIS_URL", "no password"),
            (
                ["REDIS_URL": "redis://:hunter2@cache", "REDIS_PASSWORD": "hunter2"], .malformed, "REDIS_URL",
                "keep one"
            ),
        ]
        for (environment, code, name, reason) in cases {
            let message = try SettingsFixture.message(environment, code: code) { (settings: Settings) throws in
                _ = try RedisEndpoint(settings)
            }
            #expect(message.hasPrefix(name) && message.contains(reason), "\(message)")
            #expect(!message.contains("hunter2"))
        }
    }
}
