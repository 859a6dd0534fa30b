import Telemetry
import TradingCore

/// The spans of one decision: in each trace that it carries on, one for the handling, below it one for each message sent.
///
/// Ids follow from what is handled and said, and the journal's entry is committed together with it. So whatever dies in
/// between, a span that others name as their parent is there, once. What follows from the entry is not written into it:
/// whoever reads it makes the spans.
struct DecisionTrace {
    /// The agent's name.
    private let source: String
    /// What was handled; nil where it was no message.
    private let cause: MessageHead?
    private let trades: [(trade: Trade, steps: [Transition])]
    private let messages: [Message]

    init(of decision: Decision, on input: Input, by agent: AgentName) {
        self.trades = decision.trades
        self.messages = decision.messages.filter { MessageHead($0).isTold }
        self.cause = if case .message(let message) = input { MessageHead(message) } else { nil }
        self.source = agent.rawValue
    }

    init(of entry: JournalEntry) throws(JSONError) {
        self.trades = try entry.documents.map { document throws(JSONError) in
            (try document.trade, try document.transitions)
        }
        self.messages = try entry.messages.map { text throws(JSONError) in try Message(decoding: text.bytes) }
            .filter { MessageHead($0).isTold }
        self.cause = entry.cause
        self.source = entry.source
    }

    /// Whether this belongs to the story of a trade, or is news for everybody. Looking at the clock every few seconds is
    /// neither.
    var isWorthTelling: Bool { !self.trades.isEmpty || !self.messages.isEmpty }

    /// - Parameters:
    ///   - steps: what the judgement has timed itself; they go below the first trace's handling.
    ///   - end: by the wall clock.
    func spans(of handling: JournalEntry.Handling, until end: Timestamp, steps: [TraceSpan]) -> [TraceSpan] {
        var spans: [TraceSpan] = []
        for (index, traceID) in self.traceIDs.enumerated() {
            let span = self.span(of: handling, until: end, in: traceID)
            spans.append(span)
            if index == 0 { spans += steps.map { $0.below(span.id, in: traceID) } }
            spans += self.messages.filter { $0.traceID == traceID }.map { Self.sending($0, at: end, below: span.id) }
        }
        return spans
    }

    /// The trade's, or the message's; nil where neither is.
    var logScope: LogScope? {
        let trade = self.trades.first?.trade
        guard let traceID = trade?.traceID ?? self.cause?.traceID else { return nil }
        return LogScope(
            traceID: traceID,
            spanID: self.isWorthTelling ? self.handlingID(traceID) : nil,
            tradeID: trade?.id ?? self.cause?.tradeID
        )
    }

    /// In the order in which they come up.
    private var traceIDs: [TraceID] {
        var seen: Set<TraceID> = []
        return (self.trades.map(\.trade.traceID) + self.messages.map(\.traceID))
            .filter { seen.insert($0).inserted }
    }

    private func span(
        of handling: JournalEntry.Handling,
        until end: Timestamp,
        in traceID: TraceID
    ) -> TraceSpan {
        var span = TraceSpan(
            handling.operation,
            self.cause == nil ? .internal : .consumer,
            traceID: traceID,
            id: self.handlingID(traceID),
            parent: self.parent(in: traceID),
            start: handling.startedAt,
            end: end
        )
        if let cause {
            span.attributes = cause.traceAttributes(operation: "process")
            if cause.traceID != traceID, cause.isTold {
                span.links = [.init(traceID: cause.traceID, spanID: SpanID(sending: cause.id))]
            }
        }
        if let (trade, steps) = self.trades.first(where: { $0.trade.traceID == traceID }) {
            span.attributes.merge(trade.traceAttributes) { $1 }
            span.events = steps.map { TraceSpan.Event("trade.transition", at: end, $0.traceAttributes) }
        }
        if let failure = handling.failure { span.fail("error", failure) }
        return span
    }

    private func handlingID(_ traceID: TraceID) -> SpanID {
        SpanID(derivedFrom: "handle", self.subject(traceID), self.source, traceID.rawValue)
    }

    private static func sending(_ message: Message, at time: Timestamp, below parent: SpanID) -> TraceSpan {
        var span = TraceSpan(
            OperationName.sending(message),
            .producer,
            traceID: message.traceID,
            id: SpanID(sending: message.id),
            parent: parent,
            start: time,
            end: time,
            attributes: MessageHead(message).traceAttributes(operation: "send")
        )
        if case .brokerCallRequested(let call) = message.body { span.attributes.merge(call.traceAttributes) { $1 } }
        return span
    }

    /// What the input's message was sent in, if that is in the same trace and was told. Else, such as after a quote, what
    /// the trade began with.
    private func parent(in traceID: TraceID) -> SpanID? {
        if let cause, cause.traceID == traceID, cause.isTold { return SpanID(sending: cause.id) }
        let trade =
            self.trades.first { $0.trade.traceID == traceID }?.trade.id
            ?? self.messages.first { $0.traceID == traceID }?.tradeID
        return trade.map { SpanID(sending: Speaker.id(.candidateFound, trade: $0)) }
    }

    /// Sets this handling apart from every other of the agent's in the trace.
    private func subject(_ traceID: TraceID) -> String {
        if let cause { return cause.id.rawValue }
        if let first = self.messages.first(where: { $0.traceID == traceID }) { return first.id.rawValue }
        return self.trades.first { $0.trade.traceID == traceID }?.steps.last?.messageID.rawValue ?? ""
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
