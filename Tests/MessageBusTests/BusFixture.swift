import MessageBus
import Synchronization
import TestSupport
import Testing
import TradingCore

enum BusKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case redis
    case redisOverTLS
    case inMemory

    var testDescription: String { self.rawValue }
}

/// The server side of one kind of bus, and as many buses on it as a test likes.
final class BusFixture {
    private let server: RedisServer?
    private let store: InMemoryMessageStore
    private let elapsed = ManualTime()

    init(_ kind: BusKind) throws {
        self.server =
            switch kind {
            case .redis: try RedisServer()
            case .redisOverTLS: try RedisServer(tls: ServerTLS(try Self.certificates.get()))
            case .inMemory: nil
            }
        let elapsed = self.elapsed
        self.store = InMemoryMessageStore(now: { elapsed.value.withLock { $0 } })
    }

    private static let certificates = Result { try TestCertificates() }

    func stop() {
        self.server?.stop()
    }

    /// Lets time pass for rate budgets, and for all that the in-memory bus measures.
    func pass(_ duration: Duration) {
        self.elapsed.value.withLock { $0 += duration }
    }

    /// A bus that belongs to this installation, or to any.
    func makeBus(installation: String? = nil) -> any MessageBus {
        if let server = self.server {
            let bus = RedisMessageBus(endpoint: server.endpoint)
            bus.installation = installation
            let elapsed = self.elapsed
            bus.rateClock = { elapsed.value.withLock { $0 } }
            return bus
        }
        let bus = InMemoryMessageBus(store: self.store)
        bus.installation = installation
        return bus
    }

    /// The server loses its data.
    func loseData() throws {
        if let server = self.server {
            _ = try RedisConnection(to: server.endpoint).call(RedisCommand("FLUSHALL"))
        } else {
            self.store.removeAll()
        }
    }

    /// Lets some time pass on the in-memory bus, and asks again until the answer is there; Redis goes by real time.
    func eventually<R>(_ ask: () throws -> R?) throws -> R {
        let deadline = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < deadline {
            if let answer = try ask() { return answer }
            self.elapsed.value.withLock { $0 += .milliseconds(50) }
        }
        throw NeverHappened()
    }

    /// Waits for that many published messages.
    func received(_ count: Int, by bus: any MessageBus) throws -> [PublishedMessage] {
        var published: [PublishedMessage] = []
        return try self.eventually {
            let reception = try bus.receive(
                group: "",
                consumer: "",
                streams: [],
                limit: 1,
                timeout: .milliseconds(200)
            )
            published += reception.published
            return published.count >= count ? published : nil
        }
    }

    struct NeverHappened: Error {}
}

private final class ManualTime: Sendable {
    let value = Mutex(Duration.zero)
}

extension StreamName {
    static let filled = StreamName(rawValue: "order.filled")
    static let closed = StreamName(rawValue: "position.closed")
}

extension DocumentKey {
    static let trade = DocumentKey(rawValue: "trade:AAPL-1")
    static let other = DocumentKey(rawValue: "trade:MSFT-1")
    static let quote = DocumentKey(rawValue: "quote:AAPL")
}

extension MessageBus {
    /// Appends one message a body.
    func append(_ bodies: String..., to stream: StreamName = .filled, channel: String? = nil) throws {
        var commit = Commit()
        commit.messages = bodies.map { OutboundMessage(stream: stream, channel: channel, body: Array($0.utf8)) }
        #expect(try self.commit(commit) == .committed)
    }

    func acknowledge(_ delivery: Delivery, group: String = "position") throws -> CommitOutcome {
        var commit = Commit()
        commit.acknowledge = delivery.input(of: group)
        return try self.commit(commit)
    }

    /// What there is for a consumer now.
    func receiveNow(
        consumer: String = "one",
        group: String = "position",
        streams: [StreamName] = [.filled],
        limit: Int = 100
    ) throws -> Reception {
        try self.receive(group: group, consumer: consumer, streams: streams, limit: limit, timeout: .zero)
    }

    /// Creates a document as its first version.
    func create(_ key: DocumentKey, state: String = "SCANNING", body: String = "first") throws {
        var commit = Commit()
        commit.writes = [.init(key, from: 0, "", to: state, body)]
        #expect(try self.commit(commit) == .committed)
    }
}

extension Delivery {
    var text: String { String(decoding: self.body, as: UTF8.self) }

    func input(of group: String = "position") -> Acknowledgement {
        Acknowledgement(stream: self.stream, group: group, id: self.id)
    }
}

extension DocumentWrite {
    init(
        _ key: DocumentKey,
        from version: Int64,
        _ expected: String,
        to state: String,
        _ body: String,
        history: [String] = []
    ) {
        self.init(
            key: key,
            expectedVersion: version,
            expectedState: expected,
            state: state,
            body: Array(body.utf8),
            history: history.map { Array($0.utf8) }
        )
    }
}
