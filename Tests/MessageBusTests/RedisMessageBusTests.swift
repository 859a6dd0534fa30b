import Glibc
import MessageBus
import Synchronization
import TestSupport
import Testing
import TradingCore

/// What only a real server can show.
@Suite struct RedisMessageBusTests {
    let server: RedisServer
    let bus: RedisMessageBus

    init() throws {
        self.server = try RedisServer(appendOnly: true)
        self.bus = RedisMessageBus(endpoint: self.server.endpoint)
        for stream in [StreamName.filled, .closed] { try self.bus.createGroup("position", on: stream) }
    }

    func receive(
        streams: [StreamName] = [.filled],
        limit: Int = 100,
        timeout: Duration = .seconds(20)
    ) throws -> Reception {
        try self.bus.receive(group: "position", consumer: "one", streams: streams, limit: limit, timeout: timeout)
    }

    func pending(_ streams: [StreamName] = [.filled]) throws -> [Delivery] {
        try self.bus.pending(group: "position", consumer: "one", streams: streams, limit: 1_000)
    }

    @discardableResult
    func ask(_ words: String...) throws -> RedisReply {
        var command = RedisCommand()
        for word in words { command.append(word) }
        return try RedisConnection(to: self.server.endpoint).call(command)
    }

    /// The value of a line of INFO.
    private static func info(_ name: String, _ connection: RedisConnection) throws -> String? {
        guard case .string(let bytes) = try connection.call(RedisCommand("INFO")) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.first { $0.hasPrefix("\(name):") }.map { String($0.dropFirst(name.count + 1)) }
    }

    // MARK: Waiting

    @Test func `a wake-up from another thread ends a receive at once`() throws {
        defer { self.server.stop() }
        let signal = self.bus.wakeSignal
        let endpoint = self.server.endpoint
        let waker = TestThread {
            do {
                let connection = try RedisConnection(to: endpoint)
                while try Self.info("blocked_clients", connection) != "1" {}
            } catch {
                Issue.record(error)
            }
            signal.wake()
        }
        let start = ContinuousClock.now
        let reception = try self.receive(timeout: .seconds(60))
        waker.join()
        #expect(reception.woken)
        #expect(reception.deliveries.isEmpty)
        #expect(start.duration(to: .now) < .seconds(10))
    }

    @Test func `a receive waits no longer than it may, and its read lives on`() throws {
        defer { self.server.stop() }
        let start = ContinuousClock.now
        let reception = try self.receive(timeout: .milliseconds(30))
        #expect(start.duration(to: .now) >= .milliseconds(30))
        #expect(start.duration(to: .now) < .seconds(4))
        #expect(reception.deliveries.isEmpty && reception.published.isEmpty && !reception.woken)
        try self.bus.append("a", "b")
        #expect(try self.receive().deliveries.map(\.text) == ["a", "b"])
        #expect(try self.receive(timeout: .zero).deliveries.isEmpty)
        #expect(try self.pending().map(\.text) == ["a", "b"])
    }

    @Test func `a published message ends a receive, and the read it interrupts loses nothing`() throws {
        defer { self.server.stop() }
        try self.bus.subscribe(to: ["quotes"])
        _ = try self.receive(timeout: .milliseconds(1))
        #expect(try self.bus.publishQuote(key: .quote, version: 1, body: [1], channel: "quotes"))
        let first = try self.receive()
        #expect(first.published == [PublishedMessage(channel: "quotes", body: [1])])
        #expect(first.deliveries.isEmpty)
        // While a read is outstanding, waiting for published messages alone leaves it alone.
        try self.bus.append("a")
        #expect(try self.bus.publishQuote(key: .quote, version: 2, body: [2], channel: "quotes"))
        #expect(try self.receive(streams: []).published.map(\.body) == [[2]])
        #expect(try self.receive().deliveries.map(\.text) == ["a"])
    }

    @Test func `asking for other streams ends the old read and loses nothing`() throws {
        defer { self.server.stop() }
        _ = try self.receive(timeout: .milliseconds(1))
        try self.bus.append("new", to: .closed)
        let start = ContinuousClock.now
        #expect(try self.receive(streams: [.closed]).deliveries.map(\.text) == ["new"])
        // The server would have let the old read wait for longer.
        #expect(start.duration(to: .now) < .seconds(4))

        _ = try self.receive(timeout: .milliseconds(1))
        try self.bus.append("answer to the old read")
        #expect(try self.receive(streams: [.closed]).deliveries.map(\.text) == ["answer to the old read"])
    }

