package import TradingCore

/// The durable bus and the ledger behind it: Redis in production, `InMemoryMessageBus` in tests and simulations.
///
/// An instance belongs to one thread; other threads wake it through its `wakeSignal`, which is `Sendable`. Every method
/// but `wake()` throws `MessageBusError`. After `.unreachable` the next call connects anew and renews subscriptions, but
/// its owner has to read `pending` again: what was on its way to a `receive` is found there, and published messages may
/// have been missed.
package protocol MessageBus: AnyObject, RateLedger {
    /// Creates the group at the beginning of the stream (and the stream, if need be) unless it exists.
    func createGroup(_ group: String, on stream: StreamName) throws

    /// What was delivered to this consumer and never acknowledged, oldest first, at most `limit` entries a stream. Each
    /// call counts as a delivery.
    func pending(group: String, consumer: String, streams: [StreamName], limit: Int) throws -> [Delivery]

    /// Takes over what other consumers of the group left unacknowledged for at least `idle`.
    func claim(
        group: String,
        consumer: String,
        streams: [StreamName],
        idle: Duration,
        limit: Int
    ) throws -> [Delivery]

    /// The consumer still works on these: for `claim` their time of idling begins anew, and their deliveries are counted
    /// from 0 again, since nobody died of them. Is no delivery.
    func keep(_ deliveries: [Delivery], group: String, consumer: String) throws

    /// Forgets the group's consumers that have asked for nothing for `silence` and owe nothing. One that comes back is a
    /// consumer again with its first question.
    func removeConsumers(of group: String, on streams: [StreamName], silentFor silence: Duration) throws

    /// Waits until a new message, a published message or a wake-up arrives, or `timeout` has passed; a `timeout` of
    /// zero returns what there is. At most `limit` messages a stream. Empty `streams` waits for the other two only.
    ///
    /// A call with other arguments than the one before may still return what the earlier one had asked for.
    func receive(
        group: String,
        consumer: String,
        streams: [StreamName],
        limit: Int,
        timeout: Duration
    ) throws -> Reception

    /// Ends a `receive` that is waiting, or the next one, from any thread.
    var wakeSignal: WakeSignal { get }
    func wake()

    /// Published messages on these channels are returned by `receive` from now on, across reconnects.
    func subscribe(to channels: [String]) throws

    /// Gives the ledger this id, unless it has one. Returns the one that it has for good.
    func beginLedger(_ id: String) throws -> String

    /// The documents in the order asked for, nil where there is none, and one with a fault where there is something else.
    func load(_ keys: [DocumentKey]) throws -> [StoredDocument?]
    func history(of key: DocumentKey) throws -> [[UInt8]]
    /// In ascending order.
    func members(of set: String) throws -> [String]

    func commit(_ commit: Commit) throws -> CommitOutcome

    /// Stores a quote as the document `key` with `version` (market time in microseconds) and publishes it, unless a
    /// newer one is stored. Returns whether it was taken.
    func publishQuote(key: DocumentKey, version: Int64, body: [UInt8], channel: String) throws -> Bool

    /// Names this consumer as one that has to see every latest quote. Idempotent.
    func registerQuoteConsumer(_ consumer: String) throws
    /// The consumer has dealt with quotes of this document up to `version`. Never moves backwards.
    func advanceQuoteCursor(of consumer: String, key: DocumentKey, version: Int64) throws
    /// All stored quotes, by key in ascending order.
    func quotes() throws -> [(key: DocumentKey, document: StoredDocument)]

    /// True if `holder` has the lease now, for `duration` from now. The same holder may renew.
    func acquireLease(_ name: String, holder: String, for duration: Duration) throws -> Bool
    func releaseLease(_ name: String, holder: String) throws

    /// Settled when each of the groups exists, has nothing undelivered and nothing unacknowledged, and each
    /// registered quote consumer has dealt with every latest quote.
    func quiescence(of groups: [(stream: StreamName, group: String)]) throws -> Quiescence

    /// Drops old entries: keeps at least the newest `length` and every entry that one of these groups has not
    /// acknowledged. Groups that are not there, and others that are, keep nothing.
    func trim(_ stream: StreamName, keeping length: Int, unacknowledgedBy groups: [String]) throws
    /// How many entries have ever been appended to the stream.
    func appendedCount(of stream: StreamName) throws -> Int64
    /// The newest entries of a stream, oldest first.
    func tail(of stream: StreamName, limit: Int) throws -> [(id: String, body: [UInt8])]
    /// The entries after the one with this id, from the beginning if it is nil, oldest first.
    func entries(of stream: StreamName, after id: String?, limit: Int) throws -> [(id: String, body: [UInt8])]
}

extension MessageBus {
    package func wake() { self.wakeSignal.wake() }
}

extension DocumentKey {
    /// Tells this ledger from every other. Is begun once (`MessageBus.beginLedger`) and never changed.
    package static let installation = DocumentKey(rawValue: "installation")
}
