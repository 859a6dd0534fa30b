extension JSONValue {
    /// Parses one complete JSON text (RFC 8259). Refused: anything after it, duplicate member names, nesting deeper
    /// than 64, text that is not UTF-8.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        var parser = JSONParser(bytes)
        self = try parser.document()
    }
}

private struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private static let maximumDepth = 64
    /// So many members are searched faster one by one than by their hashes.
    private static let scannedMembers = 16

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONError) -> JSONValue {
        let value = try self.value(depth: 0)
        self.skipSpace()
        guard self.position == self.bytes.count else { throw self.failure("something follows the JSON value") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        self.skipSpace()
        switch self.peek() {
        case UInt8(ascii: "{"): return try self.object(depth: depth + 1)
        case UInt8(ascii: "["): return try self.array(depth: depth + 1)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.literal("true", .bool(true))
        case UInt8(ascii: "f"): return try self.literal("false", .bool(false))
        case UInt8(ascii: "n"): return try self.literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return .number(try self.number())
        case nil: throw self.failure("the text ends where a value is due")
        default: throw self.failure("a value cannot begin here")
        }
    }

    /// `depth` counts this object.
    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        try self.checkDepth(depth)
        self.position += 1
        var members: [JSONMember] = []
        var names: Set<String> = []
        self.skipSpace()
        if self.take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            self.skipSpace()
            guard self.peek() == UInt8(ascii: "\"") else { throw self.failure("a member name is due") }
            let name = try self.string()
            if members.count == Self.scannedMembers { names = Set(members.map(\.name)) }
            let isRepeated =
                members.count < Self.scannedMembers
                ? members.contains { $0.name == name } : !names.insert(name).inserted
            guard !isRepeated else { throw self.failure("the member \"\(name.prefix(32))\" stands twice") }
            self.skipSpace()
            guard self.take(UInt8(ascii: ":")) else { throw self.failure("a colon is due") }
            members.append(JSONMember(name, try self.value(depth: depth)))
            self.skipSpace()
            if self.take(UInt8(ascii: ",")) { continue }
            guard self.take(UInt8(ascii: "}")) else { throw self.failure("a comma or } is due") }
            return .object(members)
        }
    }

    /// `depth` counts this array.
    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        try self.checkDepth(depth)
        self.position += 1
        var values: [JSONValue] = []
        self.skipSpace()
        if self.take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            values.append(try self.value(depth: depth))
            self.skipSpace()
            if self.take(UInt8(ascii: ",")) { continue }
            guard self.take(UInt8(ascii: "]")) else { throw self.failure("a comma or ] is due") }
            return .array(values)
        }
    }

    private func checkDepth(_ depth: Int) throws(JSONError) {
        guard depth <= Self.maximumDepth else { throw self.failure("nested deeper than \(Self.maximumDepth)") }
    }

    private mutating func string() throws(JSONError) -> String {
        self.position += 1
        let start = self.position
        while let byte = self.peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            self.position += 1
        }
        if self.peek() == UInt8(ascii: "\"") {
            let text = try self.text(self.bytes[start..<self.position])
            self.position += 1
            return text
        }
        var collected = Array(self.bytes[start..<self.position])
        while true {
            guard let byte = self.peek() else { throw self.failure("the text ends inside a string") }
            self.position += 1
            switch byte {
            case UInt8(ascii: "\""): return try self.text(collected[...])
            case UInt8(ascii: "\\"): try self.escape(into: &collected)
            case 0..<0x20: throw self.failure("a control character stands unescaped in a string")
            default: collected.append(byte)
            }
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws(JSONError) -> String {
        // `String(validating:)` looks its generic types up in every call, which costs more than all else here.
        if bytes.allSatisfy({ $0 < 0x80 }) { return String(decoding: bytes, as: UTF8.self) }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw self.failure("a string is not UTF-8") }
        return text
    }

    private mutating func escape(into collected: inout [UInt8]) throws(JSONError) {
        guard let byte = self.peek() else { throw self.failure("the text ends inside a string") }
        self.position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): collected.append(byte)
        case UInt8(ascii: "b"): collected.append(0x08)
        case UInt8(ascii: "f"): collected.append(0x0C)
        case UInt8(ascii: "n"): collected.append(0x0A)
        case UInt8(ascii: "r"): collected.append(0x0D)
        case UInt8(ascii: "t"): collected.append(0x09)
        case UInt8(ascii: "u"):
            var code = try self.hexadecimal()
            if code >= 0xD800, code < 0xDC00 {
                guard self.take(UInt8(ascii: "\\")), self.take(UInt8(ascii: "u")) else {
                    throw self.failure("half of a surrogate pair stands alone")
                }
                let low = try self.hexadecimal()
                guard low >= 0xDC00, low < 0xE000 else { throw self.failure("half of a surrogate pair stands alone") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw self.failure("half of a surrogate pair stands alone") }
            collected.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: throw self.failure("an unknown escape stands in a string")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = self.peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw self.failure("four hexadecimal digits are due")
            }
            code = code << 4 | UInt32(digit)
            self.position += 1
        }
        return code
    }

    private mutating func number() throws(JSONError) -> String {
        let start = self.position
        _ = self.take(UInt8(ascii: "-"))
        if !self.take(UInt8(ascii: "0")) { try self.digits() }
        if self.take(UInt8(ascii: ".")) { try self.digits() }
        if self.take(UInt8(ascii: "e")) || self.take(UInt8(ascii: "E")) {
            if !self.take(UInt8(ascii: "+")) { _ = self.take(UInt8(ascii: "-")) }
            try self.digits()
        }
        return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
    }

    private mutating func digits() throws(JSONError) {
        let start = self.position
        while let byte = self.peek(), Self.isDigit(byte) { self.position += 1 }
        guard self.position > start else { throw self.failure("a digit is due") }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for offset in 0..<text.utf8CodeUnitCount {
            guard self.take(text.utf8Start[offset]) else { throw self.failure("a value cannot begin here") }
        }
        return value
    }

    private mutating func skipSpace() {
        while let byte = self.peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            self.position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard self.peek() == byte else { return false }
        self.position += 1
        return true
    }

    private func peek() -> UInt8? {
        self.position < self.bytes.count ? self.bytes[self.position] : nil
    }

    private func failure(_ problem: String) -> JSONError {
        JSONError("\(problem) (byte \(self.position))")
    }
}
