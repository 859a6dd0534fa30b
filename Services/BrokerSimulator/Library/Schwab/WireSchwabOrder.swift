import MarketSimulation
import TradingCore

/// An order of the account as this dialect knows it.
enum SchwabOrder {
    case simulated(SimulatedOrder)
    case rejected(SchwabRejection)

    func number(_ market: SimulatedMarket) -> Int64 {
        switch self {
        case .simulated(let order): market.schwab.number(ofSequence: order.sequence)
        case .rejected(let rejection): rejection.number
        }
    }

    /// There is no status for a partly filled order: it works, and has a filled quantity.
    func status(_ market: SimulatedMarket) -> String {
        guard case .simulated(let order) = self else { return "REJECTED" }
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
        case .filled: "FILLED"
        case .cancelled: "CANCELED"
        case .expired: "EXPIRED"
        case .replaced: "REPLACED"
        case .rejected: "REJECTED"
        }
    }

    var request: OrderRequest {
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
        case .rejected(let rejection): rejection.request
        }
    }
}

/// An order with the members the trader API gives it.
struct WireSchwabOrder: JSONEncodable {
    private let order: SchwabOrder
    private let number: Int64
    private let accountNumber: String
    private let status: String
    private let replacement: Int64?
    /// With their places among the account's executions.
    private let fills: [(place: Int, fill: SimulatedExecution)]

    /// - Parameter executions: The places of the account's executions by order, for who writes many orders.
    init(
        _ order: SchwabOrder,
        _ access: SchwabAccess,
        _ market: SimulatedMarket,
        executions: [String: [Int]]? = nil
    ) {
        self.order = order
        self.number = order.number(market)
        self.accountNumber = access.accountNumber
        self.status = order.status(market)
        guard case .simulated(let simulated) = order else {
            self.replacement = nil
            self.fills = []
            return
        }
        self.replacement = simulated.replacedBy.flatMap { market.engine.order(id: $0) }
            .map { market.schwab.number(ofSequence: $0.sequence) }
        let all = market.engine.executions
        let places = executions.map { $0[simulated.id] ?? [] } ?? all.indices.filter { all[$0].orderID == simulated.id }
        self.fills = places.map { ($0, all[$0]) }
    }

    func write(to writer: inout JSONWriter) {
        let request = self.order.request
        let (enteredAt, closedAt, filled, isOpen): (Timestamp, Timestamp?, Quantity, Bool) =
            switch self.order {
            case .simulated(let order):
                (order.createdAt, order.isOpen ? nil : order.updatedAt, order.filledQuantity, order.isOpen)
            case .rejected(let rejection): (rejection.at, rejection.at, .zero, false)
            }
        writer.object {
            $0.field("session", request.extendedHours ? "SEAMLESS" : "NORMAL")
            $0.field("duration", Self.name(of: request.timeInForce, in: SchwabOrderBody.durations))
            $0.field("orderType", Self.name(of: request.kind, in: SchwabOrderBody.kinds))
            $0.field("complexOrderStrategyType", "NONE")
            $0.field("quantity", request.quantity)
            $0.field("filledQuantity", filled)
            $0.field("remainingQuantity", isOpen ? request.quantity - filled : .zero)
            $0.field("requestedDestination", "AUTO")
            $0.field("destinationLinkName", "AutoRoute")
            $0.field("price", request.limitPrice)
            $0.field("stopPrice", request.stopPrice)
            if request.kind == .trailingStop {
                $0.field("stopPriceLinkBasis", "LAST")
                $0.field("stopPriceLinkType", request.trailPrice == nil ? "PERCENT" : "VALUE")
                $0.field("stopPriceOffset", request.trailPrice)
                $0.field("stopPriceOffset", request.trailPercent)
            }
            $0.field("orderLegCollection", [WireSchwabLeg(request: request)])
            $0.field("orderStrategyType", "SINGLE")
            $0.field("orderId", self.number)
            $0.field("cancelable", isOpen)
            $0.field("editable", isOpen && self.status != "PENDING_ACTIVATION" && self.status != "QUEUED")
            $0.field("status", self.status)
            $0.field("statusDescription", self.statusDescription)
            $0.field("enteredTime", enteredAt.schwabText)
            $0.field("closeTime", closedAt?.schwabText)
            $0.field("tag", "API_TOS:simulator")
            $0.field("accountNumber", JSONValue.number("\(Int64(self.accountNumber) ?? 0)"))
            $0.field(
                "replacingOrderCollection",
                self.replacement.map { [JSONValue.object([JSONMember("orderId", .number("\($0)"))])] }
            )
            let activities = self.activities
            if !activities.isEmpty { $0.field("orderActivityCollection", activities) }
        }
    }

