import MessageBus
import Testing
import TradingCore

/// Who holds a lease, and how long.
@Suite struct LeaseTests {
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
}
