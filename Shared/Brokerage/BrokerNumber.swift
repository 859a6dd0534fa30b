import TradingCore

/// A decimal of a broker's, a JSON number or text. Digits beyond the eighth decimal, such as an average's, are rounded: a
/// fill must not be lost for them.
struct BrokerNumber<Value: FixedPoint>: JSONDecodable {
    let value: Value

    init(json: JSONValue) throws(JSONError) {
        switch json {
        case .string(let text), .number(let text):
            guard let value = Value(text) ?? Self.rounded(text) else { fallthrough }
            self.value = value
        default: throw JSONError("expected a decimal, found \(json.summary)")
        }
    }

    private static func rounded(_ text: String) -> Value? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].utf8.count > 8, parts[1].utf8.allSatisfy({ (48...57).contains($0) }),
            let value = Value("\(parts[0]).\(parts[1].prefix(8))")
        else { return nil }
        guard let ninth = parts[1].dropFirst(8).first, ninth >= "5" else { return value }
        return Value(raw: value.raw + (text.hasPrefix("-") ? -1 : 1))
    }
}
