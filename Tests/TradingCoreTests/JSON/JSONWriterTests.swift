import Testing
import TradingCore

@Suite struct JSONWriterTests {
    @Test(arguments: [
        ("", #""""#), ("plain", #""plain""#), ("a\"b\\c/", #""a\"b\\c/""#), ("\n", #""\n""#),
        ("\0\u{1}\t\r\u{1F}", #""\u0000\u0001\u0009\u000d\u001f""#), ("\u{7F}é€😀", "\"\u{7F}é€😀\""),
    ])
    func `escapes what has to be escaped`(text: String, written: String) throws {
        #expect(JSONWriter.text(text) == written)
        #expect(try JSONValue(parsing: Array(written.utf8)) == .string(text))
    }

    @Test func `separates members and elements at every depth`() {
        var writer = JSONWriter()
        writer.object {
            $0.field("none", nil as Int?)
            $0.field("a", [1, 2, 3])
            $0.field("gone", nil as String?)
            $0.object("b") {
                $0.field("c", [[true], [], [false, true]])
                $0.object("d") { _ in }
                $0.field("e", [] as [Int])
            }
            $0.field("f", JSONValue.object([]))
            $0.field("g", "x")
        }
        let expected = #"{"a":[1,2,3],"b":{"c":[[true],[],[false,true]],"d":{},"e":[]},"f":{},"g":"x"}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
    }

    @Test(arguments: [Int64.min, -1, 0, 1, 10, .max])
    func `whole numbers read back`(value: Int64) throws {
        #expect(JSONWriter.text(value) == "\(value)")
        #expect(try Int64(json: try JSONValue(parsing: JSONWriter.bytes(value))) == value)
    }

    @Test(arguments: ["9223372036854775808", "1.0", "1e2", "\"1\"", "true", "null"])
    func `refuses what is no whole number of 64 bits`(text: String) {
        #expect(throws: JSONError.self) { _ = try Int64(json: try JSONValue(parsing: Array(text.utf8))) }
    }

    @Test func `floating-point numbers read back as the same bits`() throws {
        var random = SplitMix64(seed: 5)
        for _ in 0..<5000 {
            let value = Double(bitPattern: random.next())
            guard value.isFinite else { continue }
            let read = try Double(json: try JSONValue(parsing: JSONWriter.bytes(value)))
            #expect(read.bitPattern == value.bitPattern)
        }
        for value in [Double.infinity, -.infinity, .nan] { #expect(JSONWriter.text(value) == "null") }
        #expect(throws: JSONError.self) { _ = try Double(json: .number("1e999")) }
    }

    @Test func `what is written reads back as the same value`() throws {
        var random = SplitMix64(seed: 6)
        for _ in 0..<5000 {
            let value = Self.value(depth: 0, using: &random)
            let bytes = JSONWriter.bytes(value)
            let read = try JSONValue(parsing: bytes)
            #expect(read == value)
            #expect(JSONWriter.bytes(read) == bytes)
        }
    }

    @Test func `errors of nested values lead to the place`() {
        let json = JSONValue.object([JSONMember("a", .array([.number("1"), .string("x")]))])
        #expect(throws: JSONError("is missing").inside("b")) { try JSONObject(json).value("b", as: Int.self) }
        let error = #expect(throws: JSONError.self) { try JSONObject(json).value("a", as: [Int].self) }
        #expect(error?.description == "a.[1]: expected a whole number, found the text \"x\"")
    }

    private static func value(depth: Int, using random: inout SplitMix64) -> JSONValue {
        let count = Int.random(in: 0...4, using: &random)
        switch Int.random(in: 0..<(depth < 5 ? 7 : 5), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .number("\(Int64.random(in: .min ... .max, using: &random))")
        case 3: return .number(Money(raw: Int64.random(in: .min ... .max, using: &random)).description)
        case 4: return .string(Self.text(using: &random))
        case 5: return .array((0..<count).map { _ in Self.value(depth: depth + 1, using: &random) })
        default:
            return .object(
                (0..<count).map {
                    JSONMember("\($0)" + Self.text(using: &random), Self.value(depth: depth + 1, using: &random))
                }
            )
        }
    }

    private static func text(using random: inout SplitMix64) -> String {
        let scalars = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 0..<0x110000, using: &random) >> UInt32.random(in: 0..<21, using: &random))
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
