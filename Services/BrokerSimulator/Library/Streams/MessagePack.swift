package import TradingCore

/// The binary form of the market-data stream: the same values as in JSON, times as the timestamp extension.
package enum MessagePack {
    private static let timestampExtension: UInt8 = 0xFF
    private static let maximumDepth = 64

    /// A number without fraction and exponent that fits 64 bits becomes an integer, any other a double, as the broker
    /// sends them. A member named `t` that holds a time becomes a timestamp.
    package static func bytes(_ value: JSONValue) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(value, to: &bytes)
        return bytes
    }

    /// Reads one complete value; a timestamp becomes its text.
    ///
    /// - Throws: `JSONError` for what is cut short, has something behind it, is nested deeper than 64, or has no form in
    ///   JSON: binary data, other extensions, numbers that are not finite, and members whose names are no text.
    package static func value(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var reader = Reader(bytes: bytes[...])
        let value = try reader.value(depth: 0)
        guard reader.bytes.isEmpty else { throw JSONError("something follows the value") }
        return value
    }

    // MARK: Writing

    private static func append(_ value: JSONValue, to bytes: inout [UInt8]) {
        switch value {
        case .null: bytes.append(0xC0)
        case .bool(let flag): bytes.append(flag ? 0xC3 : 0xC2)
        case .number(let text): Self.append(number: text, to: &bytes)
        case .string(let text): Self.append(text: text, to: &bytes)
        case .array(let values):
            Self.append(count: values.count, short: 0x90, long: 0xDC, to: &bytes)
            for value in values { Self.append(value, to: &bytes) }
        case .object(let members):
            Self.append(count: members.count, short: 0x80, long: 0xDE, to: &bytes)
            for member in members {
                Self.append(text: member.name, to: &bytes)
                if member.name == "t", case .string(let text) = member.value, let timestamp = Timestamp(text) {
                    Self.append(timestamp, to: &bytes)
                } else {
                    Self.append(member.value, to: &bytes)
                }
            }
        }
    }

    private static func append(number text: String, to bytes: inout [UInt8]) {
        if let value = Int64(text) {
            switch value {
            case 0...0x7F: bytes.append(UInt8(value))
            case -32..<0: bytes.append(UInt8(truncatingIfNeeded: value))
            case 0...0xFF: Self.append(0xCC, UInt8(value), to: &bytes)
            case 0...0xFFFF: Self.append(0xCD, UInt16(value), to: &bytes)
            case 0...0xFFFF_FFFF: Self.append(0xCE, UInt32(value), to: &bytes)
            case 0...: Self.append(0xCF, UInt64(value), to: &bytes)
            default: Self.append(0xD3, value, to: &bytes)
            }
        } else {
            // What JSON allows as a number is one here too.
            Self.append(0xCB, (Double(text) ?? 0).bitPattern, to: &bytes)
        }
    }

    private static func append(text: String, to bytes: inout [UInt8]) {
        let utf8 = text.utf8
        switch utf8.count {
        case 0...31: bytes.append(0xA0 | UInt8(utf8.count))
        case 32...0xFF: Self.append(0xD9, UInt8(utf8.count), to: &bytes)
        case 0x100...0xFFFF: Self.append(0xDA, UInt16(utf8.count), to: &bytes)
        default: Self.append(0xDB, UInt32(utf8.count), to: &bytes)
        }
        bytes += utf8
    }

    private static func append(count: Int, short: UInt8, long: UInt8, to bytes: inout [UInt8]) {
        switch count {
        case 0...15: bytes.append(short | UInt8(count))
        case 16...0xFFFF: Self.append(long, UInt16(count), to: &bytes)
        default: Self.append(long + 1, UInt32(count), to: &bytes)
        }
    }

    /// In the shortest of the three forms.
    private static func append(_ timestamp: Timestamp, to bytes: inout [UInt8]) {
        let seconds = timestamp.seconds
        let nanoseconds = UInt64(timestamp.nanoseconds - seconds * 1_000_000_000)
        if let short = UInt32(exactly: seconds), nanoseconds == 0 {
            bytes.append(0xD6)
            Self.append(Self.timestampExtension, short, to: &bytes)
        } else if seconds >= 0, seconds < 1 << 34 {
            bytes.append(0xD7)
            Self.append(Self.timestampExtension, nanoseconds << 34 | UInt64(seconds), to: &bytes)
        } else {
            bytes += [0xC7, 12]
            Self.append(Self.timestampExtension, UInt32(nanoseconds), to: &bytes)
            Self.append(seconds, to: &bytes)
        }
    }

    private static func append(_ head: UInt8, _ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        bytes.append(head)
        Self.append(value, to: &bytes)
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes += $0 }
    }

    // MARK: Reading

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func value(depth: Int) throws(JSONError) -> JSONValue {
            guard depth <= MessagePack.maximumDepth else {
                throw JSONError("nested deeper than \(MessagePack.maximumDepth)")
            }
            let head = try self.integer(UInt8.self)
            switch head {
            case 0x00...0x7F: return .number("\(head)")
            case 0x80...0x8F: return try self.object(Int(head & 0x0F), depth)
            case 0x90...0x9F: return try self.array(Int(head & 0x0F), depth)
            case 0xA0...0xBF: return .string(try self.text(Int(head & 0x1F)))
            case 0xC0: return .null
            case 0xC2: return .bool(false)
            case 0xC3: return .bool(true)
            case 0xC7: return .string(try self.timestamp(Int(try self.integer(UInt8.self))))
            case 0xCA: return try self.number(Double(Float(bitPattern: try self.integer(UInt32.self))))
            case 0xCB: return try self.number(Double(bitPattern: try self.integer(UInt64.self)))
            case 0xCC: return .number("\(try self.integer(UInt8.self))")
            case 0xCD: return .number("\(try self.integer(UInt16.self))")
            case 0xCE: return .number("\(try self.integer(UInt32.self))")
            case 0xCF: return .number("\(try self.integer(UInt64.self))")
            case 0xD0: return .number("\(try self.integer(Int8.self))")
            case 0xD1: return .number("\(try self.integer(Int16.self))")
            case 0xD2: return .number("\(try self.integer(Int32.self))")
            case 0xD3: return .number("\(try self.integer(Int64.self))")
            case 0xD6: return .string(try self.timestamp(4))
            case 0xD7: return .string(try self.timestamp(8))
            case 0xD9: return .string(try self.text(Int(try self.integer(UInt8.self))))
            case 0xDA: return .string(try self.text(Int(try self.integer(UInt16.self))))
            case 0xDB: return .string(try self.text(Int(try self.integer(UInt32.self))))
            case 0xDC: return try self.array(Int(try self.integer(UInt16.self)), depth)
            case 0xDD: return try self.array(Int(try self.integer(UInt32.self)), depth)
            case 0xDE: return try self.object(Int(try self.integer(UInt16.self)), depth)
            case 0xDF: return try self.object(Int(try self.integer(UInt32.self)), depth)
            case 0xE0...0xFF: return .number("\(Int8(bitPattern: head))")
            default: throw JSONError("type \(head) has no form in JSON")
            }
        }

        private mutating func object(_ count: Int, _ depth: Int) throws(JSONError) -> JSONValue {
            var members: [JSONMember] = []
            for _ in 0..<count {
                guard case .string(let name) = try self.value(depth: depth + 1) else {
                    throw JSONError("a member's name is no text")
                }
                members.append(JSONMember(name, try self.value(depth: depth + 1)))
            }
            return .object(members)
        }

        private mutating func array(_ count: Int, _ depth: Int) throws(JSONError) -> JSONValue {
            var values: [JSONValue] = []
            for _ in 0..<count { values.append(try self.value(depth: depth + 1)) }
            return .array(values)
        }

        private func number(_ value: Double) throws(JSONError) -> JSONValue {
            guard value.isFinite else { throw JSONError("a number is not finite") }
            return .number("\(value)")
        }

        private mutating func text(_ count: Int) throws(JSONError) -> String {
            guard let text = String(validating: try self.take(count), as: UTF8.self) else {
                throw JSONError("a text is not UTF-8")
            }
            return text
        }

        private mutating func timestamp(_ count: Int) throws(JSONError) -> String {
            guard try self.integer(UInt8.self) == MessagePack.timestampExtension else {
                throw JSONError("an extension is no timestamp")
            }
            let seconds: Int64
            var nanoseconds: UInt64 = 0
            switch count {
            case 4: seconds = Int64(try self.integer(UInt32.self))
            case 8:
                let both = try self.integer(UInt64.self)
                (seconds, nanoseconds) = (Int64(both & (1 << 34 - 1)), both >> 34)
            case 12:
                nanoseconds = UInt64(try self.integer(UInt32.self))
                seconds = try self.integer(Int64.self)
            default: throw JSONError("a timestamp has \(count) bytes")
            }
            let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
            guard nanoseconds < 1_000_000_000, !overflow, whole <= .max - 1_000_000_000 else {
                throw JSONError("a timestamp is out of range")
            }
            return Timestamp(nanoseconds: whole + Int64(nanoseconds)).description
        }

        private mutating func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws(JSONError) -> Value {
            try self.take(Value.bitWidth / 8).reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
        }

        private mutating func take(_ count: Int) throws(JSONError) -> ArraySlice<UInt8> {
            guard count <= self.bytes.count else { throw JSONError("the value is cut short") }
            defer { self.bytes.removeFirst(count) }
            return self.bytes.prefix(count)
        }
    }
}
