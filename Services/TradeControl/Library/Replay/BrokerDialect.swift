/// Whose wire protocol the agents of a replay speak with the simulator.
package enum BrokerDialect: String, Hashable, Sendable, CaseIterable {
    case alpaca
    case schwab
}
