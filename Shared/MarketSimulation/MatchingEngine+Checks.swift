import TradingCore

/// What an order must be for the broker to take it.
extension MatchingEngine {
    /// The rule an order breaks by itself, whatever the account holds.
    func defect(of request: OrderRequest) -> String? {
        guard request.quantity > .zero else { return "qty must be > 0" }
        guard request.quantity.raw % Quantity.unit == 0 else { return "fractional quantities are not simulated" }
        if let id = request.clientOrderID, id.isEmpty || id.utf8.count > 128 {
            return "client_order_id must have 1 to 128 characters"
        }
        let needsLimit = request.kind == .limit || request.kind == .stopLimit
        let needsStop = request.kind == .stop || request.kind == .stopLimit
        let name = request.kind.rawValue
        guard needsLimit == (request.limitPrice != nil) else {
            return needsLimit ? "\(name) orders require limit_price" : "\(name) orders must not have limit_price"
        }
        guard needsStop == (request.stopPrice != nil) else {
            return needsStop ? "\(name) orders require stop_price" : "\(name) orders must not have stop_price"
        }
        if request.kind == .trailingStop {
            guard (request.trailPrice == nil) != (request.trailPercent == nil) else {
                return "trailing_stop orders require either trail_price or trail_percent"
            }
            guard request.trailPrice ?? .cent > .zero else { return "trail_price must be > 0" }
            if let percent = request.trailPercent, percent <= .zero || percent >= Rate(100) {
                return "trail_percent must lie between 0 and 100"
            }
        } else if request.trailPrice != nil || request.trailPercent != nil {
            return "\(name) orders must not have trail_price or trail_percent"
        }
        for (field, price) in [("limit_price", request.limitPrice), ("stop_price", request.stopPrice)] {
            guard let price else { continue }
            guard price > .zero else { return "\(field) must be > 0" }
            let step = price >= Price(1) ? Price.cent : Price(raw: Price.cent.raw / 100)
            if self.configuration.refusesSubPennyPrices, price.raw % step.raw != 0 {
                return
                    "invalid \(field) \(price). sub-penny increment does not fulfill minimum pricing criteria"
            }
        }
        if request.extendedHours {
            guard request.kind == .limit, [.day, .goodTillCancelled].contains(request.timeInForce) else {
                return "extended hours order must be DAY or GTC limit orders"
            }
        }
        return nil
    }

    func checkBuyingPower(_ request: OrderRequest, slot: Int, excluding: Int?) throws(OrderRefusal) {
        let available = self.cash - self.reservedCash(excluding: excluding)
        guard let bound = self.boundPrice(limit: request.limitPrice, stop: request.stopPrice, slot: slot) else {
            throw .invalid("no price of \(request.symbol) is known yet; enter a limit order")
        }
        guard let cost = try? bound.times(request.quantity) else { throw .invalid("qty is too large") }
        guard cost <= available else { throw .insufficientBuyingPower(available: available, cost: cost) }
    }

    func checkQuantity(_ request: OrderRequest, slot: Int, excluding: Int?) throws(OrderRefusal) {
        guard let position = self.markets[slot].position else { throw .shortSale }
        let sells = self.openSells(slot: slot, excluding: excluding)
        let held = self.reservedShares(sells)
        let available = position.quantity - held
        guard request.quantity <= available else {
            throw .insufficientQuantity(
                requested: request.quantity,
                available: available,
                held: held,
                orders: sells.map(\.id)
            )
        }
    }
}
