/// Makes one agent's messages. Ids come from what a message is about, never from chance or order of work, so that the
/// same step taken twice, or by another replica, says the same message.
package struct Speaker: Sendable {
    package let agent: AgentName

    package init(_ agent: AgentName) {
        self.agent = agent
    }

    /// A message about a trade. `about` sets apart several of one event in one trade, such as an order's id.
    package func say(
        _ body: MessageBody,
        trade: Trade,
        at timestamp: Timestamp,
        about: String = "",
        causedBy cause: Message? = nil
    ) -> Message {
        Message(
            timestamp: timestamp,
            traceID: trade.traceID,
            body: body,
            source: self.agent.source,
            correlationID: cause?.correlationID ?? trade.id.rawValue,
            tradeID: trade.id,
            id: Self.id(body.event, trade: trade.id, about: about),
            causationID: cause?.id
        )
    }

    /// A message about no trade.
    package func say(
        _ body: MessageBody,
        at timestamp: Timestamp,
        about: String,
        causedBy cause: Message? = nil
    ) -> Message {
        let id = MessageID(derivedFrom: body.event.rawValue, about)
        return Message(
            timestamp: timestamp,
            traceID: cause?.traceID ?? TraceID(of: id),
            body: body,
            source: self.agent.source,
            correlationID: cause?.correlationID ?? id.rawValue,
            tradeID: nil,
            id: id,
            causationID: cause?.id
        )
    }

    package static func id(_ event: EventName, trade: TradeID, about: String = "") -> MessageID {
        MessageID(derivedFrom: event.rawValue, trade.rawValue, about)
    }
}

extension TraceID {
    /// The trace of a message that belongs to no trade.
    init(of message: MessageID) {
        self.init(seed: "message", text: message.rawValue)
    }
}
