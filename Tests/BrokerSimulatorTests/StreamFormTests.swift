import BrokerSimulator
import Testing
import TradingCore

/// Which form a stream's messages have, and what may be subscribed.
struct StreamFormTests {
    private static let auth = #"{"action":"auth","key":"key","secret":"secret"}"#

    private static func packed(_ text: String) throws -> [UInt8] {
        MessagePack.bytes(try JSONValue(parsing: Array(text.utf8)))
    }

    private static func text(_ bytes: [UInt8]) throws -> String { JSONWriter.text(try MessagePack.value(bytes)) }

    @Test func `a data client that asks for MessagePack gets it, its own messages in fragments`() async throws {
        try await withSimulator(.init(requiredStreams: [.marketData])) { simulator in
            let client = try StreamClient(
                port: simulator.port,
                path: "/v2/iex",
                headers: "Content-Type: application/msgpack\r\n"
            )
            #expect(try Self.text(client.nextBinary()) == #"[{"T":"success","msg":"connected"}]"#)
            try client.frame(opcode: 2, Self.packed(Self.auth))
            #expect(try Self.text(client.nextBinary()) == #"[{"T":"success","msg":"authenticated"}]"#)
            try client.frame(opcode: 2, Array(Self.auth.utf8))
            #expect(try Self.text(client.nextBinary()).contains(#""code":400"#))
            let bytes = try Self.packed(#"{"action":"subscribe","quotes":["AAPL","MSFT"]}"#)
            try client.frame(opcode: 2, isFinal: false, Array(bytes[..<5]))
            try client.frame(opcode: 0, isFinal: false, Array(bytes[5...]))
            // Some clients close a message with an empty frame.
            try client.frame(opcode: 0, isFinal: true, [])
            #expect(try Self.text(client.nextBinary()).contains(#""quotes":["AAPL","MSFT"]"#))
            let first = try client.nextBinary()
            #expect(
                try Self.text(first) == """
                    [{"T":"q","S":"AAPL","t":"2009-01-02T14:30:00Z","bx":"V","bp":90,"bs":100,"ax":"V","ap":90,\
                    "as":100,"c":["R"],"z":"C"}]
                    """
            )
            // 2009-01-02T14:30:00Z as the extension -1 with four bytes of seconds.
            #expect(first.firstRange(of: [0xA1, 0x74, 0xD6, 0xFF, 0x49, 0x5E, 0x24, 0xE8]) != nil)
        }
    }

    @Test func `trade updates come in binary frames where that is set`() async throws {
        var configuration = BrokerSimulatorConfiguration()
        configuration.tradeUpdateForm = .binary
        try await withSimulator(configuration) { simulator in
            let client = try StreamClient(port: simulator.port, path: "/stream")
            try client.send(Self.auth)
            #expect(
                String(decoding: try client.nextBinary(), as: UTF8.self)
                    == #"{"stream":"authorization","data":{"status":"authorized","action":"auth"}}"#
            )
            let data = try StreamClient(port: simulator.port, path: "/v2/iex")
            #expect(try data.nextText().contains("connected"))
        }
    }

    @Test func `a subscription beyond the limit or of another feed changes nothing`() async throws {
        var configuration = BrokerSimulatorConfiguration()
        configuration.symbolLimit = 2
        try await withSimulator(configuration) { simulator in
            let client = try StreamClient(port: simulator.port, path: "/v2/iex")
            try client.send(Self.auth)
            try client.send(#"{"action":"subscribe","quotes":["AAPL"],"trades":["MSFT"],"bars":["AAPL"]}"#)
            for _ in 0..<3 { _ = try client.nextText() }
            try client.send(#"{"action":"subscribe","bars":["IBM"]}"#)
            #expect(try client.nextText() == #"[{"T":"error","code":405,"msg":"symbol limit exceeded"}]"#)
            try client.send(#"{"action":"subscribe","news":["*"]}"#)
            #expect(
                try client.nextText()
                    == #"[{"T":"error","code":410,"msg":"invalid subscribe action for this feed"}]"#
            )
            try client.send(#"{"action":"unsubscribe","trades":["MSFT"]}"#)
            #expect(
                try client.nextText() == """
                    [{"T":"subscription","trades":[],"quotes":["AAPL"],"bars":["AAPL"],"updatedBars":[],\
                    "dailyBars":[],"statuses":[],"lulds":[],"corrections":[],"cancelErrors":[]}]
                    """
            )
        }
    }
}
