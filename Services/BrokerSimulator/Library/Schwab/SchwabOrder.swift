import MarketSimulation
import TradingCore

/// An order of the account as this dialect knows it.
enum SchwabOrder {
    case simulated(SimulatedOrder)
    case rejected(SchwabRejection)
    /// An OCO: no order itself, but with a number.
    case pair(SchwabPair)

    /// What stands in a list for an order of the engine; nil for one that hangs under another.
    init?(listed order: SimulatedOrder, _ market: SimulatedMarket) {
        guard let group = order.group, group.role != .entry, order.status != .replaced else {
            self = .simulated(order)
            return
        }
        // A pair stands where its first order was entered, whatever has replaced that since.
        guard group.orderClass == .oneCancelsOther, !order.isLeg,
            let first = market.engine.members(ofGroup: group.id).first,
            let pair = SchwabPair(startingWith: first, market)
        else { return nil }
        self = .pair(pair)
    }

    func number(_ market: SimulatedMarket) -> Int64 {
        switch self {
        case .simulated(let order): market.schwab.number(ofSequence: order.sequence)
        case .rejected(let rejection): rejection.number
        case .pair(let pair): pair.number(market)
        }
    }

    /// There is no status for a partly filled order: it works, and has a filled quantity.
    func status(_ market: SimulatedMarket) -> String {
        let order: SimulatedOrder
        switch self {
        case .simulated(let simulated): order = simulated
        case .rejected: return "REJECTED"
        case .pair(let pair): return pair.status(market)
        }
        let waitsForItsStop = [.stop, .stopLimit, .trailingStop].contains(order.kind) && !order.isTriggered
        return switch order.status {
        case .accepted, .pendingNew, .new, .held:
            if order.awaitsEntry {
                "AWAITING_PARENT_ORDER"
            } else if waitsForItsStop {
                "AWAITING_STOP_CONDITION"
            } else if order.status == .accepted {
                market.isOpen ? "QUEUED" : "PENDING_ACTIVATION"
            } else {
                "WORKING"
            }
        case .partiallyFilled: "WORKING"
        case .pendingCancel: "PENDING_CANCEL"
        case .filled: "FILLED"
        case .cancelled: "CANCELED"
        case .expired: "EXPIRED"
        case .replaced: "REPLACED"
        case .rejected: "REJECTED"
        }
    }

    /// The order to cancel when this one is to be; nil when none is open.
    var openOrder: SimulatedOrder? {
        switch self {
        case .simulated(let order): order.isOpen ? order : nil
        case .rejected: nil
        case .pair(let pair): pair.exits.first(where: \.isOpen)
        }
    }

    /// Nil for a pair, which has no terms of its own.
    var request: OrderRequest? {
        switch self {
        case .simulated(let order):
            OrderRequest(
                symbol: order.symbol,
                side: order.side,
                kind: order.kind,
                timeInForce: order.timeInForce,
                quantity: order.quantity,
                limitPrice: order.limitPrice,
                stopPrice: order.stopPrice,
                trailPrice: order.trailPrice,
                trailPercent: order.trailPercent,
                extendedHours: order.extendedHours
            )
        case .rejected(let rejection):
            rejection.submission.schwabStrategyType == "OCO" ? nil : rejection.submission.first
        case .pair: nil
        }
    }

    var strategyType: String {
        switch self {
        case .simulated(let order): order.group?.role == .entry ? "TRIGGER" : "SINGLE"
        case .rejected(let rejection): rejection.submission.schwabStrategyType
        case .pair: "OCO"
        }
    }

    /// What hangs under it: under an entry its exit or the pair of them, under a pair its orders.
    func children(_ market: SimulatedMarket) -> [SchwabOrder] {
        switch self {
        case .rejected: return []
        case .pair(let pair): return pair.exits.map { .simulated($0) }
        case .simulated(let order):
            guard let group = order.group, group.role == .entry, order.status != .replaced else { return [] }
            guard group.orderClass == .bracket else { return market.engine.legs(of: order).map { .simulated($0) } }
            let first = market.engine.members(ofGroup: group.id).first { $0.group?.role != .entry }
            return first.flatMap { SchwabPair(startingWith: $0, market) }.map { [.pair($0)] } ?? []
        }
    }
}

/// Two exits of which one cancels the other.
struct SchwabPair {
    /// As they were entered first: it gives the pair its number.
    let first: SimulatedOrder
    /// As they are now.
    let exits: [SimulatedOrder]

    /// Nil unless the order is the first exit of a pair.
    init?(startingWith order: SimulatedOrder, _ market: SimulatedMarket) {
        guard let group = order.group, group.orderClass != .oneTriggersOther else { return nil }
        let exits = market.engine.members(ofGroup: group.id).filter { $0.group?.role != .entry }
        guard exits.first?.id == order.id else { return nil }
        self.first = order
        self.exits = exits.filter { $0.status != .replaced }
    }

    func number(_ market: SimulatedMarket) -> Int64 { market.schwab.pairNumber(ofSequence: self.first.sequence) }

    /// Filled with one of its orders, open while one is.
    func status(_ market: SimulatedMarket) -> String {
        let statuses = self.exits.map { SchwabOrder.simulated($0).status(market) }
        for status in ["FILLED", "AWAITING_PARENT_ORDER", "PENDING_ACTIVATION", "QUEUED"]
        where statuses.contains(status) {
            return status
        }
        return self.exits.contains(where: \.isOpen) ? "WORKING" : statuses.last ?? "CANCELED"
    }
}

extension OrderSubmission {
    var schwabStrategyType: String {
        switch self {
        case .simple: "SINGLE"
        case .group(.oneCancelsOther): "OCO"
        case .group(.bracket), .group(.oneTriggersOther): "TRIGGER"
        }
    }
}
