import Synchronization
import TradingCore

/// What `InMemoryMessageBus`es share: the part that is the server in production. May be used from any thread.
package final class InMemoryMessageStore: Sendable {
    private let contents = Mutex(InMemoryContents())
    private let now: @Sendable () -> Duration

    /// `now` is monotonic time since any fixed moment; leases and idle times are measured by it.
    package init(now: @escaping @Sendable () -> Duration) {
        self.now = now
    }

    package convenience init() {
        let start = ContinuousClock.now
        self.init(now: { start.duration(to: .now) })
    }

    /// Forgets everything stored, as a server does that loses its data.
    package func removeAll() {
        self.withContents { $0.removeAll() }
    }

    func withContents<R: Sendable, E>(_ body: (inout InMemoryContents) throws(E) -> R) throws(E) -> R {
        let now = self.now()
        return try self.contents.withLock { contents throws(E) in
            contents.now = now
            return try body(&contents)
        }
    }
}

struct InMemoryContents: Sendable {
    struct Lease {
        var holder: String
        var end: Duration
    }

    struct Subscriber {
        /// What a subscriber may leave unread; beyond it the oldest is dropped, as the newest counts.
        static let capacity = 10_000

        var channels: Set<String> = []
        var messages: [PublishedMessage] = []
    }

    /// Monotonic time of the current call.
    var now = Duration.zero
    var streams: [StreamName: InMemoryStream] = [:]
    var documents: [DocumentKey: StoredDocument] = [:]
    var histories: [DocumentKey: [[UInt8]]] = [:]
    var sets: [String: Set<String>] = [:]
    var leases: [String: Lease] = [:]
    /// By the budget's id.
    var rates: [String: InMemoryRateRecord] = [:]
    var quoteVersions: [DocumentKey: Int64] = [:]
    var quoteConsumers: Set<String> = []
    /// For each consumer how far it has got with each quote.
    var quoteCursors: [String: [DocumentKey: Int64]] = [:]
    private var subscribers: [Int: Subscriber] = [:]
    private var lastSubscriber = 0
    private var lastEntry: Int64 = 0

    mutating func addSubscriber() -> Int {
        self.lastSubscriber += 1
        self.subscribers[self.lastSubscriber] = Subscriber()
        return self.lastSubscriber
    }

    mutating func removeSubscriber(_ number: Int) {
        self.subscribers[number] = nil
    }

    mutating func subscribe(_ number: Int, to channels: [String]) {
        self.subscribers[number]?.channels.formUnion(channels)
    }

    mutating func removeAll() {
        self.streams = [:]
        self.documents = [:]
        self.histories = [:]
        self.sets = [:]
        self.leases = [:]
        self.rates = [:]
        self.quoteVersions = [:]
        self.quoteConsumers = []
        self.quoteCursors = [:]
    }

    mutating func takePublished(for number: Int) -> [PublishedMessage] {
        guard let messages = self.subscribers[number]?.messages, !messages.isEmpty else { return [] }
        self.subscribers[number]?.messages = []
        return messages
    }

    mutating func publish(_ body: [UInt8], on channel: String) {
        for number in self.subscribers.keys where self.subscribers[number]?.channels.contains(channel) == true {
            if let count = self.subscribers[number]?.messages.count, count >= Subscriber.capacity {
                self.subscribers[number]?.messages.removeFirst()
            }
            self.subscribers[number]?.messages.append(PublishedMessage(channel: channel, body: body))
        }
    }

    /// Hands entries nobody has seen yet to a consumer.
    mutating func deliver(
        _ name: StreamName,
        _ groupName: String,
        to consumer: String,
        _ limit: Int
    ) throws(MessageBusError) -> [Delivery] {
        var (stream, group) = try self.existing(name, groupName)
        let entries = stream.entries(after: group.lastDelivered, limit: limit)
        guard let last = entries.last else { return [] }
        group.lastDelivered = last.number
        for entry in entries {
            group.pending.append(
                .init(number: entry.number, consumer: consumer, deliveryCount: 1, deliveredAt: self.now)
            )
        }
        self.streams[name]?.groups[groupName] = group
        return entries.map { Delivery(stream: name, id: $0.id, deliveryCount: 1, body: $0.body) }
    }

    /// Hands unacknowledged entries that `isWanted` accepts to a consumer once more.
    mutating func redeliver(
        _ name: StreamName,
        _ groupName: String,
        to consumer: String,
        _ limit: Int,
        where isWanted: (InMemoryGroup.Pending) -> Bool
    ) throws(MessageBusError) -> [Delivery] {
        var (stream, group) = try self.existing(name, groupName)
        var deliveries: [Delivery] = []
        for index in group.pending.indices where isWanted(group.pending[index]) && deliveries.count < limit {
            group.pending[index].consumer = consumer
            group.pending[index].deliveryCount += 1
            group.pending[index].deliveredAt = self.now
            guard let entry = stream.entry(group.pending[index].number) else { continue }
            let count = group.pending[index].deliveryCount
            deliveries.append(Delivery(stream: name, id: entry.id, deliveryCount: count, body: entry.body))
        }
        self.streams[name]?.groups[groupName] = group
        return deliveries
    }

    mutating func keep(
        _ ids: Set<String>,
        of name: StreamName,
        _ groupName: String,
        for consumer: String
    ) throws(MessageBusError) {
        let (stream, existing) = try self.existing(name, groupName)
        var group = existing
        for index in group.pending.indices {
            guard let entry = stream.entry(group.pending[index].number), ids.contains(entry.id) else { continue }
            group.pending[index].consumer = consumer
            group.pending[index].deliveredAt = self.now
            group.pending[index].deliveryCount = 0
        }
        self.streams[name]?.groups[groupName] = group
    }

