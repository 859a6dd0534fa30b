import MessageBus
import Testing
import TradingCore

/// What becomes of messages that were received and not acknowledged.
@Suite struct RedeliveryTests {
    @Test(arguments: BusKind.allCases)
    func `what a silent consumer owes is not forgotten`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.append("a", "b")
        let owed = try #require(try bus.receiveNow(consumer: "owing", limit: 1).deliveries.first)
        let handled = try #require(try bus.receiveNow(consumer: "done", limit: 1).deliveries.first)
        #expect(try bus.acknowledge(handled) == .committed)
        // A stream that is not there yet is none of its business.
        try bus.removeConsumers(of: "position", on: [.closed, .filled], silentFor: .zero)
        #expect(try bus.pending(group: "position", consumer: "owing", streams: [.filled], limit: 9).count == 1)
        #expect(try bus.receiveNow(consumer: "done").deliveries.isEmpty)
        #expect(try bus.acknowledge(owed) == .committed)
    }

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
    func `what its consumer keeps was not delivered for that, and is counted anew`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        try bus.createGroup("position", on: .filled)
        try bus.append("a", "b")
        let deliveries = try bus.receiveNow(consumer: "one").deliveries
        for _ in 0..<3 { _ = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 9) }
        for _ in 0..<3 { try bus.keep(deliveries, group: "position", consumer: "one") }
        try bus.keep([], group: "position", consumer: "one")
        // What is acknowledged meanwhile does not come back for being kept.
        #expect(try bus.acknowledge(deliveries[1]) == .committed)
        try bus.keep(deliveries, group: "position", consumer: "one")
        let claimed = try bus.claim(group: "position", consumer: "two", streams: [.filled], idle: .zero, limit: 9)
        #expect(claimed.map(\.text) == ["a"])
        #expect(claimed.map(\.deliveryCount) == [1])
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
}
