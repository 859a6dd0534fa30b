import TradingCore

/// An order as Schwab writes it. Of orders that other people placed any part may be of a kind unknown here.
struct SchwabOrder: JSONDecodable {
    let id: String
    /// Empty where Schwab writes none: the parent of two that cancel each other is no order of its own.
    let status: String
    let children: [SchwabOrder]
    private let json: JSONValue

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.id = String(try object.value("orderId", as: Int64.self))
        let isParentOnly = json["orderStrategyType"] == .string("OCO")
        self.status = isParentOnly ? try object.optional("status") ?? "" : try object.value("status")
        self.children = try object.optional("childOrderStrategies") ?? []
        self.json = json
    }

    /// Only this number has ended: another order goes on in its place.
    var isReplaced: Bool { self.status == "REPLACED" }
    var isOpen: Bool { !["REJECTED", "CANCELED", "REPLACED", "FILLED", "EXPIRED"].contains(self.status) }

    /// The orders that go on in its place, as far as it tells them.
    var successors: [String] {
        guard case .array(let orders)? = self.json["replacingOrderCollection"] else { return [] }
        return orders.compactMap { (try? JSONObject($0).value("orderId", as: Int64.self)).map { String($0) } }
            .filter { $0 != self.id }
    }

    /// Itself and all below it that ask for shares.
    var orders: [SchwabOrder] {
        (self.leg == nil ? [] : [self]) + self.children.flatMap(\.orders)
    }

    // MARK: What it asks for

    /// The only leg; options may have several.
    private var leg: JSONValue? {
        guard case .array(let legs)? = self.json["orderLegCollection"], legs.count == 1 else { return nil }
        return legs.first
    }

    var quantity: Quantity? {
        self.number("quantity", in: self.json) ?? self.leg.flatMap { self.number("quantity", in: $0) }
    }

    /// Nil for what is no order for shares.
    var subject: (symbol: Symbol, side: OrderSide)? {
        guard let leg, let instrument = leg["instrument"], schwabAssetIsShares(instrument),
            case .string(let name)? = instrument["symbol"], let symbol = Symbol(name),
            case .string(let instruction)? = leg["instruction"],
            let side = OrderSide(schwabInstruction: instruction)
        else { return nil }
        return (symbol, side)
    }

    /// Whether it asks for shares of the same symbol on the same side, as many or, where it goes on for another that
    /// was partly filled, fewer.
    func isAbout(_ terms: OrderTerms) -> Bool {
        if terms.orderClass.isForHeldShares {
            return self.children.count == 2 && self.children.allSatisfy { $0.isAbout(symbolOf: terms) }
        }
        return self.isAbout(symbolOf: terms)
    }

    private func isAbout(symbolOf terms: OrderTerms) -> Bool {
        guard let leg, let quantity, quantity > .zero, quantity <= terms.quantity else { return false }
        return leg["instruction"] == .string(terms.side.schwabName)
            && leg["instrument"]?["symbol"] == .string(terms.symbol.rawValue)
    }

    /// Whether it is what `terms` would have become: there is nothing else by which an order can be recognised.
    func matches(_ terms: OrderTerms) -> Bool {
        guard self.json["orderStrategyType"] == .string(terms.orderClass.schwabName) else { return false }
        var children = self.children
        if case .bracket = terms.orderClass { children = children.first?.children ?? [] }
        let attached = terms.attachedOrders
        guard children.count == attached.count,
            attached.allSatisfy({ order in children.contains { $0.matches(order) } })
        else { return false }
        return terms.orderClass.isForHeldShares || self.isSingleOrder(terms)
    }

    private func isSingleOrder(_ terms: OrderTerms) -> Bool {
        let limit: Price? = self.number("price", in: self.json)
        let stop: Price? = self.number("stopPrice", in: self.json)
        let pricesMatch =
            switch terms.type {
            case .market: true
            case .limit: limit == terms.limitPrice
            case .stop: stop == terms.stopPrice
            case .stopLimit: limit == terms.limitPrice && stop == terms.stopPrice
            case .trailingStop:
                self.number("stopPriceOffset", in: self.json) == terms.trail?.schwabOffset
                    && self.json["stopPriceLinkType"] == terms.trail.map { .string($0.schwabLinkType) }
            }
        return pricesMatch && self.isAbout(symbolOf: terms) && self.quantity == terms.quantity
            && self.json["session"] == .string("NORMAL")
            && self.json["duration"] == .string(terms.timeInForce.schwabName)
            && self.json["orderType"] == .string(terms.type.schwabName)
    }

    // MARK: What has become of it

    var enteredAt: Timestamp? { try? JSONObject(self.json).schwabTime("enteredTime") }
    var closedAt: Timestamp? { try? JSONObject(self.json).schwabTime("closeTime") }
    var claimedFill: Quantity { self.number("filledQuantity", in: self.json) ?? .zero }

    func report(_ id: ClientOrderID) throws(JSONError) -> OrderReport {
        if self.leg == nil, !self.children.isEmpty { return try self.reportOfAlternatives(id) }
        let object = try JSONObject(self.json)
        let enteredAt = try object.schwabTime("enteredTime")
        let fills = try self.fills()
        let shares = try Self.sum(fills)
        var event = self.event(shares.quantity)
        var reason: String? = try object.optional("statusDescription")
        let claimed = try object.optional("filledQuantity", as: BrokerNumber<Quantity>.self)?.value ?? .zero
        if claimed > shares.quantity {
            // The executions follow. Until then it has not ended: the fills still to come have no price yet.
            event = shares.quantity > .zero ? .partiallyFilled : .accepted
            reason = "Schwab reports \(claimed) shares filled and shows executions of \(shares.quantity)"
        }
        let changedAt: Timestamp? =
            switch event {
            case .filled, .partiallyFilled: fills.map(\.time).max()
            case .cancelled, .rejected, .expired: try? object.schwabTime("closeTime")
            case .submitted, .accepted, .outcomeUnknown: nil
            }
        return OrderReport(
            clientOrderID: id,
            brokerOrderID: self.id,
            event: event,
            filledQuantity: shares.quantity,
            averagePrice: try Self.average(of: shares),
            submittedAt: enteredAt,
            timestamp: changedAt ?? fills.map(\.time).max() ?? enteredAt,
            reason: reason.map { String($0.prefix(200)) }
        )
    }

    /// Two of which one cancels the other, as the one order that they are in the ledger.
    private func reportOfAlternatives(_ id: ClientOrderID) throws(JSONError) -> OrderReport {
        var reports: [OrderReport] = []
        var fills: [SchwabFill] = []
        for child in self.children {
            reports.append(try child.report(id))
            fills += try child.fills()
        }
        guard let first = reports.first, let quantity = self.children.first?.quantity else {
            throw JSONError("holds no orders").inside("childOrderStrategies")
        }
        let shares = try Self.sum(fills)
        return OrderReport(
            clientOrderID: id,
            brokerOrderID: self.id,
            event: .ofAlternatives(reports.map(\.event), filled: shares.quantity, of: quantity),
            filledQuantity: shares.quantity,
            averagePrice: try Self.average(of: shares),
            submittedAt: reports.map(\.submittedAt).min() ?? first.submittedAt,
            timestamp: reports.map(\.timestamp).max() ?? first.timestamp,
            reason: reports.compactMap(\.reason).first
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
        // Not yet taken: `NEW`, `PENDING_ACKNOWLEDGEMENT`, `AWAITING_MANUAL_REVIEW`.
        default: return .submitted
        }
    }

    /// Of this order alone, not of those below it.
    func fills() throws(JSONError) -> [SchwabFill] {
        try SchwabFill.fills(in: self.json, of: self.id)
    }

    private static func sum(_ fills: [SchwabFill]) throws(JSONError) -> FilledShares {
        var shares = FilledShares()
        do throws(ArithmeticOverflow) {
            for fill in fills { try shares.add(fill.quantity, at: fill.price) }
        } catch {
            throw JSONError(error.description)
        }
        return shares
    }

    private static func average(of shares: FilledShares) throws(JSONError) -> Price? {
        do throws(ArithmeticOverflow) {
            return try shares.averagePrice()
        } catch {
            throw JSONError(error.description)
        }
    }

    private func number<Value: FixedPoint>(_ name: String, in json: JSONValue) -> Value? {
        json[name].flatMap { try? BrokerNumber<Value>(json: $0) }?.value
    }
}

/// Funds that are traded like shares are ordered as `EQUITY` and held as `COLLECTIVE_INVESTMENT`.
func schwabAssetIsShares(_ instrument: JSONValue) -> Bool {
    instrument["assetType"] == .string("EQUITY") || instrument["assetType"] == .string("COLLECTIVE_INVESTMENT")
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