    @Test(arguments: ["TIMEOUT", "ERROR"])
    func `a read that somebody else ends goes on and loses nothing`(way: String) throws {
        defer { self.server.stop() }
        let endpoint = self.server.endpoint
        let disturber = TestThread {
            do {
                let connection = try RedisConnection(to: endpoint)
                // Connections are numbered from 1; the reader is one of the first.
                var ended = 0
                let deadline = ContinuousClock.now + .seconds(30)
                while ended < 20, ContinuousClock.now < deadline {
                    let commands = (1...20).map { RedisCommand("CLIENT", "UNBLOCK", String($0), way) }
                    ended += try connection.exchange(commands).count { $0 == .integer(1) }
                }
                #expect(ended >= 20)
                try RedisMessageBus(endpoint: endpoint).append("after")
            } catch {
                Issue.record(error)
            }
        }
        let deliveries = try self.receive(timeout: .seconds(60)).deliveries
        disturber.join()
        #expect(deliveries.map(\.text) == ["after"])
    }

    @Test func `many published messages at once all arrive`() throws {
        defer { self.server.stop() }
        try self.bus.subscribe(to: ["order.filled"])
        let count = 3_000
        var commit = Commit()
        commit.messages = (0..<count).map {
            OutboundMessage(stream: .filled, channel: "order.filled", body: Array("\($0)".utf8))
        }
        // Another namespace, the same channels.
        let other = RedisMessageBus(endpoint: self.server.endpoint, namespace: "other")
        #expect(try other.commit(commit) == .committed)
        var published: [PublishedMessage] = []
        while published.count < count {
            let more = try self.receive(streams: []).published
            try #require(!more.isEmpty)
            published += more
        }
        #expect(published.map(\.body) == commit.messages.map(\.body))
        #expect(try self.receive(timeout: .zero).deliveries.isEmpty)
    }

