import TradingCore

/// What the steps of a trade are called in its trace.
enum OperationName {
    /// What an agent does about an input.
    static func handling(_ input: Input, by agent: AgentName) -> String {
        guard case .message(let message) = input else { return "\(Self.prefix(agent)).\(Self.source(of: input))" }
        return switch (agent, message.body) {
        case (.marketData, .brokerCallCompleted(let answer)): "market_data.\(Self.read(answer.call))"
        case (.strategy, .barsReceived): "strategy.scan_candidates"
        case (.strategy, .candidateFound): "strategy.evaluate_setup"
        case (.strategy, .marketStatus): "strategy.manage_positions"
        case (.riskManagement, .entrySignal): "risk.approve_trade"
        case (.riskManagement, .marketStatus): "risk.record_equity"
        case (.orderExecution, .tradeApproved): "order.submit"
        case (.orderExecution, .targetHit), (.orderExecution, .exitRequested), (.orderExecution, .positionUnprotected):
            "order.exit"
        case (.orderExecution, .stopHit): "order.close"
        case (.orderExecution, .brokerCallCompleted), (.orderExecution, .ordersMoved): "order.book"
        case (.positionManagement, .orderFilled): "position.track"
        case (.positionManagement, .exitSignal): "position.exit"
        case (.positionManagement, .brokerCallCompleted): "position.follow_stop"
        default: "\(Self.prefix(agent)).handle \(message.event.rawValue)"
        }
    }

    /// What a message is sent for: a call to the broker has the name of what it is to bring about.
    static func sending(_ message: Message) -> String {
        guard case .brokerCallRequested(let call) = message.body, let id = call.orders.first else {
            return "send \(message.event.rawValue)"
        }
        return switch (call.operation, id.role) {
        case (.place, .entry): "order.place_entry"
        case (.place, .stop): "position.set_stop"
        case (.place, .exit): "order.place_exit"
        case (.cancel, .stop): "position.lift_stop"
        case (.cancel, _): "order.cancel"
        default: "order.look"
        }
    }

    /// The real call, such as `alpaca_api.place_stop_order`.
    static func calling(_ call: BrokerCall, at broker: String) -> String {
        let action =
            switch call.operation {
            case .place(let terms): terms.clientOrderID.role == .stop ? "place_stop_order" : "place_order"
            case .cancel: "cancel_order"
            case .find: "get_order"
            default: Self.read(call)
            }
        return "\(broker)_api.\(action)"
    }

    private static func read(_ call: BrokerCall) -> String {
        switch call.operation {
        case .latestQuotes: "get_quotes"
        case .holdings: "get_positions"
        case .reconcile: "list_orders"
        default: "get_\(call.name)"
        }
    }

    private static func prefix(_ agent: AgentName) -> String {
        switch agent {
        case .marketData: "market_data"
        case .strategy: "strategy"
        case .riskManagement: "risk"
        case .orderExecution: "order"
        case .positionManagement: "position"
        }
    }

    private static func source(of input: Input) -> String {
        switch input {
        case .started: "start"
        case .quote: "watch_quote"
        case .feed: "hear_broker"
        case .poll: "poll"
        case .login, .unprotected: "watch"
        case .message: "handle"
        }
    }
}
