import MessageBus
import Testing
import TradeControl
import TradingCore

@Suite("Reading the ledger")
struct LedgerTests {
    @Test("The strategy, its reasons for an exit, and why messages were set aside come from the streams")
    func streams() throws {
        let bus = InMemoryMessageBus(store: InMemoryMessageStore())
        try LedgerFixture().store(in: bus)
        let ledger = try Ledger(reading: bus)
        #expect(ledger.strategy == "ma-rsi-volume")
        #expect(ledger.exitReasons == [MessageID(derivedFrom: "message"): "late"])
        #expect(ledger.lastDeadLetters == [DeadLetter(stream: "order.filled", reason: "out of reach")])
    }

    @Test("Of many dead letters the newest twenty are kept, also those that cannot be read")
    func deadLetters() throws {
        let bus = InMemoryMessageBus(store: InMemoryMessageStore())
        var commit = Commit()
        commit.messages = (1...25).map { number in
            let body = number == 25 ? "no JSON" : #"{"reason":"\#(number)","stream":"order.filled"}"#
            return OutboundMessage(stream: .deadLetter, channel: nil, body: Array(body.utf8))
        }
        #expect(try bus.commit(commit) == .committed)
        let ledger = try Ledger(reading: bus)
        #expect(ledger.deadLetters == 25 && ledger.strategy == nil)
        #expect(ledger.lastDeadLetters.map(\.reason).prefix(19) == (6...24).map(String.init)[...])
        #expect(ledger.lastDeadLetters.count == 20)
        #expect(ledger.lastDeadLetters.last?.stream == "dead_letter")
    }
}
