import Testing
import TradingCore

@Suite struct BrokerCallTests {
    private static let stopID = MessageTests.stopID
    private static let instant = Timestamp(seconds: 1_761_661_800)
    private static let date = CalendarDate(dayNumber: 20_389)
    private static let terms = OrderTerms(
        clientOrderID: stopID,
        symbol: MessageTests.symbol,
        side: .sell,
        type: .stop,
        quantity: Quantity(5),
        stopPrice: Price(166),
        timeInForce: .goodTillCancelled
    )

    private static let calls: [BrokerCall] = [
        BrokerCall(.place(terms), lane: .protective), BrokerCall(.cancel(stopID), lane: .protective, attempt: 3),
        BrokerCall(.find(stopID), lane: .protective, delaySeconds: 5),
        BrokerCall(.reconcile([]), lane: .protective), BrokerCall(.reconcile([stopID, stopID]), lane: .protective),
        BrokerCall(.account, lane: .account), BrokerCall(.clock, lane: .marketData),
        BrokerCall(.calendar(date, date.adding(days: 30)), lane: .marketData),
        BrokerCall(.bars(BarsRequest(symbol: MessageTests.symbol, timeframe: .day, start: instant)), lane: .marketData),
        BrokerCall(.latestQuotes([MessageTests.symbol]), lane: .marketData),
    ]

    private static let outcomes: [BrokerAnswer.Outcome] = [
        .orders([]), .refused(code: "40310000", reason: "insufficient buying power"), .notFound,
        .unknown(reason: "timeout"), .unavailable(reason: "breaker open"),
        .account(cash: Money(raw: -1), equity: Money(10_000)), .clock(instant),
        .sessions([TradingSession(date: date, open: instant, close: instant + .seconds(23_400))]),
        .bars([Bar(timestamp: instant, open: Price(2), high: Price(3), low: Price(1), close: Price(2), volume: 7)]),
        .quotes([Quote(symbol: MessageTests.symbol, bid: Price(1), ask: Price(2), timestamp: instant)]),
    ]

    @Test(arguments: calls)
    func `every call reads back as it was`(call: BrokerCall) throws {
        #expect(try BrokerCall(json: try JSONValue(parsing: JSONWriter.bytes(call))) == call)
        #expect(JSONWriter.text(call).contains("\"operation\":\"\(call.name)\""))
    }

    @Test(arguments: outcomes)
    func `every answer reads back as it was`(outcome: BrokerAnswer.Outcome) throws {
        let answer = BrokerAnswer(Self.calls[0], outcome)
        #expect(try BrokerAnswer(json: try JSONValue(parsing: JSONWriter.bytes(answer))) == answer)
    }

    @Test func `the same call once more waits a second and counts on`() {
        let again = BrokerCall(.cancel(Self.stopID), lane: .protective, delaySeconds: 9, attempt: 2).again()
        #expect(again == BrokerCall(.cancel(Self.stopID), lane: .protective, delaySeconds: 1, attempt: 3))
    }

    @Test func `an operation and an outcome nobody knows are refused`() throws {
        let call = JSONWriter.text(BrokerCall(.account, lane: .account))
        let unknown = call.replacing("\"operation\":\"account\"", with: "\"operation\":\"sell_everything\"")
        let error = #expect(throws: JSONError.self) {
            try BrokerCall(json: try JSONValue(parsing: Array(unknown.utf8)))
        }
        #expect(error?.description == "operation: \"sell_everything\" is no broker operation")
        let answer = "{\"call\":\(call),\"outcome\":\"maybe\"}"
        let refusal = #expect(throws: JSONError.self) {
            try BrokerAnswer(json: try JSONValue(parsing: Array(answer.utf8)))
        }
        #expect(refusal?.description == "outcome: \"maybe\" is no outcome of a broker call")
    }
}
