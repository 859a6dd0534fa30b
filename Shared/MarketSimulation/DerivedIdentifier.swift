import TradingCore

/// Ids made from what they identify, so that two runs give the same ones.
package enum DerivedIdentifier {
    /// Text in the shape of a UUID (version 8, whose bits are the maker's own) that depends on `text` alone.
    package static func uuid(_ text: String) -> String {
        var digits = Array(StableHash.hexadecimal(text).utf8)
        digits[12] = UInt8(ascii: "8")
        digits[16] = UInt8(ascii: "a")
        for place in [20, 16, 12, 8] { digits.insert(UInt8(ascii: "-"), at: place) }
        return String(decoding: digits, as: UTF8.self)
    }
}