    private func existing(
        _ name: StreamName,
        _ groupName: String
    ) throws(MessageBusError) -> (InMemoryStream, InMemoryGroup) {
        guard let stream = self.streams[name], let group = stream.groups[groupName] else {
            throw MessageBusError(.refused, "No stream \(name) or no group \(groupName) on it: create the group first.")
        }
        return (stream, group)
    }

    mutating func commit(_ commit: Commit) throws(MessageBusError) -> CommitOutcome {
        if let input = commit.acknowledge {
            let (_, group) = try self.existing(input.stream, input.group)
            guard group.index(of: input.id) != nil else { return .alreadyAcknowledged }
        }
        for write in commit.writes {
            let stored = self.documents[write.key]
            guard stored?.version ?? 0 == write.expectedVersion,
                write.expectedVersion == 0 || stored?.state == write.expectedState
            else { return .conflict(write.key) }
        }
        self.applyDocuments(of: commit)
        for (set, member) in commit.additions { self.sets[set, default: []].insert(member) }
        for message in commit.messages {
            self.lastEntry += 1
            self.streams[message.stream, default: InMemoryStream()].append(message.body, number: self.lastEntry)
            if let channel = message.channel { self.publish(message.body, on: channel) }
        }
        if let input = commit.acknowledge {
            self.streams[input.stream]?.groups[input.group]?.acknowledge(input.id)
        }
        return .committed
    }

    private mutating func applyDocuments(of commit: Commit) {
        for write in commit.writes {
            let version = write.expectedVersion + 1
            self.documents[write.key] = StoredDocument(version: version, state: write.state, body: write.body)
            if !write.history.isEmpty { self.histories[write.key, default: []] += write.history }
        }
        for (key, body) in commit.puts {
            let version = (self.documents[key]?.version ?? 0) + 1
            self.documents[key] = StoredDocument(version: version, state: "", body: body)
        }
        for key in commit.deletes {
            self.documents[key] = nil
            self.histories[key] = nil
        }
    }

    func quiescence(of groups: [(stream: StreamName, group: String)]) -> Quiescence {
        for (name, groupName) in groups {
            guard let stream = self.streams[name] else { return .busy("stream \(name) does not exist") }
            guard let group = stream.groups[groupName] else {
                return .busy("group \(groupName) does not exist on stream \(name)")
            }
            guard group.pending.isEmpty else {
                return .busy("group \(groupName) has unacknowledged messages of stream \(name)")
            }
            guard group.lastDelivered >= stream.lastNumber else {
                return .busy("group \(groupName) has unread messages of stream \(name)")
            }
        }
        for consumer in self.quoteConsumers {
            let cursors = self.quoteCursors[consumer] ?? [:]
            for (key, version) in self.quoteVersions where cursors[key] ?? Int64.min < version {
                return .busy("consumer \(consumer) has not dealt with the latest of \(key)")
            }
        }
        return .settled
    }
}

struct InMemoryStream: Sendable {
    struct Entry {
        var number: Int64
        var body: [UInt8]

        var id: String { "\(self.number)-0" }
    }

    /// Ascending by number. Numbers are given out across all streams, so that they tell what is older.
    private(set) var entries: [Entry] = []
    private(set) var appendedCount: Int64 = 0
    private(set) var lastNumber: Int64 = 0
    var groups: [String: InMemoryGroup] = [:]

    mutating func append(_ body: [UInt8], number: Int64) {
        self.entries.append(Entry(number: number, body: body))
        self.appendedCount += 1
        self.lastNumber = number
    }

    func entry(_ number: Int64) -> Entry? {
        let index = self.entries.firstIndex(notBefore: number, by: \.number)
        return index < self.entries.count && self.entries[index].number == number ? self.entries[index] : nil
    }

    /// The oldest entries after that one.
    func entries(after number: Int64, limit: Int) -> ArraySlice<Entry> {
        self.entries[self.entries.firstIndex(notBefore: number + 1, by: \.number)...].prefix(limit)
    }

    mutating func trim(keeping length: Int, unacknowledgedBy groups: [String]) {
        let needed = groups.compactMap { self.groups[$0] }.map { $0.pending.first?.number ?? $0.lastDelivered }.min()
        let droppable = needed.map { self.entries.firstIndex(notBefore: $0, by: \.number) } ?? self.entries.count
        self.entries.removeFirst(max(0, min(droppable, self.entries.count - length)))
    }
}

struct InMemoryGroup: Sendable {
    struct Pending {
        var number: Int64
        var consumer: String
        var deliveryCount: Int
        var deliveredAt: Duration
    }

    var lastDelivered: Int64 = 0
    /// Ascending by number.
    var pending: [Pending] = []

    func index(of id: String) -> Int? {
        guard id.hasSuffix("-0"), let number = Int64(id.dropLast(2)) else { return nil }
        let index = self.pending.firstIndex(notBefore: number, by: \.number)
        return index < self.pending.count && self.pending[index].number == number ? index : nil
    }

    mutating func acknowledge(_ id: String) {
        if let index = self.index(of: id) { self.pending.remove(at: index) }
    }
}

extension Array {
    /// In an array ascending by `key`: where the first element is that is not before `value`.
    fileprivate func firstIndex(notBefore value: Int64, by key: (Element) -> Int64) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if key(self[middle]) < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
