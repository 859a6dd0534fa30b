import MessageBus
import Testing
import TradingCore

/// That a commit does all of its parts or none.
@Suite struct CommitTests {
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
        try bus.trim(.filled, keeping: 1, unacknowledgedBy: ["position"])
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
}
