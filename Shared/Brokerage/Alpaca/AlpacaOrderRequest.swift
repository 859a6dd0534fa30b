import TradingCore

/// The body of `POST /v2/orders`. Decimals travel as text: no binary floating point on either side.
struct AlpacaOrderRequest: JSONEncodable {
    private let terms: OrderTerms

    init(_ terms: OrderTerms) {
        self.terms = terms
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.terms.symbol)
            $0.field("qty", self.terms.quantity.description)
            $0.field("side", self.terms.side)
            $0.field("type", self.terms.type)
            $0.field("time_in_force", self.terms.timeInForce)
            $0.field("limit_price", self.terms.limitPrice?.description)
            $0.field("stop_price", self.terms.stopPrice?.description)
            $0.field("client_order_id", self.terms.clientOrderID)
        }
    }
}
