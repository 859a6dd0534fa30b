import MarketSimulation
import TradingCore

/// What a client sends to enter or replace an order. Decimals come as text or as numbers; a member that is null counts
/// as absent.
struct OrderBody {
    private let json: JSONValue

    init(_ bytes: [UInt8]) throws(RESTFailure) {
        do {
            self.json = try JSONValue(parsing: bytes)
        } catch {
            throw .malformedBody
        }
        guard case .object = self.json else { throw .malformedBody }
    }

    func submission() throws(RESTFailure) -> OrderSubmission {
        for name in ["notional", "advanced_instructions"] where self.member(name) != nil {
            throw .unprocessable("\(name) is not simulated; send qty and no instructions")
        }
        let order = try self.orderRequest()
        let text = try self.text("order_class") ?? ""
        guard text != "", text != "simple" else {
            for name in ["take_profit", "stop_loss"] where self.member(name) != nil {
                throw .unprocessable("simple orders must not have \(name)")
            }
            return .simple(order)
        }
        guard let orderClass = OrderGroup.OrderClass(rawValue: text) else {
            throw .unprocessable("order_class \(text.prefix(32)) is not simulated; send bracket, oto, oco or simple")
        }
        guard order.quantity.raw % Quantity.unit == 0 else {
            throw .unprocessable("fractional orders must be simple orders")
        }
        guard order.kind != .trailingStop else { throw .unprocessable("trailing_stop orders must be simple orders") }
        let takeProfit = try self.takeProfit(of: order)
        let stopLoss = try self.stopLoss(of: order)
        switch orderClass {
        case .bracket:
            guard let takeProfit else { throw .unprocessable("bracket orders require take_profit.limit_price") }
            guard let stopLoss else { throw .unprocessable("bracket orders require stop_loss.stop_price") }
            return .group(.bracket(entry: order, takeProfit: takeProfit, stopLoss: stopLoss))
        case .oneTriggersOther:
            switch (takeProfit, stopLoss) {
            case (let exit?, nil), (nil, let exit?): return .group(.oneTriggersOther(entry: order, exit: exit))
            default: throw .unprocessable("oto orders require either take_profit or stop_loss")
            }
        case .oneCancelsOther:
            guard order.kind == .limit else { throw .unprocessable("oco orders must be limit orders") }
            guard var takeProfit else { throw .unprocessable("oco orders require take_profit.limit_price") }
            guard var stopLoss else { throw .unprocessable("oco orders require stop_loss.stop_price") }
            takeProfit.side = order.side
            takeProfit.clientOrderID = order.clientOrderID
            takeProfit.extendedHours = order.extendedHours
            stopLoss.side = order.side
            return .group(.oneCancelsOther(takeProfit: takeProfit, stopLoss: stopLoss))
        }
    }

    private func orderRequest() throws(RESTFailure) -> OrderRequest {
        guard let text = try self.text("symbol") else { throw .parameter("symbol is required") }
        guard let symbol = Symbol(text) else { throw .unprocessable("asset \"\(text.prefix(32))\" not found") }
        guard let quantity: Quantity = try self.decimal("qty") else {
            throw .parameter("qty or notional is required")
        }
        let order = OrderRequest(
            symbol: symbol,
            side: try self.choice("side"),
            kind: try self.choice("type"),
            timeInForce: try self.choice("time_in_force"),
            quantity: quantity,
            limitPrice: try self.decimal("limit_price"),
            stopPrice: try self.decimal("stop_price"),
            trailPrice: try self.decimal("trail_price"),
            trailPercent: try self.decimal("trail_percent"),
            clientOrderID: try self.text("client_order_id"),
            extendedHours: try self.flag("extended_hours")
        )
        guard order.kind != .trailingStop || [.day, .goodTillCancelled].contains(order.timeInForce) else {
            throw .unprocessable("trailing_stop orders must be DAY or GTC orders")
        }
        return order
    }

    private func takeProfit(of order: OrderRequest) throws(RESTFailure) -> OrderRequest? {
        guard let limit: Price = try self.decimal("limit_price", in: "take_profit") else { return nil }
        return Self.exit(of: order, .limit, limitPrice: limit)
    }

    private func stopLoss(of order: OrderRequest) throws(RESTFailure) -> OrderRequest? {
        guard let stop: Price = try self.decimal("stop_price", in: "stop_loss") else { return nil }
        let limit: Price? = try self.decimal("limit_price", in: "stop_loss")
        return Self.exit(of: order, limit == nil ? .stop : .stopLimit, limitPrice: limit, stopPrice: stop)
    }

    private static func exit(
        of order: OrderRequest,
        _ kind: SimulatedOrder.Kind,
        limitPrice: Price? = nil,
        stopPrice: Price? = nil
    ) -> OrderRequest {
        OrderRequest(
            symbol: order.symbol,
            side: order.side == .buy ? .sell : .buy,
            kind: kind,
            timeInForce: order.timeInForce,
            quantity: order.quantity,
            limitPrice: limitPrice,
            stopPrice: stopPrice
        )
    }

    func orderChange() throws(RESTFailure) -> OrderChange {
        OrderChange(
            quantity: try self.decimal("qty"),
            limitPrice: try self.decimal("limit_price"),
            stopPrice: try self.decimal("stop_price"),
            trail: try self.decimal("trail"),
            timeInForce: self.member("time_in_force") == nil ? nil : try self.choice("time_in_force"),
            clientOrderID: try self.text("client_order_id")
        )
    }

    /// - Parameter parent: The member that holds it, if it is not the body itself.
    private func member(_ name: String, in parent: String? = nil) -> JSONValue? {
        let value = (parent.map { self.json[$0] } ?? self.json)?[name]
        return value == .null ? nil : value
    }

    private func text(_ name: String) throws(RESTFailure) -> String? {
        switch self.member(name) {
        case nil: return nil
        case .string(let text): return text
        default: throw .parameter("\(name) must be text")
        }
    }

    private func flag(_ name: String) throws(RESTFailure) -> Bool {
        switch self.member(name) {
        case nil: return false
        case .bool(let value): return value
        default: throw .parameter("\(name) must be true or false")
        }
    }

    private func decimal<Value: FixedPoint>(
        _ name: String,
        in parent: String? = nil
    ) throws(RESTFailure) -> Value? {
        let text: String
        switch self.member(name, in: parent) {
        case nil: return nil
        case .string(let value), .number(let value): text = value
        default: throw .parameter("\(name) must be a number")
        }
        guard let value = Value(text) else { throw .parameter("\(name) \"\(text.prefix(40))\" is not a number") }
        return value
    }

    private func choice<Value: RawRepresentable & CaseIterable>(_ name: String) throws(RESTFailure) -> Value
    where Value.RawValue == String {
        guard let text = try self.text(name) else { throw .parameter("\(name) is required") }
        guard let value = Value(rawValue: text) else {
            let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw .unprocessable("\(name) \"\(text.prefix(32))\" is not simulated; send one of \(known)")
        }
        return value
    }
}
