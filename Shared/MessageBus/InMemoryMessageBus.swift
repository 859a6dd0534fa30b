package import TradingCore

/// The bus and the ledger within one process, for tests and simulations: behaves like `RedisMessageBus`, except that
/// `receive` returns at once with what there is, whatever the timeout. Buses on the same store see the same messages.
package final class InMemoryMessageBus: MessageBus {
    package let wakeSignal = WakeSignal()
    /// As `RedisMessageBus.installation`.
    package var installation: String?
    private let store: InMemoryMessageStore
    private let subscriber: Int

    package init(store: InMemoryMessageStore) {
        self.store = store
        self.subscriber = store.withContents { $0.addSubscriber() }
    }

    deinit {
        self.store.withContents { $0.removeSubscriber(self.subscriber) }
    }

    package func createGroup(_ group: String, on stream: StreamName) throws {
        try self.adding { contents in
            if contents.streams[stream]?.groups[group] == nil {
                contents.streams[stream, default: InMemoryStream()].groups[group] = InMemoryGroup()
            }
        }
    }

    package func pending(group: String, consumer: String, streams: [StreamName], limit: Int) throws -> [Delivery] {
        try self.store.withContents { contents throws(MessageBusError) in
            var deliveries: [Delivery] = []
            for name in streams {
                deliveries += try contents.redeliver(name, group, to: consumer, limit) { $0.consumer == consumer }
            }
            deliveries.sortByAge()
            return deliveries
        }
    }

    package func claim(
        group: String,
        consumer: String,
        streams: [StreamName],
        idle: Duration,
        limit: Int
    ) throws -> [Delivery] {
        try self.store.withContents { contents throws(MessageBusError) in
            var deliveries: [Delivery] = []
            let latest = contents.now - idle
            for name in streams {
                deliveries += try contents.redeliver(name, group, to: consumer, limit) {
                    $0.consumer != consumer && $0.deliveredAt <= latest
                }
            }
            deliveries.sortByAge()
            return deliveries
        }
    }

    package func keep(_ deliveries: [Delivery], group: String, consumer: String) throws {
        try self.store.withContents { contents throws(MessageBusError) in
            for (stream, entries) in Dictionary(grouping: deliveries, by: \.stream) {
                try contents.keep(Set(entries.map(\.id)), of: stream, group, for: consumer)
            }
        }
    }

    /// A consumer that owes nothing is not remembered here.
    package func removeConsumers(of group: String, on streams: [StreamName], silentFor silence: Duration) throws {}

    package func receive(
        group: String,
        consumer: String,
        streams: [StreamName],
        limit: Int,
        timeout: Duration
    ) throws -> Reception {
        var reception = try self.store.withContents { contents throws(MessageBusError) in
            var reception = Reception(published: contents.takePublished(for: self.subscriber))
            for name in streams {
                reception.deliveries += try contents.deliver(name, group, to: consumer, limit)
            }
            reception.deliveries.sortByAge()
            return reception
        }
        reception.woken = self.wakeSignal.consume()
        return reception
    }

    package func subscribe(to channels: [String]) throws {
        self.store.withContents { $0.subscribe(self.subscriber, to: channels) }
    }

    package func beginLedger(_ id: String) throws -> String {
        self.store.withContents { contents in
            let new = StoredDocument(version: 1, state: "", body: Array(id.utf8))
            let document = contents.documents[.installation] ?? new
            contents.documents[.installation] = document
            return String(decoding: document.body, as: UTF8.self)
        }
    }

    package func load(_ keys: [DocumentKey]) throws -> [StoredDocument?] {
        self.store.withContents { contents in keys.map { contents.documents[$0] } }
    }

    package func history(of key: DocumentKey) throws -> [[UInt8]] {
        self.store.withContents { $0.histories[key] ?? [] }
    }

    package func members(of set: String) throws -> [String] {
        self.store.withContents { $0.sets[set] ?? [] }.sorted()
    }

    package func commit(_ commit: Commit) throws -> CommitOutcome {
        try self.adding { contents throws(MessageBusError) in try contents.commit(commit) }
    }

    package func publishQuote(key: DocumentKey, version: Int64, body: [UInt8], channel: String) throws -> Bool {
        try self.adding { contents in
            if let stored = contents.documents[key], stored.version > version { return false }
            contents.documents[key] = StoredDocument(version: version, state: "", body: body)
            contents.quoteVersions[key] = version
            contents.publish(body, on: channel)
            return true
        }
    }

    package func registerQuoteConsumer(_ consumer: String) throws {
        try self.adding { _ = $0.quoteConsumers.insert(consumer) }
    }

    package func advanceQuoteCursor(of consumer: String, key: DocumentKey, version: Int64) throws {
        try self.adding { contents in
            let reached = contents.quoteCursors[consumer]?[key] ?? Int64.min
            contents.quoteCursors[consumer, default: [:]][key] = max(reached, version)
        }
    }

    package func quotes() throws -> [(key: DocumentKey, document: StoredDocument)] {
        self.store.withContents { contents in
            contents.quoteVersions.keys.sorted { $0.rawValue < $1.rawValue }.compactMap { key in
                contents.documents[key].map { (key: key, document: $0) }
            }
        }
    }

    package func acquireLease(_ name: String, holder: String, for duration: Duration) throws -> Bool {
        try self.adding { contents in
            if let lease = contents.leases[name], lease.holder != holder, lease.end > contents.now { return false }
            contents.leases[name] = InMemoryContents.Lease(holder: holder, end: contents.now + duration)
            return true
        }
    }

    package func releaseLease(_ name: String, holder: String) throws {
        self.store.withContents { contents in
            if contents.leases[name]?.holder == holder { contents.leases[name] = nil }
        }
    }

    package func takeRequest(
        _ urgency: RequestUrgency,
        of budget: RateBudget,
        goesOn: Bool
    ) throws -> RateAnswer {
        self.store.withContents { contents in
            contents.rates[budget.id, default: InMemoryRateRecord()].take(
                urgency,
                of: budget,
                goesOn: goesOn,
                now: contents.now.microseconds
            )
        }
    }

    package func postNotice(_ notice: BrokerNotice, on budget: RateBudget, for duration: Duration) throws {
        self.store.withContents { contents in
            contents.rates[budget.id, default: InMemoryRateRecord()].post(
                notice,
                for: duration,
                now: contents.now.microseconds
            )
        }
    }

    package func endNotice(probe: Int64, on budget: RateBudget) throws {
        self.store.withContents { $0.rates[budget.id]?.end(probe: probe) }
    }

    package func quiescence(of groups: [(stream: StreamName, group: String)]) throws -> Quiescence {
        self.store.withContents { $0.quiescence(of: groups) }
    }

    package func trim(_ stream: StreamName, keeping length: Int, unacknowledgedBy groups: [String]) throws {
        self.store.withContents { $0.streams[stream]?.trim(keeping: length, unacknowledgedBy: groups) }
    }

    package func appendedCount(of stream: StreamName) throws -> Int64 {
        self.store.withContents { $0.streams[stream]?.appendedCount ?? 0 }
    }

    package func tail(of stream: StreamName, limit: Int) throws -> [(id: String, body: [UInt8])] {
        self.store.withContents { contents in
            (contents.streams[stream]?.entries ?? []).suffix(limit).map { (id: $0.id, body: $0.body) }
        }
    }

    package func entries(
        of stream: StreamName,
        after id: String?,
        limit: Int
    ) throws -> [(id: String, body: [UInt8])] {
        self.store.withContents { contents in
            let entries = contents.streams[stream]?.entries ?? []
            let start = id.flatMap { id in entries.firstIndex { $0.id == id } }.map { $0 + 1 } ?? 0
            return entries[start...].prefix(limit).map { (id: $0.id, body: $0.body) }
        }
    }

    /// Changes the ledger, if it is the one this bus belongs to.
    private func adding<R: Sendable>(
        _ change: (inout InMemoryContents) throws(MessageBusError) -> R
    ) throws(MessageBusError) -> R {
        try self.store.withContents { contents throws(MessageBusError) in
            if let installation, contents.documents[.installation]?.body != Array(installation.utf8) {
                throw .ledgerReplaced
            }
            return try change(&contents)
        }
    }
}
