import Glibc
package import Logging
package import MessageBus
package import Telemetry

/// What every process reads the same way.
///
/// | environment | file | default |
/// |---|---|---|
/// | `REDIS_URL` and others | `redis.url` and others | see `RedisEndpoint.init(_:)` |
/// | `QUINTET_NAMESPACE` | `quintet.namespace` | `quintet` |
/// | `AGENT_INSTANCE` | `agent.instance` | `<agent>-1`; `{hostname}` stands for the machine's own name |
/// | `HTTP_HOST` | `http.host` | `127.0.0.1` |
/// | `HTTP_PORT` | `http.port` | the agent's own; 0 takes any free port |
/// | `LOG_LEVEL` | `log.level` | `info` |
/// | `LOG_FORMAT` | `log.format` | `text` on a terminal, else `json` |
/// | `PID_FILE` | `pid.file` | none |
package struct CommonSettings: Sendable {
    package var redis: RedisEndpoint
    /// Comes first in every Redis key.
    package var namespace: String
    /// The stable consumer name: two processes of one agent need two, and a restarted process needs its old one.
    package var instance: String
    package var httpHost: String
    /// 0...65535.
    package var httpPort: Int
    package var logLevel: Logger.Level
    /// Nil chooses by what stderr is.
    package var logFormat: LogFormat?
    package var pidFile: String?

    package init(
        redis: RedisEndpoint = RedisEndpoint(address: .tcp(host: "127.0.0.1", port: 6_379)),
        namespace: String = "quintet",
        instance: String,
        httpHost: String = "127.0.0.1",
        httpPort: Int,
        logLevel: Logger.Level = .info,
        logFormat: LogFormat? = nil,
        pidFile: String? = nil
    ) {
        self.redis = redis
        self.namespace = namespace
        self.instance = instance
        self.httpHost = httpHost
        self.httpPort = httpPort
        self.logLevel = logLevel
        self.logFormat = logFormat
        self.pidFile = pidFile
    }

    /// - Parameters:
    ///   - agent: the executable's name, such as `strategy-agent`.
    ///   - defaultHTTPPort: used when `HTTP_PORT` is not set.
    package init(_ settings: Settings, agent: String, defaultHTTPPort: Int) throws(ConfigurationError) {
        self.init(
            redis: try RedisEndpoint(settings),
            namespace: try settings.name("quintet.namespace", default: "quintet"),
            instance: try Self.instance(settings, default: "\(agent)-1"),
            httpHost: try settings.string("http.host", default: "127.0.0.1"),
            httpPort: try settings.int("http.port", default: defaultHTTPPort, in: 0...65_535),
            logLevel: try settings.choice("log.level", default: .info),
            logFormat: try settings.optionalChoice("log.format"),
            pidFile: try settings.optionalString("pid.file")
        )
    }

    /// Replicas that are started from one description, as containers are, can have nothing else of their own.
    private static func instance(
        _ settings: Settings,
        default defaultInstance: String
    ) throws(ConfigurationError) -> String {
        let path = "agent.instance"
        guard try settings.optionalString(path) == "{hostname}" else {
            return try settings.name(path, default: defaultInstance)
        }
        var text = [CChar](repeating: 0, count: 256)
        gethostname(&text, text.count - 1)
        let hostname = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard Settings.isName(hostname) else {
            throw ConfigurationError(
                .malformed,
                "\(SettingsKey(path: path)) is {hostname}, and this machine is called \"\(hostname)\", which is no plain "
                    + "name of 1 to 64 letters, digits, -, _ or .; set another"
            )
        }
        return hostname
    }
}
