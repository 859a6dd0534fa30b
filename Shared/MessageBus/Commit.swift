package import TradingCore

/// The input a commit acknowledges.
package struct Acknowledgement: Hashable, Sendable {
    package var stream: StreamName
    package var group: String
    package var id: String

    package init(stream: StreamName, group: String, id: String) {
        self.stream = stream
        self.group = group
        self.id = id
    }
}

/// A compare-and-set: written only if the document still has the version and state the writer saw.
package struct DocumentWrite: Hashable, Sendable {
    package var key: DocumentKey
    /// 0: the document must not exist yet.
    package var expectedVersion: Int64
    /// Must equal the stored state; ignored when `expectedVersion` is 0.
    package var expectedState: String
    package var state: String
    package var body: [UInt8]
    /// Entries appended, in order, to the document's own append-only history list.
    package var history: [[UInt8]]

    package init(
        key: DocumentKey,
        expectedVersion: Int64,
        expectedState: String,
        state: String,
        body: [UInt8],
        history: [[UInt8]] = []
    ) {
        self.key = key
        self.expectedVersion = expectedVersion
        self.expectedState = expectedState
        self.state = state
        self.body = body
        self.history = history
    }

    /// As a judgement has decided it.
    package init(_ change: DocumentChange) {
        self.init(
            key: change.key,
            expectedVersion: change.expectedVersion,
            expectedState: change.expectedState,
            state: change.state,
            body: change.body,
            history: change.history.map { JSONWriter.bytes($0) }
        )
    }
}

/// An event to append to a stream.
package struct OutboundMessage: Hashable, Sendable {
    package var stream: StreamName
    /// The pub/sub channel the same bytes are published on in the same script; nil for private streams.
    package var channel: String?
    package var body: [UInt8]

    package init(stream: StreamName, channel: String?, body: [UInt8]) {
        self.stream = stream
        self.channel = channel
        self.body = body
    }

    /// An event or a request on its own stream, and on its channel if it is published.
    package init(_ message: Message) {
        self.init(
            stream: message.event.stream,
            channel: message.event.isPrivate ? nil : message.event.rawValue,
            body: message.encoded()
        )
    }
}

/// Everything one handled message changes, applied all or nothing.
package struct Commit: Sendable {
    package var acknowledge: Acknowledgement?
    package var writes: [DocumentWrite] = []
    /// Written whatever the stored version (which is raised by one); guarded by the `writes` beside them.
    package var puts: [(key: DocumentKey, body: [UInt8])] = []
    /// Documents that are to be gone, each with its history.
    package var deletes: [DocumentKey] = []
    /// Members to add to named sets (indexes over documents).
    package var additions: [(set: String, member: String)] = []
    package var messages: [OutboundMessage] = []

    package init() {}
}

package enum CommitOutcome: Hashable, Sendable {
    case committed
    /// The input had been acknowledged before: a redelivery of handled work. Nothing was changed.
    case alreadyAcknowledged
    /// This document is not what the writer saw. Nothing was changed; read again and decide again.
    case conflict(DocumentKey)
}
