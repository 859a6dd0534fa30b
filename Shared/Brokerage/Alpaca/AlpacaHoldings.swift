import TradingCore

/// The orders for shares in a list of Alpaca's. Options and currencies are none of this system's business.
struct AlpacaOrders: JSONDecodable {
    let orders: [AlpacaOrder]
    /// Those of other kinds included.
    let count: Int
    /// Of all in the list the one that came first, and nil for an empty list.
    let earliest: Timestamp?

    init(json: JSONValue) throws(JSONError) {
        let elements = try [JSONValue](json: json)
        var orders: [AlpacaOrder] = []
        var earliest: Timestamp?
        for element in elements {
            let object = try JSONObject(element)
            let created: Timestamp = try object.value("created_at")
            let submitted = try object.optional("submitted_at") ?? created
            earliest = min(earliest ?? submitted, submitted)
            guard element.isAboutShares else { continue }
            orders.append(try AlpacaOrder(json: element))
        }
        self.orders = orders
        self.count = elements.count
        self.earliest = earliest
    }
}

/// `GET /v2/positions`.
struct AlpacaPositions: JSONDecodable {
    let positions: [BrokerPosition]

    init(json: JSONValue) throws(JSONError) {
        var positions: [BrokerPosition] = []
        for element in try [JSONValue](json: json) where element.isAboutShares {
            let object = try JSONObject(element)
            let position = BrokerPosition(
                symbol: try object.value("symbol"),
                quantity: try object.value("qty", as: BrokerNumber<Quantity>.self).value
            )
            if position.quantity != .zero { positions.append(position) }
        }
        self.positions = positions
    }
}

/// `GET /v2/account/activities/FILL`.
struct AlpacaFills: JSONDecodable {
    let executions: [BrokerExecution]
    /// Where the next page begins; nil for an empty one.
    let lastID: String?

    init(json: JSONValue) throws(JSONError) {
        var executions: [BrokerExecution] = []
        var lastID: String?
        for element in try [JSONValue](json: json) {
            let object = try JSONObject(element)
            let id: String = try object.value("id")
            lastID = id
            // Activities tell no kind of instrument; what is no ticker is none that is traded here.
            guard element["activity_type"] == .string("FILL"),
                let symbol = Symbol(try object.value("symbol", as: String.self))
            else { continue }
            executions.append(
                BrokerExecution(
                    id: id,
                    brokerOrderID: try object.value("order_id"),
                    symbol: symbol,
                    side: try Self.side(try object.value("side")),
                    quantity: try object.value("qty", as: BrokerNumber<Quantity>.self).value,
                    price: try object.value("price", as: BrokerNumber<Price>.self).value,
                    timestamp: try object.value("transaction_time")
                )
            )
        }
        self.executions = executions
        self.lastID = lastID
    }

    private static func side(_ name: String) throws(JSONError) -> OrderSide {
        switch name {
        case "buy": .buy
        case "sell", "sell_short": .sell
        default: throw JSONError("\"\(name.prefix(32))\" is no side").inside("side")
        }
    }
}

extension JSONValue {
    /// Simulators leave the kind of the instrument out. An order of several legs has no symbol and no kind of its own.
    fileprivate var isAboutShares: Bool {
        guard self["order_class"] != .string("mleg"), case .string(let text)? = self["symbol"], Symbol(text) != nil
        else { return false }
        return ["asset_class", "class"].allSatisfy { name in
            guard case .string(let kind)? = self[name] else { return true }
            return kind == "us_equity"
        }
    }
}
