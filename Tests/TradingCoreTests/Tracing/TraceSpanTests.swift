import Testing
import TradingCore

@Suite struct TraceSpanTests {
    private func span() throws -> TraceSpan {
        var span = TraceSpan(
            "risk.approve_trade",
            .consumer,
            traceID: try #require(TraceID("4bf92f3577b34da6a3ce929d0e0e4736")),
            id: try #require(SpanID("00f067aa0ba902b7")),
            parent: SpanID("00f067aa0ba902b8"),
            start: Timestamp(nanoseconds: 1_795_444_200_000_000_001),
            end: Timestamp(nanoseconds: 1_795_444_200_000_000_003),
            attributes: ["trade.id": .text("AAPL-1"), "attempt": .integer(.max), "is_paper": .flag(true)]
        )
        span.events = [.init("trade.transition", at: Timestamp(nanoseconds: 5), ["trade.state.to": .text("FILLED")])]
        span.links = [.init(traceID: span.traceID, spanID: try #require(SpanID("00f067aa0ba902b9")))]
        return span
    }

    @Test func `a span is written as OTLP's JSON wants it`() throws {
        #expect(
            JSONWriter.text(try self.span())
                == #"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","#
                + #""parentSpanId":"00f067aa0ba902b8","name":"risk.approve_trade","kind":5,"#
                + #""startTimeUnixNano":"1795444200000000001","endTimeUnixNano":"1795444200000000003","attributes":["#
                + #"{"key":"attempt","value":{"intValue":"9223372036854775807"}},"#
                + #"{"key":"is_paper","value":{"boolValue":true}},"#
                + #"{"key":"trade.id","value":{"stringValue":"AAPL-1"}}],"events":[{"timeUnixNano":"5","#
                + #""name":"trade.transition","attributes":["#
                + #"{"key":"trade.state.to","value":{"stringValue":"FILLED"}}]}],"#
                + #""links":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b9"}]}"#
        )
    }

    @Test func `what was written is read again`() throws {
        var span = try self.span()
        #expect(try TraceSpan(json: try JSONValue(parsing: JSONWriter.bytes(span))) == span)
        span.fail("refused", "insufficient buying power")
        let failed = try TraceSpan(json: try JSONValue(parsing: JSONWriter.bytes(span)))
        #expect(failed == span)
        #expect(failed.attributes["error.type"] == .text("refused"))
    }

    @Test func `ids that are made say the same of the same, and are never zero`() {
        #expect(SpanID(derivedFrom: "a", "b") == SpanID(derivedFrom: "a", "b"))
        #expect(SpanID(derivedFrom: "ab", "") != SpanID(derivedFrom: "a", "b"))
        for _ in 0..<1000 { #expect(SpanID(SpanID.random().rawValue) != nil) }
    }

    @Test(arguments: [(0.0, 0), (0.25, 250), (0.5, 500), (1.0, 1000)])
    func `a sampler takes about the part it is to take, and always the same`(ratio: Double, expected: Int) throws {
        let symbol = try #require(Symbol("AAPL"))
        let traces = (0..<1000).map { second in
            TraceID(seed: "test", trade: TradeID(symbol: symbol, signaledAt: Timestamp(seconds: Int64(second))))
        }
        let sampler = TraceSampler.ratio(ratio)
        let taken = traces.filter { sampler.takes($0) }
        #expect(abs(taken.count - expected) < 60)
        #expect(taken == traces.filter { sampler.takes($0) })
        #expect(traces.allSatisfy { TraceSampler.all.takes($0) && !TraceSampler.none.takes($0) })
    }
}
