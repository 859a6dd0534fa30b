/// A command and its arguments, binary safe, already in the bytes that go over the wire.
package struct RedisCommand: Sendable {
    private(set) var argumentCount = 0
    private(set) var bytes: [UInt8] = []

    package init(_ words: String...) {
        self.bytes.reserveCapacity(512)
        for word in words { self.append(word) }
    }

    package mutating func append(_ text: String) {
        self.appendLength(text.utf8.count)
        self.bytes.append(contentsOf: text.utf8)
        self.bytes.append(contentsOf: Self.lineEnd)
    }

    package mutating func append(_ argument: [UInt8]) {
        self.appendLength(argument.count)
        self.bytes.append(contentsOf: argument)
        self.bytes.append(contentsOf: Self.lineEnd)
    }

    package mutating func append(_ number: Int64) {
        self.append(String(number))
    }

    /// What precedes `bytes` on the wire.
    var header: [UInt8] {
        var header = [UInt8(ascii: "*")]
        header.appendDecimal(self.argumentCount)
        header += Self.lineEnd
        return header
    }

    private static let lineEnd: [UInt8] = [13, 10]

    private mutating func appendLength(_ length: Int) {
        self.argumentCount += 1
        self.bytes.append(UInt8(ascii: "$"))
        self.bytes.appendDecimal(length)
        self.bytes.append(contentsOf: Self.lineEnd)
    }
}

extension [UInt8] {
    /// Faster than by way of a string; every argument of every command comes through here.
    fileprivate mutating func appendDecimal(_ number: Int) {
        var divisor = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            self.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
