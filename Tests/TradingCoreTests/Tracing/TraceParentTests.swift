import Testing
import TradingCore

/// W3C Trace Context, level 1: section 3.2.
@Suite struct TraceParentTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    @Test(arguments: [("01", true), ("00", false), ("03", true), ("ff", true), ("fe", false)])
    func `the flags' lowest bit says whether it is sampled`(flags: String, isSampled: Bool) throws {
        let parent = try #require(TraceParent("00-\(Self.trace)-\(Self.span)-\(flags)"))
        #expect(parent.traceID.rawValue == Self.trace)
        #expect(parent.spanID.rawValue == Self.span)
        #expect(parent.isSampled == isSampled)
        #expect(parent.description == "00-\(Self.trace)-\(Self.span)-\(isSampled ? "01" : "00")")
    }

    @Test func `a later version may say more, and its first four parts are read`() throws {
        #expect(TraceParent("cc-\(Self.trace)-\(Self.span)-01") != nil)
        #expect(TraceParent("cc-\(Self.trace)-\(Self.span)-01-what-comes-later") != nil)
    }

    @Test(arguments: [
        "", "00", "00-\(Self.trace)-\(Self.span)", "00-\(Self.trace)-\(Self.span)-01-more",
        "ff-\(Self.trace)-\(Self.span)-01", "0-\(Self.trace)-\(Self.span)-01", "000-\(Self.trace)-\(Self.span)-01",
        "0G-\(Self.trace)-\(Self.span)-01", "00-\(Self.trace.uppercased())-\(Self.span)-01",
        "00-\(Self.trace.dropLast())-\(Self.span)-01", "00-\(Self.trace)-\(Self.span.dropLast())-01",
        "00-\(Self.trace)-\(Self.span.uppercased())-01", "00-00000000000000000000000000000000-\(Self.span)-01",
        "00-\(Self.trace)-0000000000000000-01", "00-\(Self.trace)-\(Self.span)-1", "00-\(Self.trace)-\(Self.span)-001",
        "00-\(Self.trace)-\(Self.span)-0x", "00-\(Self.trace)-\(Self.span)-01 ", " 00-\(Self.trace)-\(Self.span)-01",
        "00_\(Self.trace)_\(Self.span)_01", "00-\(Self.trace)-\(Self.span)-+1",
    ])
    func `anything else is none`(text: String) {
        #expect(TraceParent(text) == nil)
    }

    @Test func `every message says in which span it was sent`() throws {
        let symbol = try #require(Symbol("AAPL"))
        let message = Speaker(.strategy).say(
            .quoteRequested(QuoteRequest(symbol: symbol)),
            at: Timestamp(seconds: 0),
            about: "1"
        )
        let json = try JSONValue(parsing: message.encoded())
        let text = try #require(json["metadata"]?["traceparent"]?.stringValue)
        let parent = try #require(TraceParent(text))
        #expect(parent == message.traceParent)
        #expect(parent.traceID == message.traceID)
        #expect(parent.spanID == SpanID(sending: message.id))
    }
}
