/// A compare-and-set of one document, as a judgement wants it.
package struct DocumentChange: Hashable, Sendable {
    package var key: DocumentKey
    package var expectedVersion: Int64
    package var expectedState: String
    package var state: String
    package var body: [UInt8]
    package var history: [Transition]
}

/// Something a person should read, beside what is done.
package struct Note: Hashable, Sendable {
    package enum Level: Hashable, Sendable { case info, warning, error }

    package var level: Level
    package var text: String
    package var details: [String: String]

    package init(_ level: Level, _ text: String, _ details: [String: String] = [:]) {
        self.level = level
        self.text = text
        self.details = details
    }
}

/// What a judgement wants done, all in one commit.
package struct Decision: Sendable {
    package private(set) var changes: [DocumentChange] = []
    package var puts: [(key: DocumentKey, body: [UInt8])] = []
    package var deletes: [DocumentKey] = []
    package var additions: [(set: String, member: String)] = []
    /// Events, requests to other agents, and calls to the agent's broker lanes, in order.
    package var messages: [Message] = []
    /// Quotes to publish before the commit.
    package var quotes: [Message] = []
    package var notes: [Note] = []
    /// The trades among the changed documents, as they are to be.
    package private(set) var trades: [(trade: Trade, steps: [Transition])] = []

    package init() {}

    /// The trade's index set: every trade there ever was.
    package static let tradesSet = "trades"

    package mutating func write(_ document: Versioned<some JSONEncodable & Sendable>) {
        self.write(document, state: "", history: [])
    }

    package mutating func write(_ trade: Versioned<Trade>, history: [Transition]) {
        self.write(trade, state: trade.value.state.rawValue, history: history)
        self.trades.append((trade.value, history))
        if trade.version == 0 { self.additions.append((Self.tradesSet, trade.value.id.rawValue)) }
    }

    private mutating func write(
        _ document: Versioned<some JSONEncodable & Sendable>,
        state: String,
        history: [Transition]
    ) {
        self.changes.append(
            DocumentChange(
                key: document.key,
                expectedVersion: document.version,
                expectedState: document.state,
                state: state,
                body: JSONWriter.bytes(document.value),
                history: history
            )
        )
    }
}
