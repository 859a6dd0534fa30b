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

    /// What others ask of this agent alone.
    package var requests: [EventName] {
        self == .orderExecution ? [.exitRequested, .abortRequested, .ordersMoved] : []
    }

    /// The private stream on which the answers of the agent's own lanes arrive.
    package var inbox: StreamName { StreamName(rawValue: "inbox.\(self.rawValue)") }

    /// The private stream on which an operator gives the agent back what it had set aside.
    package var replays: StreamName { StreamName(rawValue: "replays.\(self.rawValue)") }

    package func callStream(_ lane: BrokerLane) -> StreamName {
        StreamName(rawValue: "calls.\(self.rawValue).\(lane.rawValue)")
    }

    /// Every stream the agent's main loop reads.
    package var inputStreams: [StreamName] {
        (self.subscriptions + self.requests).map(\.stream) + [self.inbox, self.replays]
    }

    /// Whether an event may come on one of the agent's input streams: on its own; the answer to a call in the inbox; and
    /// whatever an operator gives back. All else somebody has put where it does not belong, for who may write to a stream
    /// is what tells who has spoken.
    package func expects(_ event: EventName, on stream: StreamName) -> Bool {
        switch stream {
        case self.replays: true
        case self.inbox: event == .brokerCallCompleted
        default: event.stream == stream
        }
    }

    /// The agents whose groups a stream's messages are for.
    package static func readers(of stream: StreamName) -> [AgentName] {
        Self.allCases.filter { $0.allStreams.contains(stream) }
    }

    /// Every stream on which this agent's group has to be done before the system has settled.
    package var allStreams: [StreamName] { self.inputStreams + self.lanes.map(self.callStream) }
}
