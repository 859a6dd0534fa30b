/// One message in its envelope: what happened, when in market time, to which trade, and what caused it.
package struct Message: Hashable, Sendable {
    package static let schemaVersion = 1

    /// Market time; simulated in a replay.
    package var timestamp: Timestamp
    /// The same for every event of one trade.
    package var traceID: TraceID
    package var body: MessageBody
    /// Who says it, such as `StrategyAgent`.
    package var source: String
    /// Groups what came of one cause, such as one completed bar.
    package var correlationID: String
    package var tradeID: TradeID?
    package var id: MessageID
    /// The message this one answers or follows from.
    package var causationID: MessageID?

    package init(
        timestamp: Timestamp,
        traceID: TraceID,
        body: MessageBody,
        source: String,
        correlationID: String,
        tradeID: TradeID?,
        id: MessageID,
        causationID: MessageID?
    ) {
        self.timestamp = timestamp
        self.traceID = traceID
        self.body = body
        self.source = source
        self.correlationID = correlationID
        self.tradeID = tradeID
        self.id = id
        self.causationID = causationID
    }

    package var event: EventName { self.body.event }

    /// How an operator's tool signs.
    package static let operatorSource = "tradectl"

    /// Whether an operator has said it. Good for words alone: whoever may write to the stream may sign as anybody.
    package var isOperators: Bool { self.source == Self.operatorSource }
}

extension Message {
    /// The envelope as it goes over the wire.
    package func encoded() -> [UInt8] {
        var writer = JSONWriter(capacity: 1024)
        writer.object { writer in
            writer.field("event", self.event.rawValue)
            writer.field("timestamp", self.timestamp)
            writer.field("trace_id", self.traceID)
            writer.field("data", self.body)
            writer.object("metadata") { writer in
                writer.field("source", self.source)
                writer.field("correlation_id", self.correlationID)
                writer.field("trade_id", self.tradeID)
                writer.field("message_id", self.id)
                writer.field("causation_id", self.causationID)
                writer.field("schema_version", Self.schemaVersion)
                writer.field("traceparent", "\(self.traceParent)")
            }
        }
        return writer.bytes
    }

    /// The span in which it is sent; the same on every redelivery.
    package var traceParent: TraceParent { TraceParent(traceID: self.traceID, spanID: SpanID(sending: self.id)) }

    /// Reads an envelope. Older spellings of event names are understood; members this version does not know are
    /// passed over. Throws `JSONError` with the path of what is wrong.
    package init(decoding bytes: [UInt8]) throws(JSONError) {
        let object = try JSONObject(try JSONValue(parsing: bytes))
        let name: String = try object.value("event")
        guard let event = EventName(spelling: name) else {
            throw JSONError("\"\(name.prefix(64))\" is no event this system knows").inside("event")
        }
        self.timestamp = try object.value("timestamp")
        self.traceID = try object.value("trace_id")
        // The version first: the data of another version need not make sense to this one.
        do throws(JSONError) {
            let metadata = try JSONObject(try object.value("metadata"))
            let version: Int = try metadata.value("schema_version")
            guard version == Self.schemaVersion else {
                throw JSONError("version \(version) is not understood, only \(Self.schemaVersion)")
                    .inside("schema_version")
            }
            self.source = try metadata.value("source")
            self.correlationID = try metadata.value("correlation_id")
            self.tradeID = try metadata.optional("trade_id")
            self.id = try metadata.value("message_id")
            self.causationID = try metadata.optional("causation_id")
        } catch {
            throw error.path.first == "metadata" ? error : error.inside("metadata")
        }
        do throws(JSONError) {
            self.body = try MessageBody(event, json: try object.value("data"))
        } catch {
            throw error.path.first == "data" ? error : error.inside("data")
        }
    }
}

extension Message {
    /// The trade this message is about. Throws when the sender left it out.
    package var requiredTradeID: TradeID {
        get throws(JSONError) {
            guard let id = self.tradeID else { throw JSONError("is missing").inside("trade_id").inside("metadata") }
            return id
        }
    }
}
