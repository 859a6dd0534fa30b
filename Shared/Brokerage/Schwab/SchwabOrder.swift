import TradingCore

/// An order as Schwab writes it. Of orders that other people placed any part may be of a kind unknown here.
struct SchwabOrder: JSONDecodable {
    let id: String
    let status: String
    private let json: JSONValue

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.id = String(try object.value("orderId", as: Int64.self))
        self.status = try object.value("status")
        self.json = json
    }

    /// Only this number has ended: another order goes on in its place.
    var isReplaced: Bool { self.status == "REPLACED" }

    /// Whether it asks for the same shares of the same symbol on the same side.
    func isAbout(_ terms: OrderTerms) -> Bool {
        guard case .array(let legs)? = self.json["orderLegCollection"], legs.count == 1, let leg = legs.first,
            self.number("quantity", in: self.json) ?? self.number("quantity", in: leg) == terms.quantity
        else { return false }
        return leg["instruction"] == .string(terms.side.schwabName)
            && leg["instrument"]?["symbol"] == .string(terms.symbol.rawValue)
    }

    /// Whether it is what `terms` would have become: there is nothing else by which an order can be recognised.
    func matches(_ terms: OrderTerms) -> Bool {
        let limit: Price? = self.number("price", in: self.json)
        let stop: Price? = self.number("stopPrice", in: self.json)
        let pricesMatch =
            switch terms.type {
            case .market: true
            case .limit: limit == terms.limitPrice
            case .stop: stop == terms.stopPrice
            }
        return pricesMatch && self.isAbout(terms)
            && self.json["session"] == .string("NORMAL")
            && self.json["duration"] == .string(terms.timeInForce.schwabName)
            && self.json["orderType"] == .string(terms.type.schwabName)
            && self.json["orderStrategyType"] == .string("SINGLE")
    }

    func report(_ id: ClientOrderID) throws(JSONError) -> OrderReport {
        let object = try JSONObject(self.json)
        let enteredAt = try object.schwabTime("enteredTime")
        let executions = try self.executions()
        let (filled, averagePrice) = try Self.sum(executions)
        let claimed = try object.optional("filledQuantity", as: SchwabNumber<Quantity>.self)?.value ?? .zero
        var event = self.event(filled)
        var reason: String? = try object.optional("statusDescription")
        if claimed > filled {
            // The executions follow. Until then it has not ended: the fills still to come have no price yet.
            event = filled > .zero ? .partiallyFilled : .accepted
            reason = "Schwab reports \(claimed) shares filled and shows executions of \(filled)"
        }
        let changedAt: Timestamp? =
            switch event {
            case .filled, .partiallyFilled: executions.map(\.time).max()
            case .cancelled, .rejected, .expired: try? object.schwabTime("closeTime")
            case .submitted, .accepted, .outcomeUnknown: nil
            }
        return OrderReport(
            clientOrderID: id,
            brokerOrderID: self.id,
            event: event,
            filledQuantity: filled,
            averagePrice: averagePrice,
            submittedAt: enteredAt,
            timestamp: changedAt ?? executions.map(\.time).max() ?? enteredAt,
            reason: reason.map { String($0.prefix(200)) }
        )
    }

    /// Statuses that this does not know are neither terminal nor a sign that the order works.
    private func event(_ filled: Quantity) -> OrderEvent {
        switch self.status {
        case "FILLED": return .filled
        case "CANCELED": return .cancelled
        case "REJECTED": return .rejected
        case "EXPIRED": return .expired
        default: break
        }
        if filled > .zero { return .partiallyFilled }
        switch self.status {
        case "ACCEPTED", "WORKING", "QUEUED", "PENDING_ACTIVATION", "AWAITING_PARENT_ORDER", "AWAITING_CONDITION",
            "AWAITING_STOP_CONDITION", "AWAITING_RELEASE_TIME", "AWAITING_UR_OUT", "PENDING_CANCEL",
            "PENDING_REPLACE", "PENDING_RECALL":
            return .accepted
        default: return .submitted
        }
    }

    /// One leg of an activity that filled shares. Activities of other kinds carry quantities too, such as those of a
    /// cancellation.
    private struct Fill {
        let quantity: Quantity
        let price: Price
        let time: Timestamp
    }

    private func executions() throws(JSONError) -> [Fill] {
        var fills: [Fill] = []
        var activities: Set<Int64> = []
        for activity in try JSONObject(self.json).optional("orderActivityCollection", as: [JSONValue].self) ?? [] {
            guard activity["activityType"] == .string("EXECUTION"), activity["executionType"] == .string("FILL") else {
                continue
            }
            let object = try JSONObject(activity)
            if let id: Int64 = try object.optional("activityId"), !activities.insert(id).inserted { continue }
            for leg in try object.value("executionLegs", as: [JSONValue].self) {
                let leg = try JSONObject(leg)
                fills.append(
                    Fill(
                        quantity: try leg.value("quantity", as: SchwabNumber<Quantity>.self).value,
                        price: try leg.value("price", as: SchwabNumber<Price>.self).value,
                        time: try leg.schwabTime("time")
                    )
                )
            }
        }
        return fills
    }

    /// The average is Σ price · quantity ÷ Σ quantity, rounded down to 1e-8 at the end only.
    private static func sum(_ fills: [Fill]) throws(JSONError) -> (quantity: Quantity, averagePrice: Price?) {
        do throws(ArithmeticOverflow) {
            var value = Money.zero
            var quantity = Quantity.zero
            for fill in fills {
                value = try value.adding(try fill.price.times(fill.quantity))
                quantity = try quantity.adding(fill.quantity)
            }
            return (quantity, quantity > .zero ? try value.perShare(quantity) : nil)
        } catch {
            throw JSONError(error.description)
        }
    }

    private func number<Value: FixedPoint>(_ name: String, in json: JSONValue) -> Value? {
        json[name].flatMap { try? SchwabNumber<Value>(json: $0) }?.value
    }
}

extension JSONObject {
    func schwabTime(_ name: String) throws(JSONError) -> Timestamp {
        let text: String = try self.value(name)
        guard let time = Timestamp(schwab: text) else {
            throw JSONError("\"\(text.prefix(40))\" is no time such as 2026-11-23T14:30:07+0000").inside(name)
        }
        return time
    }
}
