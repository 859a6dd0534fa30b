package import MessageBus
package import TradingCore

/// One entry of the journal: what one commit has changed and said, by whom and in answer to what, with the spans that tell
/// of it.
package struct JournalEntry {
    /// By the wall clock.
    package var recordedAt: Timestamp
    /// An agent, or `tradectl`.
    package var source: String
    /// The process, or the person.
    package var instance: String
    /// The message that was handled; nil where it was a quote, a poll or a broker's stream.
    package var cause: MessageID?
    package var messages: [JSONText]
    package var documents: [Document]
    package var spans: [TraceSpan]

    /// A trade as the commit has left it, and the steps it has taken.
    package struct Document {
        package var key: DocumentKey
        package var version: Int64
        package var body: JSONText
        package var steps: [JSONText]
    }

    /// What of this commit belongs into the journal.
    package init(
        _ commit: Commit,
        spans: [TraceSpan] = [],
        causedBy cause: MessageID? = nil,
        by source: String,
        instance: String,
        at recordedAt: Timestamp
    ) {
        self.recordedAt = recordedAt
        self.source = source
        self.instance = instance
        self.cause = cause
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

    package var message: OutboundMessage {
        OutboundMessage(stream: .journal, channel: nil, body: JSONWriter.bytes(self))
    }
}

extension JournalEntry: JSONCodable {
    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.recordedAt = try object.value("recorded_at")
        self.source = try object.value("source")
        self.instance = try object.value("instance")
        self.cause = try object.optional("cause")
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
            $0.field("messages", self.messages)
            $0.field("documents", self.documents)
            $0.field("spans", self.spans)
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
