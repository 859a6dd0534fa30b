import MessageBus
import Testing
import TradingCore

/// Quotes and the cursors of those who read them.
@Suite struct QuoteTests {
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
}
