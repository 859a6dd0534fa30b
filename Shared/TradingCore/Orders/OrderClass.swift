/// What other orders an order brings with it, in Alpaca's words; Schwab calls the arrows TRIGGER and OCO.
package enum OrderClass: Hashable, Sendable, JSONCodable {
    case simple
    /// An entry; once it is filled, a limit and a stop of which one cancels the other.
    case bracket(takeProfit: Price, stopLoss: StopLoss)
    /// An entry and, once it is filled, a single protective stop.
    case oneTriggersOther(stopLoss: StopLoss)
    /// For shares already held: a limit at `takeProfit` and a stop, of which one cancels the other.
    case oneCancelsOther(takeProfit: Price, stopLoss: StopLoss)

    package struct StopLoss: Hashable, Sendable, JSONCodable {
        package var stopPrice: Price
        /// Makes it a stop-limit.
        package var limitPrice: Price?

        package init(stopPrice: Price, limitPrice: Price? = nil) {
            self.stopPrice = stopPrice
            self.limitPrice = limitPrice
        }

        package init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.init(stopPrice: try object.value("stop_price"), limitPrice: try object.optional("limit_price"))
        }

        package func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("stop_price", self.stopPrice)
                $0.field("limit_price", self.limitPrice)
            }
        }
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let name: String = try object.value("name")
        switch name {
        case "bracket":
            self = .bracket(takeProfit: try object.value("take_profit"), stopLoss: try object.value("stop_loss"))
        case "oto": self = .oneTriggersOther(stopLoss: try object.value("stop_loss"))
        case "oco":
            self = .oneCancelsOther(
                takeProfit: try object.value("take_profit"),
                stopLoss: try object.value("stop_loss")
            )
        default: throw JSONError("\"\(name.prefix(32))\" is no order class").inside("name")
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            switch self {
            case .simple: $0.field("name", "simple")
            case .bracket(let takeProfit, let stopLoss):
                $0.field("name", "bracket")
                $0.field("take_profit", takeProfit)
                $0.field("stop_loss", stopLoss)
            case .oneTriggersOther(let stopLoss):
                $0.field("name", "oto")
                $0.field("stop_loss", stopLoss)
            case .oneCancelsOther(let takeProfit, let stopLoss):
                $0.field("name", "oco")
                $0.field("take_profit", takeProfit)
                $0.field("stop_loss", stopLoss)
            }
        }
    }
}
