import Testing
import TradingCore

@Suite struct IdentifiersTests {
    @Test(arguments: [
        "AAPL", "F", "BRK.B", "BF-B", "BRK/B", "A-B-C.D", "X-ENTRY-1", "ABCDEFGHIJKLMNOP", "Z-20250101T0000",
    ])
    func `client order ids read back, whatever the symbol`(ticker: String) throws {
        let symbol = try #require(Symbol(ticker))
        for instant in ["2025-10-28T14:30:00Z", "1999-12-31T23:59:59.000000001Z"] {
            let trade = TradeID(symbol: symbol, signaledAt: try #require(Timestamp(instant)))
            #expect(TradeID(trade.rawValue) == trade)
            for role in OrderRole.allCases {
                for attempt in [1, 2, 10, 9999] {
                    let id = ClientOrderID(trade: trade, role: role, attempt: attempt)
                    #expect(ClientOrderID(id.description) == id)
                    #expect(try ClientOrderID(json: .string(id.description)) == id)
                }
            }
        }
    }

    @Test func `ids are written as the documents say`() throws {
        let instant = try #require(Timestamp("2009-02-06T21:00:00Z"))
        let trade = TradeID(symbol: try #require(Symbol("AAPL")), signaledAt: instant)
        #expect(trade.description == "AAPL-20090206T210000Z")
        let id = ClientOrderID(trade: trade, role: .stop, attempt: 2)
        #expect(id.description == "AAPL-20090206T210000Z-stop-2")
        // A trade whose own name ends like an order's.
        let nested = try #require(ClientOrderID("AAPL-x-entry-1-stop-2"))
        #expect(nested.trade.rawValue == "AAPL-x-entry-1")
    }

    @Test(arguments: [
        "", "-", "---", "AAPL", "AAPL-20251028T143000Z", "AAPL-20251028T143000Z-entry", "AAPL-20251028T143000Z-entry-",
        "AAPL-20251028T143000Z-entry-0", "AAPL-20251028T143000Z-entry--1", "AAPL-20251028T143000Z-entry-+1",
        "AAPL-20251028T143000Z-entry-01", "AAPL-20251028T143000Z-entry-1.0", "AAPL-20251028T143000Z-entry-1 ",
        "AAPL-20251028T143000Z-entry-x", "AAPL-20251028T143000Z-Entry-1", "AAPL-20251028T143000Z-target-1",
        "AAPL-20251028T143000Z-entry-99999999999999999999", "AAPL-entry-1", "entry-1", "AAPL 1-x-entry-1",
        "61e69015-8549-4bfd-b9c3-01e75843f47d", "ÄAPL-20251028T143000Z-entry-1", "AAPL-20251028T143000Z-entry-１",
    ])
    func `ids that were not made here are no client order ids`(text: String) {
        #expect(ClientOrderID(text) == nil)
        #expect(throws: JSONError.self) { try ClientOrderID(json: .string(text)) }
    }

    @Test func `trade ids have 3 to 64 plain characters and a dash`() {
        for text in ["A-1", "BRK.B-20251028T143000Z", "a/b:c_d-9", String(repeating: "x", count: 63) + "-"] {
            #expect(TradeID(text)?.rawValue == text)
        }
        for text in [
            "", "-", "A-", "AAPL", "A 1-2", "A-1\n", "A-é", "A-*", "{A}-1", "A-\0",
            String(repeating: "x", count: 64) + "-",
        ] {
            #expect(TradeID(text) == nil)
            #expect(throws: JSONError.self) { try TradeID(json: .string(text)) }
        }
        #expect(throws: JSONError.self) { try TradeID(json: .number("1")) }
    }

    @Test func `message ids have 1 to 64 plain characters`() {
        for text in ["m", "4bf92f3577b34da6a3ce929d0e0e4736", "1-0", String(repeating: "x", count: 64)] {
            #expect(MessageID(text)?.rawValue == text)
        }
        for text in ["", " ", "a b", "é", "\"", "a\n", String(repeating: "x", count: 65)] {
            #expect(MessageID(text) == nil)
            #expect(throws: JSONError.self) { try MessageID(json: .string(text)) }
        }
    }

    @Test func `trace ids are 32 lower-case hexadecimal digits, not all zero`() {
        for text in ["4bf92f3577b34da6a3ce929d0e0e4736", "00000000000000000000000000000001"] {
            #expect(TraceID(text)?.rawValue == text)
        }
        for text in [
            "", "0", "00000000000000000000000000000000", "4BF92F3577B34DA6A3CE929D0E0E4736",
            "4bf92f3577b34da6a3ce929d0e0e473", "4bf92f3577b34da6a3ce929d0e0e47360", "4bf92f3577b34da6a3ce929d0e0e473g",
            "4bf92f35-77b34da6a3ce929d0e0e473", "é\u{301}f92f3577b34da6a3ce929d0e0e473",
        ] {
            #expect(TraceID(text) == nil)
            #expect(throws: JSONError.self) { try TraceID(json: .string(text)) }
        }
    }

    @Test func `a trade's trace is the same in one installation and another in the next`() throws {
        let trade = try #require(TradeID("AAPL-20251028T143000Z"))
        let trace = TraceID(seed: "paper", trade: trade)
        #expect(trace.rawValue == "7790ae5158dd14616ddf0b0047b6e0c9")
        #expect(TraceID(trace.rawValue) == trace)
        #expect(TraceID(seed: "live", trade: trade) != trace)
    }
}
