import TradingCore

/// The body of `POST /orders`: one leg, regular hours.
struct SchwabOrderRequest: JSONEncodable {
    private let terms: OrderTerms

    init(_ terms: OrderTerms) {
        self.terms = terms
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("session", "NORMAL")
            $0.field("duration", self.terms.timeInForce.schwabName)
            $0.field("orderType", self.terms.type.schwabName)
            $0.field("price", self.terms.limitPrice.map(Self.text))
            $0.field("stopPrice", self.terms.stopPrice.map(Self.text))
            $0.field("orderStrategyType", "SINGLE")
            $0.field("orderLegCollection", [Leg(terms: self.terms)])
        }
    }

    /// Exact, with two decimals at least.
    private static func text(_ price: Price) -> String {
        let text = price.description
        let decimals = text.drop { $0 != "." }.dropFirst().count
        return text + [".00", "0", ""][min(decimals, 2)]
    }

    private struct Leg: JSONEncodable {
        let terms: OrderTerms

        func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.field("instruction", self.terms.side.schwabName)
                writer.field("quantity", self.terms.quantity)
                writer.object("instrument") {
                    $0.field("symbol", self.terms.symbol)
                    $0.field("assetType", "EQUITY")
                }
            }
        }
    }
}

extension OrderSide {
    /// A sale is never `SELL_SHORT`: one share too many is refused, not sold short.
    var schwabName: String {
        switch self {
        case .buy: "BUY"
        case .sell: "SELL"
        }
    }
}

extension OrderType {
    var schwabName: String {
        switch self {
        case .market: "MARKET"
        case .limit: "LIMIT"
        case .stop: "STOP"
        }
    }
}

extension TimeInForce {
    var schwabName: String {
        switch self {
        case .day: "DAY"
        case .goodTillCancelled: "GOOD_TILL_CANCEL"
        }
    }
}
