package import MessageBus
package import TradingCore

/// All that the agents' ledger says of a run.
package struct Ledger: Sendable {
    package struct Record: Hashable, Sendable {
        package var trade: Trade
        /// What the ledger compares a transition with.
        package var storedState: String
        package var history: [Transition]

        package init(trade: Trade, storedState: String, history: [Transition]) {
            self.trade = trade
            self.storedState = storedState
            self.history = history
        }
    }

    /// By trade id.
    package var records: [Record]
    /// Nil if no agent has read it from the broker.
    package var account: Account?
    /// Public events, not counting quotes.
    package var publishedMessages: Int64
    package var deadLetters: Int64
    /// The newest of the dead letters, oldest first, at most 20.
    package var lastDeadLetters: [DeadLetter]
    /// The strategy that made the newest scan; nil if there was none.
    package var strategy: String?
    /// Why the strategy wanted a position sold, by its exit signal.
    package var exitReasons: [MessageID: String]

    private static let deadLetterLimit = 20
    /// More than the agents keep of a stream.
    private static let exitSignalLimit = 100_000

    package init(
        records: [Record],
        account: Account?,
        publishedMessages: Int64,
        deadLetters: Int64,
        lastDeadLetters: [DeadLetter] = [],
        strategy: String? = nil,
        exitReasons: [MessageID: String] = [:]
    ) {
        self.records = records
        self.account = account
        self.publishedMessages = publishedMessages
        self.deadLetters = deadLetters
        self.lastDeadLetters = lastDeadLetters
        self.strategy = strategy
        self.exitReasons = exitReasons
    }

    /// - Throws: `MessageBusError`, and `CommandFailure` for a document that is not what it should be.
    package init(reading bus: any MessageBus) throws {
        self.records = []
        for id in try bus.members(of: "trades").sorted() {
            let key = DocumentKey(rawValue: "\(Trade.keyPrefix)\(id)")
            guard let document = try bus.load([key])[0] else {
                throw CommandFailure(.failed, "The ledger lists the trade \(id) and has no record of it.")
            }
            let history = try bus.history(of: key)
            self.records.append(
                Record(
                    trade: try Self.decode(document.body, "the record of the trade \(id)"),
                    storedState: document.state,
                    history: try history.map { try Self.decode($0, "the history of the trade \(id)") }
                )
            )
        }
        self.account = try bus.load([Account.key])[0].map { try Self.decode($0.body, "the account") }
        self.publishedMessages = 0
        for event in EventName.allCases where !event.isPrivate {
            self.publishedMessages += try bus.appendedCount(of: event.stream)
        }
        self.deadLetters = try bus.appendedCount(of: .deadLetter)
        self.lastDeadLetters = try bus.tail(of: .deadLetter, limit: Self.deadLetterLimit).map { DeadLetter($0.body) }
        self.exitReasons = [:]
        // What cannot be decoded on either stream is among the dead letters.
        for (_, body) in try bus.tail(of: EventName.exitSignal.stream, limit: Self.exitSignalLimit) {
            if let message = try? Message(decoding: body), case .exitSignal(let signal) = message.body {
                self.exitReasons[message.id] = signal.reason
            }
        }
        for (_, body) in try bus.tail(of: EventName.scanStarted.stream, limit: 1) {
            if let message = try? Message(decoding: body), case .scanStarted(let scan) = message.body {
                self.strategy = scan.strategy
            }
        }
    }

    private static func decode<Value: JSONDecodable>(_ bytes: [UInt8], _ what: String) throws -> Value {
        do {
            return try Value(json: try JSONValue(parsing: bytes))
        } catch {
            throw CommandFailure(.failed, "The ledger's JSON of \(what) cannot be read: \(error).")
        }
    }
}
