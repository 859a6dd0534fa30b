import Telemetry
package import TradingCore

/// The spans of one decision: in each trace that it carries on, one for the handling, below it one for each message sent.
///
/// Ids follow from what is handled and said, and the spans are committed together with it. So whatever dies in between, a
/// span that others name as their parent is there, once.
package struct DecisionTrace {
    private let agent: AgentName
    private let input: Input
    private let decision: Decision
    private let messages: [Message]
    private let start: Timestamp
    private let end: Timestamp

    package init(of decision: Decision, on input: Input, by agent: AgentName, from start: Timestamp, to end: Timestamp)
    {
        self.decision = decision
        self.messages = (decision.messages + decision.privateMessages.map(\.message)).filter(\.isTold)
        self.input = input
        self.agent = agent
        self.start = start
        self.end = end
    }

    /// Whether this belongs to the story of a trade, or is news for everybody. Looking at the clock every few seconds is
    /// neither.
    package var isWorthTelling: Bool { !self.decision.trades.isEmpty || !self.messages.isEmpty }

    /// - Parameter steps: what the judgement has timed itself; they go below the first trace's handling.
    package func spans(steps: [TraceSpan] = []) -> [TraceSpan] {
        var spans: [TraceSpan] = []
        for (index, traceID) in self.traceIDs.enumerated() {
            let handling = self.handling(traceID)
            spans.append(handling)
            if index == 0 { spans += steps.map { $0.below(handling.id, in: traceID) } }
            spans += self.messages.filter { $0.traceID == traceID }.map { self.sending($0, below: handling.id) }
        }
        return spans
    }

    /// The trade's, or the message's; nil where neither is.
    var logScope: LogScope? {
        let trade = self.decision.trades.first?.trade
        guard let traceID = trade?.traceID ?? self.message?.traceID else { return nil }
        return LogScope(
            traceID: traceID,
            spanID: self.isWorthTelling ? self.handlingID(traceID) : nil,
            tradeID: trade?.id ?? self.message?.tradeID
        )
    }

    /// In the order in which they come up.
    private var traceIDs: [TraceID] {
        var seen: Set<TraceID> = []
        return (self.decision.trades.map(\.trade.traceID) + self.messages.map(\.traceID))
            .filter { seen.insert($0).inserted }
    }

    private func handling(_ traceID: TraceID) -> TraceSpan {
        var span = TraceSpan(
            OperationName.handling(self.input, by: self.agent),
            self.message == nil ? .internal : .consumer,
            traceID: traceID,
            id: self.handlingID(traceID),
            parent: self.parent(in: traceID),
            start: self.start,
            end: self.end
        )
        if let message {
            span.attributes = message.traceAttributes(operation: "process")
            if message.traceID != traceID, message.isTold {
                span.links = [.init(traceID: message.traceID, spanID: SpanID(sending: message.id))]
            }
        }
        if let (trade, steps) = self.decision.trades.first(where: { $0.trade.traceID == traceID }) {
            span.attributes.merge(trade.traceAttributes) { $1 }
            span.events = steps.map { TraceSpan.Event("trade.transition", at: self.end, $0.traceAttributes) }
        }
        if let note = self.decision.notes.first(where: { $0.level == .error }) {
            span.fail("error", ([note.text] + [note.details["reason"]].compactMap(\.self)).joined(separator: ": "))
        }
        return span
    }

    private func handlingID(_ traceID: TraceID) -> SpanID {
        SpanID(derivedFrom: "handle", self.subject(traceID), self.agent.rawValue, traceID.rawValue)
    }

    private func sending(_ message: Message, below parent: SpanID) -> TraceSpan {
        var span = TraceSpan(
            OperationName.sending(message),
            .producer,
            traceID: message.traceID,
            id: SpanID(sending: message.id),
            parent: parent,
            start: self.end,
            end: self.end,
            attributes: message.traceAttributes(operation: "send")
        )
        if case .brokerCallRequested(let call) = message.body { span.attributes.merge(call.traceAttributes) { $1 } }
        return span
    }

    private var message: Message? {
        guard case .message(let message) = self.input else { return nil }
        return message
    }

    /// What the input's message was sent in, if that is in the same trace and was told. Else, such as after a quote, what
    /// the trade began with.
    private func parent(in traceID: TraceID) -> SpanID? {
        if let message, message.traceID == traceID, message.isTold { return SpanID(sending: message.id) }
        let trade =
            self.decision.trades.first { $0.trade.traceID == traceID }?.trade.id
            ?? self.messages.first { $0.traceID == traceID }?.tradeID
        return trade.map { SpanID(sending: Speaker.id(.candidateFound, trade: $0)) }
    }

    /// Sets this handling apart from every other of the agent's in the trace.
    private func subject(_ traceID: TraceID) -> String {
        if let message { return message.id.rawValue }
        if let first = self.messages.first(where: { $0.traceID == traceID }) { return first.id.rawValue }
        return self.decision.trades.first { $0.trade.traceID == traceID }?.steps.last?.messageID.rawValue ?? ""
    }
}

extension Message {
    /// Whether its sending has a span, as everybody's news and whatever is about a trade has.
    var isTold: Bool {
        (self.tradeID != nil || !self.event.isPrivate) && AgentName.allCases.contains { $0.source == self.source }
    }

    func traceAttributes(operation: String) -> [String: TraceSpan.AttributeValue] {
        var attributes: [String: TraceSpan.AttributeValue] = [
            "messaging.system": .text("redis"), "messaging.operation.type": .text(operation),
            "messaging.destination.name": .text(self.event.rawValue),
            "messaging.message.id": .text(self.id.rawValue), "market.time": .text(self.timestamp.description),
        ]
        if let tradeID { attributes["trade.id"] = .text(tradeID.rawValue) }
        return attributes
    }
}

extension Trade {
    fileprivate var traceAttributes: [String: TraceSpan.AttributeValue] {
        var attributes: [String: TraceSpan.AttributeValue] = [
            "trade.id": .text(self.id.rawValue), "trade.symbol": .text(self.symbol.rawValue),
            "trade.state": .text(self.state.rawValue), "trade.quantity": .text("\(self.quantity)"),
        ]
        if let plan { attributes["trade.entry_price"] = .text("\(plan.entryPrice)") }
        return attributes
    }
}

extension Transition {
    fileprivate var traceAttributes: [String: TraceSpan.AttributeValue] {
        [
            "trade.state.from": .text(self.from.rawValue), "trade.state.to": .text(self.to.rawValue),
            "trade.trigger": .text(self.trigger.rawValue), "market.time": .text(self.timestamp.description),
        ]
    }
}

extension BrokerCall {
    var traceAttributes: [String: TraceSpan.AttributeValue] {
        var attributes: [String: TraceSpan.AttributeValue] = ["broker.call": .text(self.name)]
        if let id = self.orders.first { attributes["order.id"] = .text(id.description) }
        if case .place(let terms) = self.operation {
            attributes["order.symbol"] = .text(terms.symbol.rawValue)
            attributes["order.quantity"] = .text("\(terms.quantity)")
            attributes["order.type"] = .text(terms.type.rawValue)
            attributes["order.side"] = .text(terms.side.rawValue)
        }
        return attributes
    }
}
