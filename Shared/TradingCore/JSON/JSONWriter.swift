/// Writes compact JSON into a byte buffer.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(capacity: Int = 512) {
        self.bytes.reserveCapacity(capacity)
    }

    package static func bytes(_ value: some JSONEncodable) -> [UInt8] {
        var writer = JSONWriter()
        value.write(to: &writer)
        return writer.bytes
    }

    package static func text(_ value: some JSONEncodable) -> String {
        String(decoding: Self.bytes(value), as: UTF8.self)
    }

    package mutating func object(_ fill: (inout JSONWriter) -> Void) {
        self.bytes.append(UInt8(ascii: "{"))
        self.needsComma = false
        fill(&self)
        self.bytes.append(UInt8(ascii: "}"))
        self.needsComma = true
    }

    package mutating func array(_ fill: (inout JSONWriter) -> Void) {
        self.bytes.append(UInt8(ascii: "["))
        self.needsComma = false
        fill(&self)
        self.bytes.append(UInt8(ascii: "]"))
        self.needsComma = true
    }

    package mutating func field(_ name: String, _ value: some JSONEncodable) {
        self.name(name)
        value.write(to: &self)
        self.needsComma = true
    }

    /// Leaves the member out when there is no value.
    package mutating func field(_ name: String, _ value: (some JSONEncodable)?) {
        if let value { self.field(name, value) }
    }

    package mutating func object(_ name: String, _ fill: (inout JSONWriter) -> Void) {
        self.name(name)
        self.object(fill)
    }

    package mutating func element(_ value: some JSONEncodable) {
        self.separate()
        value.write(to: &self)
        self.needsComma = true
    }

    /// Lets `append` put the text of one scalar into the buffer as it is.
    package mutating func value(_ append: (inout [UInt8]) -> Void) {
        append(&self.bytes)
    }

    package mutating func null() {
        self.bytes.append(contentsOf: "null".utf8)
    }

    package mutating func string(_ text: String) {
        self.bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            // Byte by byte costs twice as much, and next to nothing needs an escape.
            if utf8.contains(where: Self.needsEscape) {
                for byte in utf8 { self.appendEscaped(byte) }
            } else {
                self.bytes.append(contentsOf: utf8)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            self.bytes.append(UInt8(ascii: "\\"))
            self.bytes.append(byte)
        case 0x0A: self.bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            self.bytes.append(contentsOf: Array("\\u00".utf8))
            self.bytes.append(digits[Int(byte >> 4)])
            self.bytes.append(digits[Int(byte & 15)])
        default: self.bytes.append(byte)
        }
    }

    private mutating func name(_ name: String) {
        self.separate()
        self.string(name)
        self.bytes.append(UInt8(ascii: ":"))
    }

    private mutating func separate() {
        if self.needsComma { self.bytes.append(UInt8(ascii: ",")) }
    }
}
