import TradingCore

/// One leg of an activity that filled shares. Activities of other kinds carry quantities too, such as those of a
/// cancellation.
struct SchwabFill {
    /// Unique within the account, and the same however often it is told.
    let id: String
    let quantity: Quantity
    let price: Price
    /// In whole seconds.
    let time: Timestamp

    static func fills(in order: JSONValue, of orderID: String) throws(JSONError) -> [SchwabFill] {
        var fills: [SchwabFill] = []
        var known: Set<Int64> = []
        let activities = try JSONObject(order).optional("orderActivityCollection", as: [JSONValue].self) ?? []
        for (place, activity) in activities.enumerated() {
            guard activity["activityType"] == .string("EXECUTION"), activity["executionType"] == .string("FILL") else {
                continue
            }
            let object = try JSONObject(activity)
            let activityID: Int64? = try object.optional("activityId")
            if let activityID, !known.insert(activityID).inserted { continue }
            let name = activityID.map { "\($0)" } ?? "at-\(place)"
            for (legPlace, leg) in try object.value("executionLegs", as: [JSONValue].self).enumerated() {
                let leg = try JSONObject(leg)
                fills.append(
                    SchwabFill(
                        id: "\(orderID)/\(name)/\(legPlace)",
                        quantity: try leg.value("quantity", as: BrokerNumber<Quantity>.self).value,
                        price: try leg.value("price", as: BrokerNumber<Price>.self).value,
                        time: try leg.schwabTime("time")
                    )
                )
            }
        }
        return fills
    }
}
