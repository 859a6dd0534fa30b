import Testing
import TradingCore

@Suite struct MessageTests {
    @Test(arguments: EventName.allCases)
    func `the canonical message of every event is read and written byte for byte`(event: EventName) throws {
        let bytes = try WireFixture.bytes(event)
        let message = try Message(decoding: bytes)
        #expect(message.event == event)
        #expect(message.timestamp == Timestamp("2025-10-28T14:30:00Z"))
        #expect(message.traceID == TraceID("4bf92f3577b34da6a3ce929d0e0e4736"))
        #expect(message.correlationID == "scan-456")
        #expect(message.body == Self.bodies.first { $0.event == event })
        let encoded = message.encoded()
        #expect(encoded == bytes, "\(String(decoding: encoded, as: UTF8.self))")
    }

    @Test func `every event has a canonical message and every canonical message an event`() throws {
        #expect(try WireFixture.names() == Set(EventName.allCases.map { "\($0.rawValue).json" }))
        #expect(Self.bodies.map(\.event) == EventName.allCases)
    }

    @Test func `the envelope says who, why and which trade`() throws {
        let filled = try Message(decoding: try WireFixture.bytes(.orderFilled))
        #expect(filled.source == "OrderExecutionAgent")
        #expect(filled.tradeID == Self.trade)
        #expect(filled.id == MessageID("m-16"))
        #expect(filled.causationID == MessageID("m-00"))
        let halted = try Message(decoding: try WireFixture.bytes(.tradingHalted))
        #expect(halted.source == "tradectl")
        #expect(halted.tradeID == nil)
        #expect(halted.causationID == nil)
    }

    @Test func `a halt in the ledger and its message read back as they were written`() throws {
        let since = Timestamp(seconds: 1_233_954_000)
        let halt = TradingHalt(by: "ann@desk", reason: "odd \"data\"", since: since)
        #expect(try TradingHalt(json: try JSONValue(parsing: JSONWriter.bytes(halt))) == halt)
        let told = TradingSwitch(reason: "odd data", since: since)
        #expect(try TradingSwitch(json: try JSONValue(parsing: JSONWriter.bytes(told))) == told)
    }

    @Test func `reads the envelope of the specification`() throws {
        let text = """
            {"event": "strategy.entry.signal", "timestamp": "2025-10-28T14:30:00Z",
             "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
             "data": {"symbol": "AAPL", "entry_price": 175.50, "stop_price": 166.72, "target_price": 201.82,
                      "quantity": 5, "risk_reward_ratio": 3.0},
             "metadata": {"source": "StrategyAgent", "correlation_id": "scan-456",
                          "trade_id": "AAPL-20251028T143000Z", "message_id": "m-1", "causation_id": "m-00",
                          "schema_version": 1, "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
            """
        var message = try Message(decoding: Array(text.utf8))
        message.id = try #require(MessageID("m-09"))
        #expect(message.encoded() == (try WireFixture.bytes(.entrySignal)))
    }

    @Test(arguments: EventName.olderSpellings.sorted { $0.key < $1.key })
    func `older spellings are read and written in today's`(spelling: String, event: EventName) throws {
        let bytes = try WireFixture.bytes(event)
        let older = try WireFixture.text(event).replacing("\"\(event.rawValue)\"", with: "\"\(spelling)\"")
        #expect(Array(older.utf8) != bytes)
        let message = try Message(decoding: Array(older.utf8))
        #expect(message.event == event)
        #expect(message.encoded() == bytes)
        #expect(EventName(spelling: spelling) == event)
    }

