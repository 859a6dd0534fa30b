import HTTPTransport
import MessageBus
import TestSupport
import TradeControl
import TradingCore

/// Five agents, and the chain through them. Belongs to the main thread.
struct MeasuredAgents {
    /// In what the agents differ from what users run who set nothing.
    enum Variant: String, CaseIterable {
        case usual = "agents"
        /// The journal is written, spans are not.
        case untraced = "agents_untraced"
        /// Spans are to be sent to where nobody listens.
        case uncollected = "agents_uncollected"
        /// The agents reach Redis over TLS, and so do those that measure them.
        case overTLS = "agents_tls"

        var title: String {
            switch self {
            case .usual: "the agents"
            case .untraced: "the agents, traces off"
            case .uncollected: "the agents, collector unreachable"
            case .overTLS: "the agents over TLS"
            }
        }

        /// So that no variant sees another's messages.
        fileprivate var namespace: String { self == .usual ? "quintet" : self.rawValue }

        fileprivate func settings(_ redis: RedisServer) -> [String: String] {
            switch self {
            case .usual: [:]
            case .overTLS:
                [
                    "REDIS_URL": "rediss://127.0.0.1:\(redis.tlsPort ?? 0)",
                    "REDIS_CA_FILE": redis.endpoint.tls?.authoritiesFile ?? "",
                ]
            case .untraced: ["OTEL_TRACES_SAMPLER": "always_off"]
            case .uncollected: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"]
            }
        }
    }

    let variant: Variant
    let fleet: AgentFleet
    let chain: AgentChain

    /// `redis` has a port for TLS as well.
    init(_ variant: Variant, _ settings: ReplaySettings, redis: RedisServer, folder: String) throws {
        let directory = try RunDirectory("\(folder)/\(variant.rawValue)")
        try directory.clear()
        self.variant = variant
        let plain = RedisEndpoint(address: .tcp(host: "127.0.0.1", port: redis.port))
        self.chain = try AgentChain(variant == .overTLS ? redis.endpoint : plain, namespace: variant.namespace)
        try self.chain.openAccount()
        self.fleet = try AgentFleet(
            ReplayProcesses(settings, directory: directory, redisPort: redis.port),
            directory: directory,
            namespace: variant.namespace,
            settings: variant.settings(redis)
        )
        do {
            try self.chain.settle()
        } catch {
            self.fleet.stop()
            throw error
        }
    }
}
