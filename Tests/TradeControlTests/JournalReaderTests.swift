import MessageBus
import TestSupport
import Testing
import TradeControl
import TradingCore

@Suite struct JournalReaderTests {
    @Test func `several streams are gone through in the order of time`() throws {
        let stage = try OperatorStage()
        defer { stage.redis.stop() }
        let redis = try RedisConnection(to: stage.redis.endpoint)
        // More than is read at once, ids of growing length, and one stream ending long before the other.
        var written: [String] = []
        for number in 0..<700 {
            let stream = number % 3 == 0 && number < 300 ? "journal.calls" : "journal"
            let id = number % 2 == 0 ? "\(number + 1)-0" : "\(number)-12"
            _ = try redis.call(RedisCommand("XADD", "{quintet}:stream:\(stream)", id, "d", "entry \(number)"))
            written.append("entry \(number)")
        }
        func read(_ streams: [StreamName], holding text: String? = nil) throws -> [String] {
            var found: [String] = []
            try JournalReader(stage.bus).forEach(in: streams, holding: text) { _, bytes in
                found.append(String(decoding: bytes, as: UTF8.self))
            }
            return found
        }
        #expect(try read(StreamName.journals) == written)
        #expect(try read([.journal]).count == 600)
        #expect(try read(StreamName.journals, holding: "entry 69") == written.filter { $0.contains("entry 69") })
        #expect(try read([.callJournal], holding: "nowhere").isEmpty)
    }
}