    @Test func `the older spellings are those of the specification`() {
        let spellings = EventName.olderSpellings.map { "\($0.key) \($0.value.rawValue)" }.sorted()
        #expect(
            spellings == [
                "market_data.bars_received market_data.bars.received",
                "market_data.check_status market_data.status.requested",
                "market_data.get_bars market_data.bars.requested",
                "market_data.get_quote market_data.quote.requested",
                "market_data.market_status market_data.market.status",
                "market_data.quote_updated market_data.quote.updated", "order.submit order.submitted",
                "order.submit.success order.submitted", "position.stop_hit position.stop.hit",
                "position.stop_set position.stop.set", "position.target_hit position.target.hit",
                "risk.trade_approved risk.trade.approved", "strategy.candidate_found strategy.candidate.found",
            ]
        )
        for event in EventName.allCases {
            #expect(EventName(spelling: event.rawValue) == event)
            #expect(EventName.olderSpellings[event.rawValue] == nil)
        }
        for spelling in ["", "order", "order.Filled", "order.filled ", "order.submit.", "orders.filled"] {
            #expect(EventName(spelling: spelling) == nil)
        }
    }

    @Test func `private events are those between an agent and its lanes, or from one agent to one other`() {
        #expect(
            EventName.allCases.filter(\.isPrivate).map(\.rawValue).sorted() == [
                "broker.call.completed", "broker.call.requested", "broker.orders.moved", "order.abort.requested",
                "order.exit.requested",
            ]
        )
    }

    @Test(
        arguments: [
            (
                .entrySignal, "\"entry_price\":175.5", "\"entry_price\":\"175.5\"",
                "data.entry_price: expected a decimal number with at most 8 decimals, found the text \"175.5\""
            ),
            (.entrySignal, "\"entry_price\":175.5,", "", "data.entry_price: is missing"),
            (
                .entrySignal, "\"entry_price\":175.5", "\"entry_price\":null",
                "data.entry_price: expected a decimal number with at most 8 decimals, found null"
            ),
            (
                .entrySignal, "\"quantity\":5", "\"quantity\":[]",
                "data.quantity: expected a decimal number with at most 8 decimals, found an array"
            ),
            (.entrySignal, "\"AAPL\"", "\"aapl\"", "data.symbol: \"aapl\" is no ticker symbol such as AAPL"),
            (.entrySignal, "\"message_id\":\"m-09\",", "", "metadata.message_id: is missing"),
            (
                .entrySignal, "\"message_id\":\"m-09\"", "\"message_id\":\"m 09\"",
                "metadata.message_id: \"m 09\" is no message id"
            ),
            (
                .entrySignal, "\"source\":\"StrategyAgent\"", "\"source\":7",
                "metadata.source: expected text, found the number 7"
            ),
            (.entrySignal, "\"schema_version\":1,", "", "metadata.schema_version: is missing"),
            (
                .entrySignal, "\"schema_version\":1", "\"schema_version\":2",
                "metadata.schema_version: version 2 is not understood, only 1"
            ),
            (.entrySignal, "\"data\":{", "\"dada\":{", "data: is missing"),
            (
                .entrySignal, "\"data\":{\"symbol\"", "\"data\":[],\"dada\":{\"symbol\"",
                "data: expected an object, found an array"
            ),
            (.entrySignal, "\"metadata\":", "\"about\":", "metadata: is missing"),
            (.entrySignal, "\"event\":", "\"name\":", "event: is missing"),
            (
                .entrySignal, "\"strategy.entry.signal\"", "\"strategy.entry\"",
                "event: \"strategy.entry\" is no event this system knows"
            ),
            (
                .entrySignal, "2025-10-28T14:30:00Z", "2025-10-28",
                "timestamp: expected an RFC 3339 time such as 2025-10-28T14:30:00Z, found the text \"2025-10-28\""
            ),
            (
                .entrySignal, "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\"",
                "\"trace_id\":\"00000000000000000000000000000000\"",
                "trace_id: \"00000000000000000000000000000000\" is no W3C trace id"
            ),
            (.barsReceived, "\"volume\":0", "\"volume\":-1", "data.bars.[1]: volume -1 is negative"),
            (.barsReceived, "\"high\":176.25", "\"high\":1", "data.bars.[0]: high 1 is below low 173.9999"),
            (
                .brokerCallRequested, "\"limit\"", "\"limits\"",
                "data.order.type: \"limits\" is none of market, limit, stop, stop_limit, trailing_stop"
            ),
            (
                .brokerCallCompleted, "\"event\":\"partially_filled\"", "\"event\":\"filed\"",
                "data.orders.[0].event: \"filed\" is no order event"
            ),
        ] as [(EventName, String, String, String)]
    )
    func `errors carry the path`(event: EventName, part: String, damaged: String, description: String) throws {
        let text = try WireFixture.text(event)
        let changed = text.replacing(part, with: damaged)
        #expect(changed != text)
        let error = #expect(throws: JSONError.self) { try Message(decoding: Array(changed.utf8)) }
        #expect(error?.description == description)
    }

    @Test func `a message of another version is refused for that, whatever its data`() throws {
        let text = try WireFixture.text(.entrySignal)
            .replacing("\"schema_version\":1", with: "\"schema_version\":2").replacing("entry_price", with: "entry")
        let error = #expect(throws: JSONError.self) { try Message(decoding: Array(text.utf8)) }
        #expect(error?.description == "metadata.schema_version: version 2 is not understood, only 1")
    }

    @Test(arguments: EventName.allCases)
    func `unknown members are passed over`(event: EventName) throws {
        let bytes = try WireFixture.bytes(event)
        let unknown = "{\"unknown\":{\"a\":[1,null]},"
        let text = try WireFixture.text(event).replacing("{", with: unknown).replacing(",}", with: "}")
        let message = try Message(decoding: Array(text.utf8))
        #expect(message.encoded() == bytes)
    }

    @Test(arguments: [7, 8] as [UInt64])
    func `damaged messages are refused or read, and what is read can be written`(seed: UInt64) throws {
        let fixtures = try EventName.allCases.map { try WireFixture.bytes($0) }
        let digits = fixtures.map { bytes in
            bytes.indices.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[$0]) }
        }
        let alphabet = Array("{}[]:,\"\\-.0123456789eEnulltrue".utf8) + [0x80, 0xFF]
        var random = SplitMix64(seed: seed)
        var accepted = 0
        for round in 0..<50_000 {
            var bytes = fixtures[round % fixtures.count]
            if round % 2 == 0 {
                bytes.damage(Int.random(in: 1...2, using: &random), with: alphabet, using: &random)
            } else {
                // Other digits leave most messages readable, with figures nobody would have thought of.
                let places = digits[round % fixtures.count]
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[places[Int.random(in: 0..<places.count, using: &random)]] =
                        UInt8(ascii: "0") + UInt8.random(in: 0...9, using: &random)
                }
            }
            guard let message = try? Message(decoding: bytes) else { continue }
            accepted += 1
            if round % 8 < 2 { #expect(try Message(decoding: message.encoded()) == message) }
        }
        #expect(accepted > 5000)
    }

}
