import MessageBus
import Testing
import TradingCore

/// What a stream keeps and shows.
@Suite struct StreamTests {
    @Test(arguments: BusKind.allCases)
    func `trimming keeps the newest and all that is not acknowledged`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        let bus = fixture.makeBus()
        func remaining() throws -> [String] {
            try bus.tail(of: .filled, limit: 1_000).map { String(decoding: $0.body, as: UTF8.self) }
        }
        func trim(keeping length: Int) throws {
            try bus.trim(.filled, keeping: length, unacknowledgedBy: ["position", "strategy"])
        }
        var commit = Commit()
        commit.messages = (1...400).map { OutboundMessage(stream: .filled, channel: nil, body: Array("\($0)".utf8)) }
        #expect(try bus.commit(commit) == .committed)
        try trim(keeping: 350)
        #expect(try remaining() == (51...400).map { "\($0)" })

        try bus.createGroup("position", on: .filled)
        try bus.createGroup("strategy", on: .filled)
        // Nobody waits for what a stranger has not read.
        try bus.createGroup("stranger", on: .filled)
        try trim(keeping: 1)
        #expect(try remaining().count == 350)

        let deliveries = try bus.receiveNow(limit: 1_000).deliveries
        for delivery in deliveries where delivery.text != "200" { _ = try bus.acknowledge(delivery) }
        try trim(keeping: 1)
        #expect(try remaining().count == 350)

        for delivery in try bus.receiveNow(group: "strategy", limit: 250).deliveries {
            _ = try bus.acknowledge(delivery, group: "strategy")
        }
        try trim(keeping: 250)
        #expect(try remaining() == (151...400).map { "\($0)" })
        try trim(keeping: 1)
        #expect(try remaining() == (200...400).map { "\($0)" })
        let left = try bus.pending(group: "position", consumer: "one", streams: [.filled], limit: 10)
        #expect(left.map(\.text) == ["200"])

        #expect(try bus.acknowledge(try #require(left.first)) == .committed)
        try trim(keeping: 1)
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