    private var statusDescription: String? {
        switch self.order {
        case .rejected(let rejection): rejection.reason
        case .simulated(let order) where order.status == .rejected:
            order.rejectionReason ?? "You do not have enough available cash/buying power for this order."
        case .simulated: nil
        }
    }

    /// The fills, and for an order that ended early what was left of it: an execution too, though none of a trade.
    private var activities: [WireSchwabActivity] {
        var activities = self.fills.map { place, fill in
            WireSchwabActivity(
                id: place + 1,
                type: "FILL",
                quantity: fill.quantity,
                remaining: fill.remainingQuantity,
                price: fill.price,
                symbol: fill.symbol,
                at: fill.at
            )
        }
        if case .simulated(let order) = self.order, [.cancelled, .expired, .replaced].contains(order.status) {
            activities.append(
                WireSchwabActivity(
                    id: order.sequence + 1_000_000,
                    type: "CANCELED",
                    quantity: order.remainingQuantity,
                    remaining: .zero,
                    price: .zero,
                    symbol: order.symbol,
                    at: order.updatedAt
                )
            )
        }
        return activities
    }

    private static func name<Value: Equatable>(of value: Value, in names: [String: Value]) -> String? {
        names.first { $0.value == value }?.key
    }
}

private struct WireSchwabLeg: JSONEncodable {
    let request: OrderRequest

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("orderLegType", "EQUITY")
            $0.field("legId", 1)
            $0.field("instrument", WireSchwabInstrument(symbol: self.request.symbol))
            $0.field("instruction", self.request.side == .buy ? "BUY" : "SELL")
            $0.field("positionEffect", self.request.side == .buy ? "OPENING" : "CLOSING")
            $0.field("quantity", self.request.quantity)
        }
    }
}

struct WireSchwabInstrument: JSONEncodable {
    let symbol: Symbol
    var netChange: Price?

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("assetType", "EQUITY")
            $0.field("cusip", Self.cusip(self.symbol))
            $0.field("symbol", self.symbol)
            $0.field("instrumentId", Self.number(self.symbol))
            $0.field("netChange", self.netChange)
        }
    }

    static func cusip(_ symbol: Symbol) -> String {
        String(StableHash.hexadecimal("cusip", symbol.rawValue).prefix(9)).uppercased()
    }

    static func number(_ symbol: Symbol) -> Int {
        Int(StableHash.hexadecimal("instrument", symbol.rawValue).prefix(7), radix: 16) ?? 0
    }
}

private struct WireSchwabActivity: JSONEncodable {
    let id: Int
    let type: String
    let quantity: Quantity
    let remaining: Quantity
    let price: Price
    let symbol: Symbol
    let at: Timestamp

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("activityType", "EXECUTION")
            $0.field("activityId", self.id)
            $0.field("executionType", self.type)
            $0.field("quantity", self.quantity)
            $0.field("orderRemainingQuantity", self.remaining)
            $0.field("executionLegs", [WireSchwabExecutionLeg(activity: self)])
        }
    }
}

private struct WireSchwabExecutionLeg: JSONEncodable {
    let activity: WireSchwabActivity

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("legId", 1)
            $0.field("quantity", self.activity.quantity)
            $0.field("mismarkedQuantity", 0)
            $0.field("price", self.activity.price)
            $0.field("time", self.activity.at.schwabText)
            $0.field("instrumentId", WireSchwabInstrument.number(self.activity.symbol))
        }
    }
}
