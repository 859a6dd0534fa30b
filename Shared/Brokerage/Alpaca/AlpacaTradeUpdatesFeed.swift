import TradingCore

/// The talk on Alpaca's trading stream. Paper accounts send binary frames that hold the same JSON.
package struct AlpacaTradeUpdatesFeed: BrokerFeed {
    private let endpoints: AlpacaEndpoints

    package var vitalSigns: FeedVitalSigns { FeedVitalSigns() }

    package init(endpoints: AlpacaEndpoints) {
        self.endpoints = endpoints
    }

    package mutating func prepare() throws(BrokerError) {}

    package var url: String { self.endpoints.tradeUpdatesURL }

    package mutating func opened() -> [FeedAction] {
        [
            .send(
                "{\"action\":\"authenticate\",\"data\":{\"key_id\":\(JSONWriter.text(self.endpoints.keyID)),"
                    + "\"secret_key\":\(JSONWriter.text(self.endpoints.secretKey))}}"
            )
        ]
    }

    package mutating func received(_ frame: [UInt8]) -> [FeedAction] {
        do throws(JSONError) {
            let object = try JSONObject(try JSONValue(parsing: frame))
            let data: JSONValue = try object.value("data")
            switch try object.value("stream", as: String.self) {
            case "authorization":
                let status: String = try JSONObject(data).value("status")
                guard status == "authorized" else {
                    return [
                        .give(
                            up: "the trading stream refuses the key (\(status.prefix(40))): check APCA_API_KEY_ID and "
                                + "APCA_API_SECRET_KEY, and that they belong to this host",
                            retryAfter: .seconds(30)
                        )
                    ]
                }
                return [.send("{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\"]}}")]
            case "listening": return [.event(.connected)]
            case "trade_updates": return try self.update(JSONObject(data))
            default: return []
            }
        } catch {
            return [.note("a frame of the trading stream cannot be read: \(error)")]
        }
    }

    private func update(_ data: JSONObject) throws(JSONError) -> [FeedAction] {
        let order: AlpacaOrder = try data.value("order")
        let event: String = try data.value("event")
        var execution: Execution?
        if event == "fill" || event == "partial_fill" {
            execution = Execution(
                id: try data.optional("execution_id") ?? "",
                quantity: try data.value("qty", as: BrokerNumber<Quantity>.self).value,
                price: try data.value("price", as: BrokerNumber<Price>.self).value
            )
        }
        let timestamp: Timestamp? = try data.optional("timestamp")
        func moved(isOurs: Bool) -> [FeedAction] {
            Symbol(order.symbol).map { [.event(.holdingsMoved($0, isOurs: isOurs))] } ?? []
        }
        guard let report = order.report(execution: execution, at: order.event == .accepted ? nil : timestamp) else {
            return [.note("an order that was not made here moved: \(order.symbol) \(event.prefix(20))")]
                + moved(isOurs: false)
        }
        // A fill taken back or corrected is not booked: what the account holds decides.
        let isTakenBack = event == "trade_bust" || event == "trade_correct"
        return [.event(.order(report))] + (isTakenBack ? moved(isOurs: true) : [])
    }
}
