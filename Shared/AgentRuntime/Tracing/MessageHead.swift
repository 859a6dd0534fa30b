package import TradingCore

/// What a trace has to know of a message: everything but what it says.
package struct MessageHead: Hashable, Sendable {
    package var id: MessageID
    package var event: EventName
    /// As the message has it.
    package var source: String
    package var traceID: TraceID
    package var tradeID: TradeID?
    /// Market time.
    package var timestamp: Timestamp

    package init(_ message: Message) {
        self.id = message.id
        self.event = message.event
        self.source = message.source
        self.traceID = message.traceID
        self.tradeID = message.tradeID
        self.timestamp = message.timestamp
    }

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

extension MessageHead: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.id = try object.value("message_id")
        let name: String = try object.value("event")
        guard let event = EventName(spelling: name) else {
            throw JSONError("\"\(name.prefix(64))\" is no event").inside("event")
        }
        self.event = event
        self.source = try object.value("source")
        self.traceID = try object.value("trace_id")
        self.tradeID = try object.optional("trade_id")
        self.timestamp = try object.value("timestamp")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("message_id", self.id)
            $0.field("event", self.event.rawValue)
            $0.field("source", self.source)
            $0.field("trace_id", self.traceID)
            $0.field("trade_id", self.tradeID)
            $0.field("timestamp", self.timestamp)
        }
    }
}
