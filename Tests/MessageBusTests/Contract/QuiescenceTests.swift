import MessageBus
import Testing
import TradingCore

/// When a bus calls its groups settled.
@Suite struct QuiescenceTests {
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
        try bus.trim(.filled, keeping: 0, unacknowledgedBy: groups.map(\.group))
        #expect(try bus.quiescence(of: groups) == .settled)
    }
}
