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

        var title: String {
            switch self {
            case .usual: "the agents"
            case .untraced: "the agents, traces off"
            case .uncollected: "the agents, collector unreachable"
            }
        }

        /// So that no variant sees another's messages.
        fileprivate var namespace: String { self == .usual ? "quintet" : self.rawValue }

        fileprivate var settings: [String: String] {
            switch self {
            case .usual: [:]
            case .untraced: ["OTEL_TRACES_SAMPLER": "always_off"]
            case .uncollected: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"]
            }
        }
    }

    let variant: Variant
    let fleet: AgentFleet
    let chain: AgentChain

    init(_ variant: Variant, _ settings: ReplaySettings, redis: RedisServer, folder: String) throws {
        let directory = try RunDirectory("\(folder)/\(variant.rawValue)")
        try directory.clear()
        self.variant = variant
        self.chain = try AgentChain(redis.endpoint, namespace: variant.namespace)
        try self.chain.openAccount()
        self.fleet = try AgentFleet(
            ReplayProcesses(settings, directory: directory, redisPort: redis.port),
            directory: directory,
            namespace: variant.namespace,
            settings: variant.settings
        )
        do {
            try self.chain.settle()
        } catch {
            self.fleet.stop()
            throw error
        }
    }
}
