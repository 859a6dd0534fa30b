import TradingCore

/// The body of `POST /v2/orders`. Decimals travel as text: no binary floating point on either side.
struct AlpacaOrderRequest: JSONEncodable {
    private let terms: OrderTerms

    init(_ terms: OrderTerms) {
        self.terms = terms
    }

    func write(to writer: inout JSONWriter) {
        let attached = self.terms.attachedOrders
        writer.object {
            $0.field("symbol", self.terms.symbol)
            $0.field("qty", self.terms.quantity.description)
            $0.field("side", self.terms.side)
            $0.field("type", self.terms.type)
            $0.field("time_in_force", self.terms.timeInForce)
            if !self.terms.orderClass.isForHeldShares {
                $0.field("limit_price", self.terms.limitPrice?.description)
                $0.field("stop_price", self.terms.stopPrice?.description)
            }
            switch self.terms.trail {
            case .amount(let amount): $0.field("trail_price", amount.description)
            case .share(let share): $0.field("trail_percent", share.percent.description)
            case nil: break
            }
            $0.field("client_order_id", self.terms.clientOrderID)
            $0.field("order_class", self.terms.orderClass.alpacaName)
            for order in attached {
                $0.object(order.type == .limit ? "take_profit" : "stop_loss") {
                    $0.field("stop_price", order.stopPrice?.description)
                    $0.field("limit_price", order.limitPrice?.description)
                }
            }
        }
    }
}

/// The body of `PATCH /v2/orders/{id}`. Prices are sent again even where they stay as they are: Alpaca requires them.
struct AlpacaReplacementRequest: JSONEncodable {
    private let terms: OrderTerms

    init(_ terms: OrderTerms) {
        self.terms = terms
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("qty", self.terms.quantity.description)
            $0.field("time_in_force", self.terms.timeInForce)
            $0.field("limit_price", self.terms.limitPrice?.description)
            $0.field("stop_price", self.terms.stopPrice?.description)
            switch self.terms.trail {
            case .amount(let amount): $0.field("trail", amount.description)
            case .share(let share): $0.field("trail", share.percent.description)
            case nil: break
            }
            $0.field("client_order_id", self.terms.clientOrderID)
        }
    }
}

extension OrderClass {
    /// Nil for the class that needs no name.
    fileprivate var alpacaName: String? {
        switch self {
        case .simple: nil
        case .bracket: "bracket"
        case .oneTriggersOther: "oto"
        case .oneCancelsOther: "oco"
        }
    }

    var isForHeldShares: Bool {
        if case .oneCancelsOther = self { true } else { false }
    }
}

extension Rate {
    /// A share in percent: 0.05 is 5. For shares of 0 to 1.
    var percent: Rate { Rate(raw: self.raw * 100) }
}
