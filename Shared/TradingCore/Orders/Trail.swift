/// How far a trailing stop keeps behind the best price it has seen.
package enum Trail: Hashable, Sendable, JSONCodable {
    case amount(Price)
    /// A share of the price, over 0 and below 1.
    case share(Rate)

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        if let amount: Price = try object.optional("amount") {
            self = .amount(amount)
        } else {
            self = .share(try object.value("share"))
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            switch self {
            case .amount(let amount): $0.field("amount", amount)
            case .share(let share): $0.field("share", share)
            }
        }
    }
}