    @Test func `2,000 messages among quotes, wake-ups and changing questions each come exactly once`() throws {
        defer { self.server.stop() }
        let count = 2_000
        let endpoint = self.server.endpoint
        let signal = self.bus.wakeSignal
        try self.bus.subscribe(to: ["quotes"])
        let writer = TestThread {
            do {
                let bus = RedisMessageBus(endpoint: endpoint)
                var random = SeededGenerator(seed: 7)
                for number in 0..<count {
                    try bus.append("\(number)", to: Bool.random(using: &random) ? .filled : .closed)
                    if Int.random(in: 0..<3, using: &random) == 0 {
                        _ = try bus.publishQuote(key: .quote, version: Int64(number), body: [], channel: "quotes")
                    }
                    if Int.random(in: 0..<3, using: &random) == 0 { signal.wake() }
                }
                _ = try bus.publishQuote(key: .quote, version: Int64(count), body: [1], channel: "quotes")
            } catch {
                Issue.record(error)
            }
        }
        defer { writer.join() }
        var random = SeededGenerator(seed: 11)
        var received: [Int] = []
        var sawLastQuote = false
        let deadline = ContinuousClock.now + .seconds(60)
        while received.count < count || !sawLastQuote, ContinuousClock.now < deadline {
            let streams = [[StreamName.filled], [.closed], [.filled, .closed]].randomElement(using: &random) ?? []
            let reception = try self.receive(
                streams: streams,
                limit: Int.random(in: 1...5, using: &random),
                timeout: .milliseconds(Int.random(in: 0...3, using: &random))
            )
            for delivery in reception.deliveries {
                received.append(try #require(Int(delivery.text)))
                #expect(delivery.deliveryCount == 1)
                #expect(try self.bus.acknowledge(delivery) == .committed)
            }
            if reception.published.contains(where: { $0.body == [1] }) { sawLastQuote = true }
        }
        #expect(received.sorted() == Array(0..<count))
        #expect(sawLastQuote)
        #expect(try self.bus.quiescence(of: [(.filled, "position"), (.closed, "position")]) == .settled)
    }

    // MARK: Failures

    @Test func `a killed server that comes back has lost nothing that was acknowledged`() throws {
        defer { self.server.stop() }
        let other = RedisMessageBus(endpoint: self.server.endpoint)
        try self.bus.subscribe(to: ["quotes"])
        for number in 0..<300 {
            var commit = Commit()
            let state = number == 0 ? "" : "STEP"
            commit.writes = [.init(.trade, from: Int64(number), state, to: "STEP", "\(number)", history: ["\(number)"])]
            commit.messages = [OutboundMessage(stream: .filled, channel: nil, body: Array("\(number)".utf8))]
            #expect(try other.commit(commit) == .committed)
        }
        let first = try self.receive().deliveries
        try #require(first.count == 100)
        for delivery in first.prefix(50) { #expect(try self.bus.acknowledge(delivery) == .committed) }
        _ = try self.receive(streams: [.closed], timeout: .milliseconds(1))

        self.server.kill()
        for attempt in [
            { _ = try self.receive(streams: [.closed]) }, { _ = try self.receive() }, { _ = try self.pending() },
            { _ = try other.acknowledge(first[50]) },
        ] as [() throws -> Void] {
            let error = try #require(#expect(throws: MessageBusError.self, performing: attempt))
            #expect(error.code == .unreachable)
            #expect(error.message.contains("\(self.server.endpoint)"))
        }
        try self.server.restart()

        let left = try self.pending()
        #expect(left.map(\.text) == (50..<100).map { "\($0)" })
        #expect(try self.bus.load([.trade])[0] == StoredDocument(version: 300, state: "STEP", body: Array("299".utf8)))
        #expect(try self.bus.history(of: .trade).count == 300)
        #expect(try other.acknowledge(first[0]) == .alreadyAcknowledged)
        for delivery in left { #expect(try self.bus.acknowledge(delivery) == .committed) }
        let rest = try self.receive(limit: 1_000).deliveries
        #expect(rest.map(\.text) == (100..<300).map { "\($0)" })
        #expect(try other.publishQuote(key: .quote, version: 1, body: [1], channel: "quotes"))
        #expect(try self.receive().published.map(\.body) == [[1]])
    }

    @Test func `a receive that waits while the server dies ends at once`() throws {
        defer { self.server.stop() }
        let server = self.server
        let killer = TestThread {
            do {
                let connection = try RedisConnection(to: server.endpoint)
                while try Self.info("blocked_clients", connection) != "1" {}
            } catch {
                Issue.record(error)
            }
            server.kill()
        }
        let start = ContinuousClock.now
        let error = #expect(throws: MessageBusError.self) { try self.receive(timeout: .seconds(60)) }
        killer.join()
        #expect(error?.code == .unreachable)
        #expect(start.duration(to: .now) < .seconds(10))
    }

    @Test func `a server that has forgotten the scripts gets them again`() throws {
        defer { self.server.stop() }
        try self.bus.create(.trade)
        try self.ask("SCRIPT", "FLUSH")
        try self.bus.create(.other)
        try self.ask("SCRIPT", "FLUSH")
        #expect(try self.bus.acquireLease("scan", holder: "a", for: .seconds(60)))
        #expect(try self.bus.load([.trade, .other]).map { $0?.version } == [1, 1])
    }

    @Test func `a full server refuses with its own words, changes nothing and goes on later`() throws {
        defer { self.server.stop() }
        try self.ask("CONFIG", "SET", "maxmemory", "1")
        var commit = Commit()
        commit.writes = [.init(.trade, from: 0, "", to: "A", "x")]
        let error = try #require(#expect(throws: MessageBusError.self) { try self.bus.commit(commit) })
        #expect(error.code == .unreachable)
        #expect(error.message.contains("OOM"))
        #expect(try self.bus.load([.trade]) == [nil])
        try self.ask("CONFIG", "SET", "maxmemory", "0")
        #expect(try self.bus.commit(commit) == .committed)
    }

    @Test func `a busy server is to be asked again`() throws {
        defer { self.server.stop() }
        let answers = try FakeServer(answer: "-LOADING Redis is loading the dataset in memory\r\n")
        let bus = RedisMessageBus(endpoint: answers.endpoint)
        let error = #expect(throws: MessageBusError.self) { try bus.load([.trade]) }
        answers.join()
        #expect(error?.code == .unreachable)
        #expect(error?.message.contains("LOADING") == true)
    }

    @Test func `what is no document is said to be none, and stands in the way of no other`() throws {
        defer { self.server.stop() }
        var commit = Commit()
        commit.puts = [(key: .trade, body: [1])]
        #expect(try self.bus.commit(commit) == .committed)
        let (list, counted) = (DocumentKey(rawValue: "list"), DocumentKey(rawValue: "counted"))
        try self.ask("RPUSH", "{quintet}:document:list", "x")
        try self.ask("HSET", "{quintet}:document:counted", "v", "many", "s", "", "d", "x")
        let documents = try self.bus.load([list, .trade, counted])
        #expect(documents[1] == StoredDocument(version: 1, state: "", body: [1]))
        for (key, document) in [(list, documents[0]), (counted, documents[2])] {
            #expect(document?.fault?.contains("document:\(key.rawValue)") == true, "\(String(describing: document))")
            var read = Documents()
            read.insert(document, for: key)
            #expect(throws: JSONError.self) { try read.find(key, as: Account.self) }
        }
    }

    @Test func `something that is not Redis is recognised`() throws {
        defer { self.server.stop() }
        let answers = try FakeServer(answer: "HTTP/1.1 400 Bad Request\r\n\r\n")
        let bus = RedisMessageBus(endpoint: answers.endpoint)
        let error = #expect(throws: MessageBusError.self) { try bus.load([.trade]) }
        answers.join()
        #expect(error?.code == .protocolViolation)
    }

    @Test func `a server that does not answer is unreachable after the timeout`() throws {
        defer { self.server.stop() }
        let silent = try FakeServer(answer: nil)
        let bus = RedisMessageBus(endpoint: silent.endpoint, commandTimeout: .milliseconds(50))
        for _ in 0..<2 {
            let error = #expect(throws: MessageBusError.self) { try bus.load([.trade]) }
            #expect(error?.code == .unreachable)
            #expect(error?.message.contains("in time") == true)
        }
    }

    // MARK: Logging in

    @Test func `logs in, selects a database, and never shows the password`() throws {
        self.server.stop()
        let guarded = try RedisServer(password: "hunter2")
        defer { guarded.stop() }
        var endpoint = try RedisEndpoint(url: "redis://default:hunter2@127.0.0.1:\(guarded.port)/2")
        let bus = RedisMessageBus(endpoint: endpoint)
        try bus.create(.trade)
        try bus.createGroup("position", on: .filled)
        try bus.subscribe(to: ["order.filled"])
        try bus.append("a", channel: "order.filled")
        let reception = try bus.receiveNow()
        #expect(reception.deliveries.map(\.text) == ["a"])
        #expect(try RedisMessageBus(endpoint: guarded.endpoint).load([.trade]) == [nil])

        endpoint.password = "hunter3"
        for url in ["\(endpoint)", "redis://127.0.0.1:\(guarded.port)"] {
            var wrong = try RedisEndpoint(url: "redis://127.0.0.1:\(guarded.port)")
            if url.contains("@") { wrong = endpoint }
            let refused = RedisMessageBus(endpoint: wrong)
            let error = try #require(#expect(throws: MessageBusError.self) { try refused.load([.trade]) })
            #expect(error.code == .refused)
            #expect(!error.message.contains("hunter"))
        }
    }

    @Test func `works over a Unix socket`() throws {
        self.server.stop()
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/socket"
        try #require(path.utf8.count < 108, "no Unix socket can be at \(path): set TMPDIR to a shorter path")
        let local = try RedisServer(options: ["--unixsocket", path])
        defer { local.stop() }
        let bus = RedisMessageBus(endpoint: try RedisEndpoint(url: "unix://\(path)"))
        try bus.create(.trade)
        #expect(try RedisMessageBus(endpoint: local.endpoint).load([.trade])[0]?.version == 1)
    }
}

/// Listens on loopback; gives its answer to the first thing one client says, or never answers.
private final class FakeServer {
    let endpoint: RedisEndpoint
    private let listener: Int32
    private var thread: TestThread?

    init(answer: String?) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutableBytes(of: &address) { bytes in
            let generic = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
            return bind(listener, generic, length) == 0 && getsockname(listener, generic, &length) == 0
        }
        try #require(isListening && listen(listener, 5) == 0)
        self.listener = listener
        self.endpoint = RedisEndpoint(address: .tcp(host: "127.0.0.1", port: UInt16(bigEndian: address.sin_port)))
        guard let answer else { return }
        self.thread = TestThread {
            let client = accept(listener, nil, nil)
            var buffer = [UInt8](repeating: 0, count: 65_536)
            _ = read(client, &buffer, buffer.count)
            _ = write(client, answer, answer.utf8.count)
            close(client)
        }
    }

    deinit { close(self.listener) }

    func join() {
        self.thread?.join()
    }
}

/// The same numbers in every run (SplitMix64).
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
