/// A ticker such as `AAPL` or `BRK.B`: 1 to 16 characters out of A–Z, 0–9, `.`, `-` and `/`, beginning with a letter.
package struct Symbol: Hashable, Comparable, Sendable, CustomStringConvertible, JSONCodable {
    package let rawValue: String

    package init?(_ text: some StringProtocol) {
        let bytes = text.utf8
        guard (1...16).contains(bytes.count), let first = bytes.first,
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first),
            bytes.allSatisfy({
                switch $0 {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/"):
                    true
                default: false
                }
            })
        else { return nil }
        self.rawValue = String(text)
    }

    package init(json: JSONValue) throws(JSONError) {
        let text = try String(json: json)
        guard let symbol = Symbol(text) else {
            throw JSONError("\"\(text.prefix(32))\" is no ticker symbol such as AAPL")
        }
        self = symbol
    }

    package func write(to writer: inout JSONWriter) { writer.string(self.rawValue) }
    package var description: String { self.rawValue }
    package static func < (left: Symbol, right: Symbol) -> Bool { left.rawValue < right.rawValue }
}
