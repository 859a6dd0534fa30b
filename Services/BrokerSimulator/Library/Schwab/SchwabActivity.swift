import MarketSimulation
import TradingCore

/// One message of the account's stream. Clients do well to take it as a doorbell and to read the order.
struct SchwabActivity: Hashable, Sendable {
    enum Kind: String, Hashable, Sendable {
        case orderCreated = "OrderCreated"
        case orderAccepted = "OrderAccepted"
        case executionCreated = "ExecutionCreated"
        case orderFillCompleted = "OrderFillCompleted"
        case cancelAccepted = "CancelAccepted"
        case orderUROutCompleted = "OrderUROutCompleted"
        case orderExpired = "OrderExpired"
        case changeCreated = "ChangeCreated"
        case changeAccepted = "ChangeAccepted"
    }

    /// A fill, or shares that left the order unfilled (`UROut`).
    struct Execution: Hashable, Sendable {
        let id: String
        let isFill: Bool
        let quantity: Quantity
        let price: Price
        let cumulativeQuantity: Quantity
        let remainingQuantity: Quantity
        let averagePrice: Price

        init(_ update: OrderUpdate) {
            let order = update.order
            self.id = update.executionID
            self.isFill = update.quantity != nil
            self.quantity = update.quantity ?? order.remainingQuantity
            self.price = update.price ?? .zero
            self.cumulativeQuantity = order.filledQuantity
            self.remainingQuantity = update.quantity == nil ? .zero : order.remainingQuantity
            self.averagePrice = order.filledAveragePrice ?? .zero
        }
    }

    let kind: Kind
    let number: Int64
    let symbol: Symbol
    let at: Timestamp
    /// The order this one replaces.
    var parent: Int64?
    var execution: Execution?

    init(_ kind: Kind, number: Int64, symbol: Symbol, at: Timestamp) {
        self.kind = kind
        self.number = number
        self.symbol = symbol
        self.at = at
    }

    /// The JSON that the stream carries as text.
    func data(accountNumber: String) -> String {
        var writer = JSONWriter()
        writer.object {
            $0.field("SchwabOrderID", "\(self.number)")
            $0.field("AccountNumber", accountNumber)
            $0.object("BaseEvent") {
                $0.field("EventType", self.kind.rawValue)
                $0.field("ParentSchwabOrderID", self.parent.map { "\($0)" })
                $0.object("\(self.kind.rawValue)EventOrderLegQuantityInfo") {
                    $0.field("LegId", "1")
                    $0.field("Symbol", self.symbol)
                    self.writeExecution(to: &$0)
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func writeExecution(to writer: inout JSONWriter) {
        guard let execution = self.execution else { return }
        writer.object("QuantityInfo") {
            $0.field("ExecutionID", execution.id)
            $0.field("CumulativeQuantity", ScaledDecimal(execution.cumulativeQuantity))
            $0.field("LeavesQuantity", ScaledDecimal(execution.remainingQuantity))
            $0.field("AveragePrice", ScaledDecimal(execution.averagePrice))
        }
        writer.object("ExecutionInfo") {
            $0.field("ExecutionSequenceNumber", "1")
            $0.field("ExecutionId", execution.id)
            $0.field("VenueExecutionID", execution.id)
            $0.field("ExecutionQuantity", ScaledDecimal(execution.quantity))
            $0.field("ExecutionPrice", ScaledDecimal(execution.price))
            $0.field("ExecutionTransType", execution.isFill ? "Fill" : "UROut")
            $0.object("ExecutionTimeStamp") { $0.field("DateTimeString", self.at.easternText) }
        }
    }
}

/// The stream's decimals: `lo` over ten to the power of half of `signScale`, which is odd below zero; `lo` is absent
/// when it is zero.
private struct ScaledDecimal: JSONEncodable {
    private let raw: Int64

    init(_ value: some FixedPoint) {
        self.raw = value.raw
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            if self.raw != 0 { $0.field("lo", "\(self.raw.magnitude)") }
            $0.field("signScale", self.raw < 0 ? 17 : 16)
        }
    }
}
