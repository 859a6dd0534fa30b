import BrokerSimulator
import Testing
import TradingCore

struct MessagePackTests {
    private static func value(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test(
        arguments: [
            ("null", [0xC0]), ("false", [0xC2]), ("true", [0xC3]), ("0", [0x00]), ("127", [0x7F]),
            ("128", [0xCC, 0x80]),
            ("256", [0xCD, 0x01, 0x00]), ("65536", [0xCE, 0, 1, 0, 0]), ("4294967296", [0xCF, 0, 0, 0, 1, 0, 0, 0, 0]),
            ("-1", [0xFF]), ("-32", [0xE0]), ("-33", [0xD3, 255, 255, 255, 255, 255, 255, 255, 223]),
            ("1.5", [0xCB, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]), (#""AAPL""#, [0xA4, 0x41, 0x41, 0x50, 0x4C]),
            ("[]", [0x90]), (#"{"a":[1]}"#, [0x81, 0xA1, 0x61, 0x91, 0x01]),
        ] as [(String, [UInt8])]
    )
    func `values have the shortest form there is`(text: String, bytes: [UInt8]) throws {
        #expect(MessagePack.bytes(try Self.value(text)) == bytes)
        #expect(try MessagePack.value(bytes) == Self.value(text))
    }

    @Test(
        arguments: [
            ("2026-03-02T14:30:00Z", 6), ("2026-03-02T14:30:00.000000001Z", 10), ("1969-12-31T23:59:59.5Z", 15),
        ]
    )
    func `a time in a member t is a timestamp and comes back as it was`(text: String, size: Int) throws {
        let value = JSONValue.object([JSONMember("t", .string(text))])
        let bytes = MessagePack.bytes(value)
        // The map's head and the name take three.
        #expect(bytes.count == 3 + size)
        #expect(try MessagePack.value(bytes) == value)
        let other = JSONValue.object([JSONMember("S", .string(text))])
        #expect(MessagePack.bytes(other)[3...].elementsEqual(MessagePack.bytes(.string(text))))
    }

    @Test func `long texts, lists and maps come back as they were`() throws {
        let names = (0..<70_000).map { JSONValue.string("S\($0)") }
        let members = (0..<20).map { JSONMember("name \($0)", .array(Array(names.prefix($0)))) }
        let texts = [31, 32, 255, 256, 65_535, 65_536].map { JSONValue.string(String(repeating: "ü", count: $0 / 2)) }
        for value in [.array(names), .object(members), .array(texts)] as [JSONValue] {
            #expect(try MessagePack.value(MessagePack.bytes(value)) == value)
        }
    }

    @Test(
        arguments: [
            [], [0x92, 0x01], [0xA5, 0x41], [0xC4, 0x01, 0x00], [0xC1], [0x01, 0x01], [0x81, 0x01, 0x01], [0xA1, 0xFF],
            [0xCB, 0x7F, 0xF0, 0, 0, 0, 0, 0, 0], [0xD6, 0x01, 0, 0, 0, 0], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF],
            [UInt8](repeating: 0x91, count: 100) + [0xC0],
        ] as [[UInt8]]
    )
    func `what cannot be read is refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try MessagePack.value(bytes) }
    }

    @Test func `random bytes are read or refused, never worse`() {
        var generator = SystemSeed(state: 7)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1...24, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            guard let value = try? MessagePack.value(bytes) else { continue }
            // What was read can be written, and read again.
            #expect((try? MessagePack.value(MessagePack.bytes(value))) != nil)
        }
    }
}

/// A linear congruential generator.
private struct SystemSeed: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return self.state ^ (self.state >> 31)
    }
}
