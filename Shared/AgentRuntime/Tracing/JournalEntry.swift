package import MessageBus
package import TradingCore

/// One entry of the journal: what one commit has changed and said, by whom and in answer to what, with what a trace needs
/// beside that.
package struct JournalEntry {
    /// By the wall clock.
    package var recordedAt: Timestamp
    /// An agent, or `tradectl`.
    package var source: String
    /// The process, or the person.
    package var instance: String
    /// The message that was handled; nil where it was a quote, a poll or a broker's stream.
    package var cause: MessageHead?
    /// Nil where no judgement has taken a decision, or traces are off.
    package var handling: Handling?
    package var messages: [JSONText]
    package var documents: [Document]
    /// What does not follow from the rest: the steps of a decision, and calls to the broker.
    package var spans: [TraceSpan]

    /// How a decision was taken.
    package struct Handling: Hashable, Sendable {
        package var operation: String
        /// By the wall clock.
        package var startedAt: Timestamp
        /// What has gone wrong; nil if nothing has.
        package var failure: String?
    }

    /// A trade as the commit has left it, and the steps it has taken.
    package struct Document {
        package var key: DocumentKey
        package var version: Int64
        package var body: JSONText
        package var steps: [JSONText]

        package var trade: Trade {
            get throws(JSONError) { try Trade(json: try JSONValue(parsing: self.body.bytes)) }
        }

        /// The steps, oldest first.
        package var transitions: [Transition] {
            get throws(JSONError) {
                try self.steps.map { step throws(JSONError) in
                    try Transition(json: try JSONValue(parsing: step.bytes))
                }
            }
        }
    }

    /// What of this commit belongs into the journal.
    package init(
        _ commit: Commit,
        handling: Handling? = nil,
        spans: [TraceSpan] = [],
        causedBy cause: MessageHead? = nil,
        by source: String,
        instance: String,
        at recordedAt: Timestamp
    ) {
        self.recordedAt = recordedAt
        self.source = source
        self.instance = instance
        self.cause = cause
        self.handling = handling
        self.messages = commit.messages.map { JSONText($0.body) }
        self.documents = commit.writes.filter { $0.key.isTrade }.map { write in
            Document(
                key: write.key,
                version: write.expectedVersion + 1,
                body: JSONText(write.body),
                steps: write.history.map { JSONText($0) }
            )
        }
        self.spans = spans
    }

    package func message(on stream: StreamName) -> OutboundMessage {
        OutboundMessage(stream: stream, channel: nil, body: JSONWriter.bytes(self))
    }
}

extension JournalEntry: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.recordedAt = try object.value("recorded_at")
        self.source = try object.value("source")
        self.instance = try object.value("instance")
        self.cause = try object.optional("cause")
        self.handling = try object.optional("handling")
        self.messages = try object.value("messages", as: [JSONValue].self).map { JSONText(JSONWriter.bytes($0)) }
        self.documents = try object.value("documents")
        self.spans = try object.value("spans")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("recorded_at", self.recordedAt)
            $0.field("source", self.source)
            $0.field("instance", self.instance)
            $0.field("cause", self.cause)
            $0.field("handling", self.handling)
            $0.field("messages", self.messages)
            $0.field("documents", self.documents)
            $0.field("spans", self.spans)
        }
    }
}

extension JournalEntry {
    /// Every span that tells of this commit.
    package var allSpans: [TraceSpan] {
        get throws(JSONError) {
            guard let handling else { return self.spans }
            return try DecisionTrace(of: self).spans(of: handling, until: self.recordedAt, steps: self.spans)
        }
    }
}

extension JournalEntry.Handling: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.operation = try object.value("operation")
        self.startedAt = try object.value("started_at")
        self.failure = try object.optional("failure")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("operation", self.operation)
            $0.field("started_at", self.startedAt)
            $0.field("failure", self.failure)
        }
    }
}

extension JournalEntry.Document: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.key = DocumentKey(rawValue: try object.value("key"))
        self.version = try object.value("version")
        self.body = JSONText(JSONWriter.bytes(try object.value("body", as: JSONValue.self)))
        self.steps = try object.value("steps", as: [JSONValue].self).map { JSONText(JSONWriter.bytes($0)) }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("key", self.key.rawValue)
            $0.field("version", self.version)
            $0.field("body", self.body)
            $0.field("steps", self.steps)
        }
    }
}
