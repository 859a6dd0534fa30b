/// The five agents, by the names of their processes and consumer groups.
package enum AgentName: String, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    case marketData = "market-data-agent"
    case strategy = "strategy-agent"
    case riskManagement = "risk-management-agent"
    case orderExecution = "order-execution-agent"
    case positionManagement = "position-management-agent"

    package var description: String { self.rawValue }

    /// How the agent signs its messages.
    package var source: String {
        switch self {
        case .marketData: "MarketDataAgent"
        case .strategy: "StrategyAgent"
        case .riskManagement: "RiskManagementAgent"
        case .orderExecution: "OrderExecutionAgent"
        case .positionManagement: "PositionManagementAgent"
        }
    }

    /// The public events the agent works on.
    package var subscriptions: [EventName] {
        switch self {
        case .marketData: [.quoteRequested, .barsRequested, .statusRequested]
        case .strategy:
            [
                .barsReceived, .candidateFound, .marketStatus, .tradeRejected, .orderCancelled, .orderRejected,
                .positionOpened, .positionClosed,
            ]
        case .riskManagement: [.entrySignal, .marketStatus, .tradingHalted, .tradingResumed]
        case .orderExecution: [.tradeApproved, .targetHit, .stopHit, .positionUnprotected, .marketStatus]
        case .positionManagement: [.orderFilled, .orderCancelled, .orderRejected, .exitSignal]
        }
    }

    /// The broker lanes the agent's process works.
    package var lanes: [BrokerLane] {
        switch self {
        case .marketData: [.marketData]
        case .strategy: []
        case .riskManagement: [.account]
        case .orderExecution: [.entries, .protective, .account]
        case .positionManagement: [.protective]
        }
    }

    /// The private stream on which broker answers and requests of other agents arrive.
    package var inbox: StreamName { StreamName(rawValue: "inbox.\(self.rawValue)") }

    package func callStream(_ lane: BrokerLane) -> StreamName {
        StreamName(rawValue: "calls.\(self.rawValue).\(lane.rawValue)")
    }

    /// Every stream the agent's main loop reads.
    package var inputStreams: [StreamName] { self.subscriptions.map(\.stream) + [self.inbox] }

    /// Every stream on which this agent's group has to be done before the system has settled.
    package var allStreams: [StreamName] { self.inputStreams + self.lanes.map(self.callStream) }
}
