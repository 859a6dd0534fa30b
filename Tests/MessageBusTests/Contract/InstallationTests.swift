import MessageBus
import Testing
import TradingCore

/// That a bus adds to no ledger but its own.
@Suite struct InstallationTests {
    @Test(arguments: BusKind.allCases)
    func `a ledger is begun once`(kind: BusKind) throws {
        let fixture = try BusFixture(kind)
        defer { fixture.stop() }
        #expect(try fixture.makeBus().beginLedger("one") == "one")
        // Whoever comes later, and one that belongs to a ledger which is gone.
        #expect(try fixture.makeBus().beginLedger("two") == "one")
        #expect(try fixture.makeBus(installation: "three").beginLedger("two") == "one")
        let document = StoredDocument(version: 1, state: "", body: Array("one".utf8))
        #expect(try fixture.makeBus().load([.installation]) == [document])
    }

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

        #expect(try founder.beginLedger("one") == "one")
        for attempt in attempts { try attempt() }
        try bus.append("input")
        let input = try #require(try bus.receiveNow().deliveries.first)

        try fixture.loseData()
        expectRefusals("after its data was lost")
        let acknowledging = #expect(throws: MessageBusError.self) { try bus.acknowledge(input) }
        #expect(acknowledging?.code == .ledgerReplaced)
        #expect(try bus.load([.trade, .quote]) == [nil, nil])
        #expect(try bus.quiescence(of: [(.filled, "position")]) == .busy("stream order.filled does not exist"))

        #expect(try founder.beginLedger("two") == "two")
        expectRefusals("after another was founded in its place")
        try fixture.makeBus(installation: "two").create(.trade)
    }
}
