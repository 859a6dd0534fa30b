import MarketSimulation
import TradingCore

/// What a client asks to be entered: one order, or several that depend on each other.
enum OrderSubmission: Hashable {
    case simple(OrderRequest)
    case group(OrderGroupRequest)

    /// The order that stands for the others.
    var first: OrderRequest {
        switch self {
        case .simple(let order): order
        case .group(let group): group.members[0].request
        }
    }

    var symbol: Symbol { self.first.symbol }

    /// Enters it, and what is wrong with the first order too.
    ///
    /// - Returns: The order that stands for the others, as the broker answers it, and those under it.
    func enter(
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate],
        _ fault: FaultOrder? = nil
    ) throws(OrderRefusal) -> (order: SimulatedOrder, legs: [SimulatedOrder]) {
        market.engine.nextOrderFate = fault?.fate ?? .ordinary
        defer { market.engine.nextOrderFate = .ordinary }
        switch self {
        case .simple(let order):
            let result = try market.engine.submit(order)
            updates += result.updates
            market.follow(fault, on: result.order)
            return (result.order, [])
        case .group(let group):
            let result = try market.engine.submit(group)
            updates += result.updates
            market.follow(fault, on: result.orders[0])
            return (result.orders[0], Array(result.orders.dropFirst()))
        }
    }

    /// A stop lies a cent or more below the take-profit, the limit of its entry, and the market; the broker looks at
    /// this before the account.
    ///
    /// - Parameter marketPrice: Nil when none is known.
    func checkStop(marketPrice: Price?) throws(RESTFailure) {
        guard case .group(let group) = self,
            let stop = group.members.first(where: { $0.role == .stopLoss })?.request.stopPrice
        else { return }
        let limits = group.members.filter { $0.role != .stopLoss }
        let bases =
            limits.map { ($0.role == .entry ? "entry limit price" : "take profit price", $0.request.limitPrice) }
            + [("current price", marketPrice)]
        for (name, base) in bases {
            guard let base, stop > base - .cent else { continue }
            var failure = RESTFailure.unprocessable("stop price must be less than \(name)")
            if let marketPrice {
                failure.details.append(JSONMember("market_price", .string(marketPrice.description)))
            }
            failure.details.append(JSONMember("stop_price", .string(stop.description)))
            throw failure
        }
    }
}
