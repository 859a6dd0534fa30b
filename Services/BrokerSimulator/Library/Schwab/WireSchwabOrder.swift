import MarketSimulation
import TradingCore

/// An order with the members the trader API gives it.
struct WireSchwabOrder: JSONEncodable {
    private let order: SchwabOrder
    private let number: Int64
    private let accountNumber: String
    private let status: String
    private let replacement: Int64?
    private let children: [WireSchwabOrder]
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
        self.children = order.children(market).map {
            WireSchwabOrder($0, access, market, executions: executions)
        }
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
        let (enteredAt, closedAt, isOpen): (Timestamp, Timestamp?, Bool) =
            switch self.order {
            case .simulated(let order): (order.createdAt, order.isOpen ? nil : order.updatedAt, order.isOpen)
            case .rejected(let rejection): (rejection.at, rejection.at, false)
            case .pair(let pair):
                (
                    pair.first.createdAt,
                    pair.exits.contains(where: \.isOpen) ? nil : pair.exits.map(\.updatedAt).max(),
                    pair.exits.contains(where: \.isOpen)
                )
            }
        writer.object {
            if let request = self.order.request { self.writeTerms(request, isOpen: isOpen, to: &$0) }
            $0.field("orderStrategyType", self.order.strategyType)
            $0.field("orderId", self.number)
            $0.field("cancelable", isOpen)
            $0.field("editable", isOpen && self.isEditable)
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
            if !self.children.isEmpty { $0.field("childOrderStrategies", self.children) }
        }
    }

    private var isEditable: Bool {
        if case .pair = self.order { return false }
        return self.status != "PENDING_ACTIVATION" && self.status != "QUEUED"
    }

    private func writeTerms(_ request: OrderRequest, isOpen: Bool, to writer: inout JSONWriter) {
        let filled: Quantity =
            if case .simulated(let order) = self.order { order.filledQuantity } else { .zero }
        writer.field("session", request.extendedHours ? "SEAMLESS" : "NORMAL")
        writer.field("duration", Self.name(of: request.timeInForce, in: SchwabOrderBody.durations))
        writer.field("orderType", Self.name(of: request.kind, in: SchwabOrderBody.kinds))
        writer.field("complexOrderStrategyType", "NONE")
        writer.field("quantity", request.quantity)
        writer.field("filledQuantity", filled)
        writer.field("remainingQuantity", isOpen ? request.quantity - filled : .zero)
        writer.field("requestedDestination", "AUTO")
        writer.field("destinationLinkName", "AutoRoute")
        writer.field("price", request.limitPrice)
        writer.field("stopPrice", request.stopPrice)
        if request.kind == .trailingStop {
            writer.field("stopPriceLinkBasis", "LAST")
            writer.field("stopPriceLinkType", request.trailPrice == nil ? "PERCENT" : "VALUE")
            writer.field("stopPriceOffset", request.trailPrice)
            writer.field("stopPriceOffset", request.trailPercent)
        }
        writer.field("orderLegCollection", [WireSchwabLeg(request: request)])
    }

    private var statusDescription: String? {
        switch self.order {
        case .rejected(let rejection): rejection.reason
        case .simulated(let order) where order.status == .rejected:
            order.rejectionReason ?? "You do not have enough available cash/buying power for this order."
        case .simulated, .pair: nil
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
