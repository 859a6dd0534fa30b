import Testing
import TradingCore

@Suite struct JSONParserTests {
    @Test(
        arguments: [
            ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("\"\"", .string("")), ("[]", .array([])),
            ("{}", .object([])), (" \t\r\n[ \t\r\n] \t\r\n", .array([])), ("{ }", .object([])),
            ("[1 , 2]", .array([.number("1"), .number("2")])),
            ("{ \"a\" : 1 , \"b\" : null }", .object([JSONMember("a", .number("1")), JSONMember("b", .null)])),
            ("{\"\":{\"\":[]}}", .object([JSONMember("", .object([JSONMember("", .array([]))]))])),
            (
                "{\"a\":{\"b\":1},\"b\":{\"a\":1}}",
                .object([
                    JSONMember("a", .object([JSONMember("b", .number("1"))])),
                    JSONMember("b", .object([JSONMember("a", .number("1"))])),
                ])
            ),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")), (#""\u0041\u00e9\u20AC""#, .string("Aé€")),
            (#""\u0000""#, .string("\0")), (#""\uD83D\uDE00""#, .string("😀")), (#""\ud83d\ude00x""#, .string("😀x")),
            (#""\uDBFF\uDFFF""#, .string("\u{10FFFF}")), (#""\uFFFF\uFEFF""#, .string("\u{FFFF}\u{FEFF}")),
            ("\"é€😀\u{7F}\u{2028}/\"", .string("é€😀\u{7F}\u{2028}/")),
        ] as [(String, JSONValue)]
    )
    func `reads what RFC 8259 allows`(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == value)
    }

    @Test(arguments: [
        "0", "-0", "7", "-7", "10", "1.0", "175.50", "0.000000000000000000000000000001", "-1.5e-7", "1E400", "1e+05",
        "2e00", "123456789012345678901234567890.123456789012345678901234567890",
    ])
    func `keeps a number's text exactly`(text: String) throws {
        #expect(try JSONValue(parsing: Array(text.utf8)) == .number(text))
        #expect(try JSONValue(parsing: Array("[\(text)]".utf8)) == .array([.number(text)]))
        #expect(JSONWriter.text(JSONValue.number(text)) == text)
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "Null", "TRUE", "tru", "undefined", "NaN", "Infinity", "-Infinity", "'a'", "a",
        "+1", "-", "--1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1e+-1", "1..2", "1.2.3",
        "0x10",
        "1 2", "1,", "1_000", "１", "\u{FEFF}1", "\u{A0}1", "\u{C}1", "1\0",
        "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1}", "[1]]", "[]x", "[] []", "[\"a\":1]",
        "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\" 1}",
        "{\"a\"::1}",
        "{a:1}", "{1:1}", "{null:1}", "{\"a\":1 \"b\":2}", "{\"a\":1]", "{'a':1}", "{}{}", "{\"a\":1}//", "/**/1",
        "\"", "\"a", "\"\\\"", "\"\\", "\"\\x41\"", "\"\\'\"", "\"\\U0041\"", "\"\\0\"", "\"\n\"", "\"\t\"", "\"\0\"",
        "\"\u{1F}\"", "\"\\\n\"", "\"\\u\"", "\"\\u12\"", "\"\\u123\"", "\"\\u12g4\"", "\"\\u+123\"", "\"\\u 123\"",
        "\"\\u００４１\"", "\"a\"b\"",
    ])
    func `refuses what RFC 8259 does not allow`(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text.utf8)) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array("[0,\(text)]".utf8)) }
    }

    @Test(arguments: [
        #"\uD800"#, #"\uDBFF"#, #"\uDC00"#, #"\uDFFF"#, #"\uD800x"#, #"\uD800\n"#, #"\uD800\u0041"#, #"\uD800\uD800"#,
        #"\uDC00\uD800"#, #"\uD83D\u"#, #"\uD83D\"#, #"\uD83D\uDE0"#, #"\uD800\uE000"#, #"\uD800\uFFFF"#,
    ])
    func `refuses half a surrogate pair`(escape: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array("\"\(escape)\"".utf8)) }
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xFF], [0xFE], [0xC3], [0xC3, 0x28], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0xAF],
            [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0xAF], [0xF0, 0x9F, 0x98],
            [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]]
    )
    func `refuses text that is not UTF-8`(bytes: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        #expect(throws: JSONError.self) { try JSONValue(parsing: [quote] + bytes + [quote]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: [quote] + Array("\\n".utf8) + bytes + [quote]) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array("[1]".utf8) + bytes) }
    }

    @Test func `refuses nesting deeper than 64`() throws {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]")] {
            let levels = open.filter { $0 == "[" || $0 == "{" }.count
            func nested(_ times: Int) -> [UInt8] {
                Array((String(repeating: open, count: times) + "1" + String(repeating: close, count: times)).utf8)
            }
            #expect(throws: Never.self) { try JSONValue(parsing: nested(64 / levels)) }
            #expect(throws: JSONError.self) { try JSONValue(parsing: nested(64 / levels + 1)) }
            #expect(throws: JSONError.self) { try JSONValue(parsing: nested(200_000)) }
        }
        let empty = String(repeating: "[", count: 65) + String(repeating: "]", count: 65)
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(empty.utf8)) }
    }

    @Test func `refuses a member that stands twice, however many there are`() throws {
        #expect(throws: JSONError("the member \"a\" stands twice (byte 10)")) {
            try JSONValue(parsing: Array(#"{"a":1,"a":1}"#.utf8))
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: Array(#"{"a":1,"\u0061":2}"#.utf8)) }
        for count in [1, 15, 16, 17, 40, 20_000] {
            let members = (0..<count).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
            guard case .object(let read) = try JSONValue(parsing: Array("{\(members)}".utf8)) else {
                Issue.record("no object")
                return
            }
            #expect(read.count == count)
            #expect(read.last == JSONMember("n\(count - 1)", .number("\(count - 1)")))
            for repeated in [0, count / 2, count - 1] {
                #expect(throws: JSONError.self) {
                    try JSONValue(parsing: Array("{\(members),\"n\(repeated)\":0}".utf8))
                }
            }
        }
    }

    @Test(arguments: [
        ("[1,2", "a comma or ] is due (byte 4)"), ("{\"a\":1,", "a member name is due (byte 7)"),
        ("{\"a\"1", "a colon is due (byte 4)"), ("{} {", "something follows the JSON value (byte 3)"),
        ("[1,x]", "a value cannot begin here (byte 3)"), ("", "the text ends where a value is due (byte 0)"),
        ("\"abc", "the text ends inside a string (byte 4)"),
    ])
    func `errors say what was due and where`(text: String, problem: String) {
        #expect(throws: JSONError(problem)) { try JSONValue(parsing: Array(text.utf8)) }
    }

    @Test func `random and damaged bytes are read or refused, and what is read is written back`() throws {
        var random = SplitMix64(seed: 4)
        let seeds = [
            #"{"event":"strategy.entry.signal","data":{"entry_price":175.50,"n":[1,-2.5e-3,true,false,null]},"x":"é😀"}"#,
            #"[{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"},[[[[]]]],{},"",0,-0.0,1E+9]"#,
        ].map { Array($0.utf8) }
        let alphabet = Array(#"{}[]:,"\ue0123456789+-.tfnrulas \#u{0}\#u{1F}"#.utf8) + [0x80, 0xC3, 0xED, 0xF0, 0xFF]
        var accepted = 0
        for round in 0..<50_000 {
            var bytes: [UInt8]
            if round % 5 == 0 {
                bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                }
            } else {
                bytes = seeds[round % 2]
                bytes.damage(Int.random(in: 1...3, using: &random), with: alphabet, using: &random)
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            accepted += 1
            let written = JSONWriter.bytes(value)
            #expect(try JSONValue(parsing: written) == value)
        }
        #expect(accepted > 1000)
    }
}

extension [UInt8] {
    /// Replaces, removes, inserts, repeats or cuts off bytes in `times` places.
    mutating func damage(_ times: Int, with alphabet: [UInt8], using random: inout SplitMix64) {
        for _ in 0..<times where !self.isEmpty {
            let place = Int.random(in: 0..<self.count, using: &random)
            let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: self[place] = byte
            case 1: self[place] = UInt8.random(in: 0...255, using: &random)
            case 2: self.remove(at: place)
            case 3: self.insert(byte, at: place)
            case 4:
                let end = Swift.min(place + Int.random(in: 1...20, using: &random), self.count)
                self.insert(contentsOf: Array(self[place..<end]), at: Int.random(in: 0...self.count, using: &random))
            default:
                if Int.random(in: 0..<4, using: &random) == 0 { self.removeSubrange(place...) }
            }
        }
    }
}
