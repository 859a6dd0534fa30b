import TradingCore

/// The body of `POST /orders` and `PUT /orders/{id}`: whole shares, regular hours.
///
/// An order that brings others is a `TRIGGER` with them below it; of two that cancel each other the parent is an `OCO`
/// without shares of its own.
struct SchwabOrderRequest: JSONEncodable {
    private let terms: OrderTerms

    init(_ terms: OrderTerms) {
        self.terms = terms
    }

    func write(to writer: inout JSONWriter) {
        let attached = self.terms.attachedOrders.map { SchwabOrderRequest($0) }
        switch self.terms.orderClass {
        case .simple: self.write(to: &writer, "SINGLE")
        case .oneTriggersOther: self.write(to: &writer, "TRIGGER") { $0.field("childOrderStrategies", attached) }
        case .bracket:
            self.write(to: &writer, "TRIGGER") { $0.field("childOrderStrategies", [Alternatives(orders: attached)]) }
        case .oneCancelsOther: Alternatives(orders: attached).write(to: &writer)
        }
    }

    private func write(
        to writer: inout JSONWriter,
        _ strategy: String,
        children: (inout JSONWriter) -> Void = { _ in }
    ) {
        writer.object {
            $0.field("session", "NORMAL")
            $0.field("duration", self.terms.timeInForce.schwabName)
            $0.field("orderType", self.terms.type.schwabName)
            $0.field("price", self.terms.limitPrice.map(Self.text))
            $0.field("stopPrice", self.terms.stopPrice.map(Self.text))
            if let trail = self.terms.trail {
                // As stops do by default, it follows the last trade.
                $0.field("stopPriceLinkBasis", "LAST")
                $0.field("stopPriceLinkType", trail.schwabLinkType)
                $0.field("stopPriceOffset", trail.schwabOffset)
            }
            $0.field("orderStrategyType", strategy)
            $0.field("orderLegCollection", [Leg(terms: self.terms)])
            children(&$0)
        }
    }

    /// Exact, with two decimals at least.
    private static func text(_ price: Price) -> String {
        let text = price.description
        let decimals = text.drop { $0 != "." }.dropFirst().count
        return text + [".00", "0", ""][min(decimals, 2)]
    }

    private struct Alternatives: JSONEncodable {
        let orders: [SchwabOrderRequest]

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("orderStrategyType", "OCO")
                $0.field("childOrderStrategies", self.orders)
            }
        }
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

    /// Of any order in the account, people's own among them. Nil for what is no purchase or sale of shares.
    init?(schwabInstruction name: String) {
        switch name {
        case "BUY", "BUY_TO_COVER": self = .buy
        case "SELL", "SELL_SHORT", "SELL_SHORT_EXEMPT": self = .sell
        default: return nil
        }
    }
}

extension OrderType {
    var schwabName: String {
        switch self {
        case .market: "MARKET"
        case .limit: "LIMIT"
        case .stop: "STOP"
        case .stopLimit: "STOP_LIMIT"
        case .trailingStop: "TRAILING_STOP"
        }
    }
}

extension OrderClass {
    var schwabName: String {
        switch self {
        case .simple: "SINGLE"
        case .bracket, .oneTriggersOther: "TRIGGER"
        case .oneCancelsOther: "OCO"
        }
    }
}

extension Trail {
    var schwabLinkType: String {
        switch self {
        case .amount: "VALUE"
        case .share: "PERCENT"
        }
    }

    /// Dollars, or percent: 5 is 5 %.
    var schwabOffset: Rate {
        switch self {
        case .amount(let amount): Rate(raw: amount.raw)
        case .share(let share): share.percent
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
