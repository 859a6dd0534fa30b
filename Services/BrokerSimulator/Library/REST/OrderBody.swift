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

    func orderRequest() throws(RESTFailure) -> OrderRequest {
        try self.refuseUnsupported()
        guard let text = try self.text("symbol") else { throw .parameter("symbol is required") }
        guard let symbol = Symbol(text) else { throw .unprocessable("asset \"\(text.prefix(32))\" not found") }
        guard let quantity: Quantity = try self.decimal("qty") else {
            throw .parameter("qty or notional is required")
        }
        return OrderRequest(
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

    private func refuseUnsupported() throws(RESTFailure) {
        if let orderClass = try self.text("order_class"), !["", "simple"].contains(orderClass) {
            throw .unprocessable("order_class \(orderClass.prefix(32)) is not simulated; send simple orders")
        }
        for name in ["take_profit", "stop_loss", "advanced_instructions"] where self.member(name) != nil {
            throw .unprocessable("\(name) is not simulated; send simple orders")
        }
        guard self.member("notional") == nil else { throw .unprocessable("notional is not simulated; send qty") }
    }

    private func member(_ name: String) -> JSONValue? {
        let value = self.json[name]
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

    private func decimal<Value: FixedPoint>(_ name: String) throws(RESTFailure) -> Value? {
        let text: String
        switch self.member(name) {
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
