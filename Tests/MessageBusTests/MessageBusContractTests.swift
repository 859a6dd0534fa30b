import MessageBus
import Testing
import TradingCore

/// What both buses promise alike.
@Suite struct MessageBusContractTests {
    // MARK: Delivery

    @Test(arguments: BusKind.allCases)
    func `a group sees what was appended before it and after it, in order`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.append("a")
        try bus.createGroup("position", on: .filled)
        try bus.createGroup("position", on: .filled)
        try bus.append("b", "c")
        let deliveries = try bus.receiveNow().deliveries
        #expect(deliveries.map(\.text) == ["a", "b", "c"])
        #expect(deliveries.allSatisfy { $0.deliveryCount == 1 && $0.stream == .filled })
        #expect(try bus.receiveNow().deliveries.isEmpty)
    }

    @Test(arguments: BusKind.allCases)
    func `bodies are bytes`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        var commit = Commit()
        commit.messages = [[], [0, 13, 10, 255], Array(repeating: 42, count: 100_000)].map {
            OutboundMessage(stream: .filled, channel: nil, body: $0)
        }
        #expect(try bus.commit(commit) == .committed)
        #expect(try bus.receiveNow().deliveries.map(\.body) == commit.messages.map(\.body))
    }

    @Test(arguments: BusKind.allCases)
    func `several streams come together, at most the limit of each`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let streams: [StreamName] = [.filled, .closed]
        for stream in streams { try bus.createGroup("position", on: stream) }
        try bus.append("1", "2", "3", to: .closed)
        try bus.append("4", to: .filled)
        #expect(Set(try bus.receiveNow(streams: streams, limit: 2).deliveries.map(\.text)) == ["1", "2", "4"])
        #expect(try bus.receiveNow(streams: streams, limit: 2).deliveries.map(\.text) == ["3"])
    }

    @Test(arguments: BusKind.allCases)
    func `two consumers of a group share, two groups each get all`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let one = fixture.makeBus()
        let two = fixture.makeBus()
        for group in ["position", "strategy"] { try one.createGroup(group, on: .filled) }
        try one.append("a", "b")
        #expect(try one.receiveNow(consumer: "one", limit: 1).deliveries.map(\.text) == ["a"])
        #expect(try two.receiveNow(consumer: "two", limit: 1).deliveries.map(\.text) == ["b"])
        #expect(try two.receiveNow(group: "strategy").deliveries.map(\.text) == ["a", "b"])
    }

    @Test(arguments: BusKind.allCases)
    func `a missing group is refused`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.append("a")
        let delivery = Delivery(stream: .filled, id: "1-0", deliveryCount: 1, body: [])
        let attempts: [() throws -> Void] = [
            { _ = try bus.receiveNow() },
            { _ = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 1) },
            { _ = try bus.claim(group: "position", consumer: "one", streams: [.filled], idle: .zero, limit: 1) },
            { _ = try bus.acknowledge(delivery) },
        ]
        for attempt in attempts {
            let error = #expect(throws: MessageBusError.self, performing: attempt)
            #expect(error?.code == .refused)
        }
    }

    @Test(arguments: BusKind.allCases)
    func `a wake-up is reported once`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        bus.wake()
        bus.wakeSignal.wake()
        #expect(try bus.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .seconds(5)).woken)
        #expect(try !bus.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .zero).woken)
    }

    @Test(arguments: BusKind.allCases)
    func `subscribers get what is published on their channels only`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let deaf = fixture.makeBus()
        try bus.subscribe(to: ["order.filled"])
        try bus.subscribe(to: ["quotes"])
        try deaf.append("a", channel: "order.filled")
        try deaf.append("b", channel: "position.closed")
        try deaf.append("c")
        #expect(try deaf.publishQuote(key: .quote, version: 1, body: [100], channel: "quotes"))
        let published = try fixture.received(2, by: bus)
        #expect(published.map(\.channel) == ["order.filled", "quotes"])
        #expect(published.map(\.body) == [Array("a".utf8), [100]])
        #expect(try deaf.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .zero).published.isEmpty)
    }

    // MARK: Redelivery

    @Test(arguments: BusKind.allCases)
    func `a restarted consumer finds what it had not acknowledged`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        var bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.append("a", "b", "c")
        let first = try bus.receiveNow().deliveries
        try #require(first.count == 3)
        #expect(try bus.acknowledge(first[1]) == .committed)

        bus = fixture.makeBus()
        let again = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 100)
        #expect(again.map(\.id) == [first[0].id, first[2].id])
        #expect(again.map(\.text) == ["a", "c"])
        #expect(again.map(\.deliveryCount) == [2, 2])
        let oldest = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 1)
        #expect(oldest.map(\.text) == ["a"])
        #expect(oldest.map(\.deliveryCount) == [3])
        #expect(try bus.pending(group: "position", consumer: "two", streams: [.filled], limit: 100).isEmpty)
        for delivery in again { #expect(try bus.acknowledge(delivery) == .committed) }
        #expect(try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 100).isEmpty)
    }

    @Test(arguments: BusKind.allCases)
    func `pending entries of several streams come oldest first`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let streams: [StreamName] = [.filled, .closed]
        for stream in streams { try bus.createGroup("position", on: stream) }
        // Entries of one millisecond have no order across streams.
        try bus.append("older", to: .closed)
        let older = try #require(try bus.tail(of: .closed, limit: 1).first).id
        var newer = older
        while newer.prefix(while: { $0 != "-" }) == older.prefix(while: { $0 != "-" }) {
            try bus.append("newer", to: .filled)
            newer = try #require(try bus.tail(of: .filled, limit: 1).first).id
        }
        _ = try bus.receiveNow(streams: streams, limit: 1_000_000)
        let pending = try bus.pending(group: "position", consumer: "one", streams: streams, limit: 1_000_000)
        #expect(pending.last?.text == "newer")
        #expect(pending.last?.stream == .filled)
        #expect(try #require(pending.firstIndex { $0.text == "older" }) < pending.count - 1)
    }

    @Test(arguments: BusKind.allCases)
    func `what its consumer keeps was not delivered for that`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.append("a", "b")
        let deliveries = try bus.receiveNow(consumer: "one").deliveries
        for _ in 0..<3 { try bus.keep(deliveries, group: "position", consumer: "one") }
        try bus.keep([], group: "position", consumer: "one")
        // What is acknowledged meanwhile does not come back for being kept.
        #expect(try bus.acknowledge(deliveries[1]) == .committed)
        try bus.keep(deliveries, group: "position", consumer: "one")
        let claimed = try bus.claim(group: "position", consumer: "two", streams: [.filled], idle: .zero, limit: 9)
        #expect(claimed.map(\.text) == ["a"])
        #expect(claimed.map(\.deliveryCount) == [2])
    }

    @Test(arguments: BusKind.allCases)
    func `what a dead consumer left is claimed once it has been idle`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let dead = fixture.makeBus()
        let heir = fixture.makeBus()
        try dead.createGroup("position", on: .filled)
        try dead.append("a", "b", "mine")
        #expect(try dead.receiveNow(consumer: "dead", limit: 2).deliveries.count == 2)
        let mine = try heir.receiveNow(consumer: "heir").deliveries
        #expect(mine.map(\.text) == ["mine"])

        func claim(idle: Duration, limit: Int = 100) throws -> [Delivery] {
            try heir.claim(group: "position", consumer: "heir", streams: [.filled], idle: idle, limit: limit)
        }
        #expect(try claim(idle: .seconds(3_600)).isEmpty)
        let claimed = try fixture.eventually {
            let claimed = try claim(idle: .milliseconds(20), limit: 1)
            return claimed.isEmpty ? nil : claimed
        }
        #expect(claimed.map(\.text) == ["a"])
        #expect(claimed.map(\.deliveryCount) == [2])
        let rest = try fixture.eventually {
            let rest = try claim(idle: .milliseconds(20))
            return rest.isEmpty ? nil : rest
        }
        #expect(rest.map(\.text) == ["b"])
        // Its own entries have been idle for as long.
        #expect(try claim(idle: .milliseconds(1)).isEmpty)
        let pending = try heir.pending(group: "position", consumer: "heir", streams: [.filled], limit: 100)
        #expect(pending.map(\.text) == ["a", "b", "mine"])
        #expect(try dead.pending(group: "position", consumer: "dead", streams: [.filled], limit: 100).isEmpty)
        #expect(try heir.acknowledge(claimed[0]) == .committed)
        #expect(try dead.acknowledge(claimed[0]) == .alreadyAcknowledged)
    }

    // MARK: Commit

    @Test(arguments: BusKind.allCases)
    func `a commit does all its parts`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.createGroup("strategy", on: .closed)
        try bus.subscribe(to: ["position.closed"])
        try bus.append("input")
        let input = try #require(try bus.receiveNow().deliveries.first)
        let summary = DocumentKey(rawValue: "summary")
        try bus.create(.other)

        var commit = Commit()
        commit.acknowledge = input.input()
        commit.writes = [.init(.trade, from: 0, "ignored", to: "CLOSED", "trade", history: ["one", "two"])]
        commit.puts = [(key: summary, body: [1])]
        commit.deletes = [.other]
        commit.additions = [(set: "closed", member: "b"), (set: "closed", member: "a"), (set: "all", member: "a")]
        commit.messages = [
            OutboundMessage(stream: .closed, channel: "position.closed", body: [2]),
            OutboundMessage(stream: .closed, channel: nil, body: [3]),
        ]
        #expect(try bus.commit(commit) == .committed)

        let documents = try bus.load([.trade, summary, .other])
        #expect(documents[0] == StoredDocument(version: 1, state: "CLOSED", body: Array("trade".utf8)))
        #expect(documents[1] == StoredDocument(version: 1, state: "", body: [1]))
        #expect(documents[2] == nil)
        #expect(try bus.history(of: .trade).map { String(decoding: $0, as: UTF8.self) } == ["one", "two"])
        #expect(try bus.members(of: "closed") == ["a", "b"])
        #expect(try bus.members(of: "all") == ["a"])
        #expect(try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 1).isEmpty)
        #expect(try fixture.received(1, by: bus) == [PublishedMessage(channel: "position.closed", body: [2])])
        let out = try bus.receiveNow(group: "strategy", streams: [.closed]).deliveries
        #expect(out.map(\.body) == [[2], [3]])

        var second = Commit()
        second.writes = [.init(.trade, from: 1, "CLOSED", to: "ARCHIVED", "later", history: ["three"])]
        second.puts = [(key: summary, body: [4])]
        #expect(try bus.commit(second) == .committed)
        #expect(try bus.load([.trade])[0] == StoredDocument(version: 2, state: "ARCHIVED", body: Array("later".utf8)))
        #expect(try bus.load([summary])[0] == StoredDocument(version: 2, state: "", body: [4]))
        #expect(try bus.history(of: .trade).count == 3)
    }

    @Test(arguments: BusKind.allCases)
    func `an empty commit, and asking for nothing, are fine`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        #expect(try bus.commit(Commit()) == .committed)
        #expect(try bus.load([]).isEmpty)
        #expect(try bus.load([.trade]) == [nil])
        #expect(try bus.history(of: .trade).isEmpty)
        #expect(try bus.members(of: "nothing").isEmpty)
        #expect(try bus.quotes().isEmpty)
        #expect(try bus.tail(of: .filled, limit: 5).isEmpty)
        #expect(try bus.appendedCount(of: .filled) == 0)
        #expect(try bus.pending(group: "position", consumer: "one", streams: [], limit: 1).isEmpty)
        try bus.trim([.filled], keeping: 1)
        try bus.releaseLease("nothing", holder: "a")
        #expect(try bus.quiescence(of: []) == .settled)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var name: String
        var write: DocumentWrite
        var testDescription: String { self.name }
    }

    static let refusals = [
        Refusal(name: "exists already", write: .init(.trade, from: 0, "", to: "X", "x", history: ["h"])),
        Refusal(name: "older version", write: .init(.trade, from: 1, "HOLDING", to: "X", "x", history: ["h"])),
        Refusal(name: "newer version", write: .init(.trade, from: 3, "HOLDING", to: "X", "x", history: ["h"])),
        Refusal(name: "other state", write: .init(.trade, from: 2, "FILLED", to: "X", "x", history: ["h"])),
        Refusal(name: "not there", write: .init(.other, from: 1, "FILLED", to: "X", "x", history: ["h"])),
    ]

    @Test(arguments: BusKind.allCases, Self.refusals)
    func `a conflict changes nothing`(kind: BusKind, refusal: Refusal) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let free = DocumentKey(rawValue: "free")
        try bus.createGroup("position", on: .filled)
        try bus.subscribe(to: ["position.closed"])
        try bus.create(.trade, state: "FILLED")
        var setUp = Commit()
        setUp.writes = [.init(.trade, from: 1, "FILLED", to: "HOLDING", "second", history: ["moved"])]
        setUp.additions = [(set: "open", member: "trade")]
        #expect(try bus.commit(setUp) == .committed)
        try bus.append("input")
        let input = try #require(try bus.receiveNow().deliveries.first)

        var commit = Commit()
        commit.acknowledge = input.input()
        commit.writes = [.init(free, from: 0, "", to: "", "free", history: ["h"]), refusal.write]
        commit.puts = [(key: free, body: [1])]
        commit.deletes = [.trade]
        commit.additions = [(set: "open", member: "more")]
        commit.messages = [OutboundMessage(stream: .closed, channel: "position.closed", body: [])]
        #expect(try bus.commit(commit) == .conflict(refusal.write.key))

        let stored = StoredDocument(version: 2, state: "HOLDING", body: Array("second".utf8))
        #expect(try bus.load([.trade, .other, free]) == [stored, nil, nil])
        #expect(try bus.history(of: .trade) == [Array("moved".utf8)])
        #expect(try bus.history(of: free).isEmpty)
        #expect(try bus.members(of: "open") == ["trade"])
        #expect(try bus.appendedCount(of: .closed) == 0)
        #expect(try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 9).count == 1)
        #expect(try bus.publishQuote(key: .quote, version: 1, body: [9], channel: "position.closed"))
        #expect(try fixture.received(1, by: bus).map(\.body) == [[9]])
    }

    @Test(arguments: BusKind.allCases)
    func `handling a redelivery again changes nothing`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.append("input")
        let input = try #require(try bus.receiveNow().deliveries.first)
        var commit = Commit()
        commit.acknowledge = input.input()
        commit.writes = [.init(.trade, from: 0, "", to: "FILLED", "body", history: ["h"])]
        commit.messages = [OutboundMessage(stream: .closed, channel: nil, body: [])]
        #expect(try bus.commit(commit) == .committed)
        #expect(try fixture.makeBus().commit(commit) == .alreadyAcknowledged)
        #expect(try bus.load([.trade])[0]?.version == 1)
        #expect(try bus.history(of: .trade).count == 1)
        #expect(try bus.appendedCount(of: .closed) == 1)
        commit.acknowledge?.id = "99999999999999-0"
        commit.writes = []
        #expect(try bus.commit(commit) == .alreadyAcknowledged)
    }

    @Test(arguments: BusKind.allCases)
    func `of two writers that saw the same version one succeeds`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let buses = [fixture.makeBus(), fixture.makeBus()]
        try buses[0].create(.trade, state: "FILLED")
        let outcomes = try buses.map { bus in
            var commit = Commit()
            commit.writes = [.init(.trade, from: 1, "FILLED", to: "HOLDING", "x")]
            return try bus.commit(commit)
        }
        #expect(outcomes == [.committed, .conflict(.trade)])
    }

    @Test(arguments: BusKind.allCases)
    func `a deleted document begins anew, history and all`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        var commit = Commit()
        commit.writes = [.init(.trade, from: 0, "", to: "A", "one", history: ["h"])]
        #expect(try bus.commit(commit) == .committed)
        var delete = Commit()
        delete.deletes = [.trade, .other]
        #expect(try bus.commit(delete) == .committed)
        #expect(try bus.history(of: .trade).isEmpty)
        #expect(try bus.commit(commit) == .committed)
        #expect(try bus.load([.trade])[0]?.version == 1)
    }

    // MARK: The ledger it belongs to

    @Test(arguments: BusKind.allCases)
    func `a bus adds nothing to a ledger that is not its own`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus(installation: "one")
        let founder = fixture.makeBus()
        var commit = Commit()
        commit.writes = [.init(.trade, from: 0, "", to: "A", "x")]
        let attempts: [() throws -> Void] = [
            { _ = try bus.commit(commit) },
            { _ = try bus.commit(Commit()) },
            { try bus.createGroup("position", on: .filled) },
            { _ = try bus.publishQuote(key: .quote, version: 1, body: [], channel: "quotes") },
            { try bus.registerQuoteConsumer("strategy") },
            { try bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 1) },
            { _ = try bus.acquireLease("scan", holder: "a", for: .seconds(60)) },
        ]
        func expectRefusals(_ comment: Comment) {
            for (number, attempt) in attempts.enumerated() {
                let error = #expect(throws: MessageBusError.self, "\(comment), \(number)", performing: attempt)
                #expect(error?.code == .ledgerReplaced, "\(comment), \(number)")
                #expect(error?.message.contains("verify the positions at the broker") == true)
            }
        }
        expectRefusals("before there is a ledger")

        try founder.create(.installation, body: "one")
        for attempt in attempts { try attempt() }
        try bus.append("input")
        let input = try #require(try bus.receiveNow().deliveries.first)

        try fixture.loseData()
        expectRefusals("after its data was lost")
        let acknowledging = #expect(throws: MessageBusError.self) { try bus.acknowledge(input) }
        #expect(acknowledging?.code == .ledgerReplaced)
        #expect(try bus.load([.trade, .quote]) == [nil, nil])
        #expect(try bus.quiescence(of: [(.filled, "position")]) == .busy("stream order.filled does not exist"))

        try founder.create(.installation, body: "two")
        expectRefusals("after another was founded in its place")
        try fixture.makeBus(installation: "two").create(.trade)
    }

    // MARK: Quotes

    @Test(arguments: BusKind.allCases)
    func `the newest quote wins`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let noon: Int64 = 1_761_652_800_000_001
        #expect(try bus.publishQuote(key: .quote, version: noon, body: [1], channel: "quotes"))
        #expect(try !bus.publishQuote(key: .quote, version: noon - 1, body: [2], channel: "quotes"))
        #expect(try bus.load([.quote])[0] == StoredDocument(version: noon, state: "", body: [1]))
        #expect(try bus.publishQuote(key: .quote, version: noon + 1, body: [3], channel: "quotes"))
        #expect(try bus.publishQuote(key: .other, version: 5, body: [4], channel: "quotes"))
        let quotes = try bus.quotes()
        #expect(quotes.map(\.key) == [.quote, .other])
        #expect(quotes.map(\.document.version) == [noon + 1, 5])
        #expect(quotes.map(\.document.body) == [[3], [4]])
    }

    @Test(arguments: BusKind.allCases)
    func `quotes are settled when every registered consumer has seen the latest`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        func publish(_ version: Int64) throws {
            #expect(try bus.publishQuote(key: .quote, version: version, body: [], channel: "quotes"))
        }
        try publish(10)
        #expect(try bus.quiescence(of: []) == .settled)
        try bus.registerQuoteConsumer("strategy")
        let busy = Quiescence.busy("consumer strategy has not dealt with the latest of quote:AAPL")
        #expect(try bus.quiescence(of: []) == busy)
        try bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 9)
        #expect(try bus.quiescence(of: []) == busy)
        try bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 10)
        #expect(try bus.quiescence(of: []) == .settled)
        try bus.registerQuoteConsumer("strategy")
        #expect(try bus.quiescence(of: []) == .settled)
        try publish(11)
        #expect(try bus.quiescence(of: []) == busy)
        // Ahead of what is stored, and no way back.
        try bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 20)
        try bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 5)
        #expect(try bus.quiescence(of: []) == .settled)
        try publish(15)
        #expect(try bus.quiescence(of: []) == .settled)
        try publish(21)
        #expect(try bus.quiescence(of: []) == busy)
        try bus.advanceQuoteCursor(of: "strategy", key: .quote, version: 21)
        try bus.registerQuoteConsumer("position")
        #expect(
            try bus.quiescence(of: []) == .busy("consumer position has not dealt with the latest of quote:AAPL")
        )
    }

    // MARK: Leases

    @Test(arguments: BusKind.allCases)
    func `a lease has one holder, who may renew and release`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        #expect(try bus.acquireLease("scan", holder: "a", for: .seconds(60)))
        #expect(try !bus.acquireLease("scan", holder: "b", for: .seconds(60)))
        #expect(try bus.acquireLease("other", holder: "b", for: .seconds(60)))
        #expect(try bus.acquireLease("scan", holder: "a", for: .seconds(60)))
        try bus.releaseLease("scan", holder: "b")
        #expect(try !bus.acquireLease("scan", holder: "b", for: .seconds(60)))
        try bus.releaseLease("scan", holder: "a")
        #expect(try bus.acquireLease("scan", holder: "b", for: .seconds(60)))
    }

    @Test(arguments: BusKind.allCases)
    func `a lease runs out`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        #expect(try bus.acquireLease("scan", holder: "a", for: .milliseconds(200)))
        #expect(try !bus.acquireLease("scan", holder: "b", for: .seconds(60)))
        _ = try fixture.eventually { try bus.acquireLease("scan", holder: "b", for: .seconds(60)) ? true : nil }
        #expect(try !bus.acquireLease("scan", holder: "a", for: .seconds(60)))
    }

    // MARK: Quiescence, trimming, inspection

    @Test(arguments: BusKind.allCases)
    func `busy until every group exists and has acknowledged everything`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        let groups: [(stream: StreamName, group: String)] = [(.filled, "position"), (.filled, "strategy")]
        #expect(try bus.quiescence(of: groups) == .busy("stream order.filled does not exist"))
        try bus.createGroup("position", on: .filled)
        #expect(try bus.quiescence(of: groups) == .busy("group strategy does not exist on stream order.filled"))
        try bus.createGroup("strategy", on: .filled)
        #expect(try bus.quiescence(of: groups) == .settled)
        try bus.append("a")
        #expect(try bus.quiescence(of: groups) == .busy("group position has unread messages of stream order.filled"))
        let forPosition = try #require(try bus.receiveNow().deliveries.first)
        let unacknowledged = Quiescence.busy("group position has unacknowledged messages of stream order.filled")
        #expect(try bus.quiescence(of: groups) == unacknowledged)
        #expect(try bus.acknowledge(forPosition) == .committed)
        #expect(try bus.quiescence(of: groups) == .busy("group strategy has unread messages of stream order.filled"))
        let forStrategy = try #require(try bus.receiveNow(group: "strategy").deliveries.first)
        #expect(try bus.acknowledge(forStrategy, group: "strategy") == .committed)
        #expect(try bus.quiescence(of: groups) == .settled)
        try bus.trim([.filled], keeping: 0)
        #expect(try bus.quiescence(of: groups) == .settled)
    }

    @Test(arguments: BusKind.allCases)
    func `trimming keeps the newest and all that is not acknowledged`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        func remaining() throws -> [String] {
            try bus.tail(of: .filled, limit: 1_000).map { String(decoding: $0.body, as: UTF8.self) }
        }
        var commit = Commit()
        commit.messages = (1...400).map { OutboundMessage(stream: .filled, channel: nil, body: Array("\($0)".utf8)) }
        #expect(try bus.commit(commit) == .committed)
        try bus.trim([.filled], keeping: 350)
        #expect(try remaining() == (51...400).map { "\($0)" })

        try bus.createGroup("position", on: .filled)
        try bus.createGroup("strategy", on: .filled)
        try bus.trim([.filled], keeping: 1)
        #expect(try remaining().count == 350)

        let deliveries = try bus.receiveNow(limit: 1_000).deliveries
        for delivery in deliveries where delivery.text != "200" { _ = try bus.acknowledge(delivery) }
        try bus.trim([.filled], keeping: 1)
        #expect(try remaining().count == 350)

        for delivery in try bus.receiveNow(group: "strategy", limit: 250).deliveries {
            _ = try bus.acknowledge(delivery, group: "strategy")
        }
        try bus.trim([.filled], keeping: 250)
        #expect(try remaining() == (151...400).map { "\($0)" })
        try bus.trim([.filled], keeping: 1)
        #expect(try remaining() == (200...400).map { "\($0)" })
        let left = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 10)
        #expect(left.map(\.text) == ["200"])

        #expect(try bus.acknowledge(try #require(left.first)) == .committed)
        try bus.trim([.filled], keeping: 1)
        // The other group has read up to 300.
        #expect(try remaining() == (300...400).map { "\($0)" })
        #expect(
            try bus.receiveNow(group: "strategy", limit: 1_000).deliveries.map(\.text) == (301...400).map { "\($0)" }
        )
        #expect(try bus.appendedCount(of: .filled) == 400)
    }

    @Test(arguments: BusKind.allCases)
    func `the tail of a stream is its newest entries, oldest first`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.append("a", "b", "c")
        let tail = try bus.tail(of: .filled, limit: 2)
        #expect(tail.map(\.body) == [Array("b".utf8), Array("c".utf8)])
        #expect(tail.map(\.id) == (try bus.receiveNow().deliveries.suffix(2).map(\.id)))
        #expect(try bus.appendedCount(of: .filled) == 3)
    }
}

extension BusFixture {
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
}
