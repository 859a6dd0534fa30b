import MarketSimulation
import TradingCore

/// What a client sends to enter or replace an order. Decimals come as text or as numbers; a member that is null counts
/// as absent.
struct SchwabOrderBody {
    private let json: JSONValue

    init(_ bytes: [UInt8]) throws(RESTFailure) {
        guard let json = try? JSONValue(parsing: bytes), case .object = json else {
            throw .schwabRefusal("Invalid request data: the body is no JSON object")
        }
        self.json = json
    }

    private init(_ json: JSONValue) {
        self.json = json
    }

    func submission() throws(RESTFailure) -> OrderSubmission {
        let strategy = try self.strategy()
        switch strategy {
        case "SINGLE": return .simple(try self.orderRequest())
        case "OCO":
            guard Self.member("orderLegCollection", of: self.json) == nil else {
                throw .schwabRefusal("an OCO order has no orderLegCollection")
            }
            let exits = try self.exits()
            return .group(.oneCancelsOther(takeProfit: exits.takeProfit, stopLoss: exits.stopLoss))
        case "TRIGGER":
            let entry = try self.terms()
            guard entry.side == .buy else { throw .schwabRefusal("a TRIGGER order that sells is not simulated") }
            let children = try self.children()
            guard children.count == 1 else {
                throw .schwabRefusal("a TRIGGER order must have one childOrderStrategies, SINGLE or OCO")
            }
            switch try children[0].strategy() {
            case "SINGLE":
                return .group(.oneTriggersOther(entry: entry, exit: try children[0].orderRequest()))
            case "OCO":
                let exits = try children[0].exits()
                return .group(.bracket(entry: entry, takeProfit: exits.takeProfit, stopLoss: exits.stopLoss))
            case let other:
                throw .schwabRefusal("a child's orderStrategyType \(other.prefix(32)) is not simulated")
            }
        default:
            throw .schwabRefusal(
                "orderStrategyType \(strategy.prefix(32)) is not simulated; send SINGLE, OCO or TRIGGER orders"
            )
        }
    }

    private func strategy() throws(RESTFailure) -> String { try self.text("orderStrategyType") ?? "SINGLE" }

    private func children() throws(RESTFailure) -> [SchwabOrderBody] {
        guard case .array(let children) = self.json["childOrderStrategies"] else { return [] }
        return children.map { SchwabOrderBody($0) }
    }

    /// The two orders of an OCO, a limit and a stop in either order.
    private func exits() throws(RESTFailure) -> (takeProfit: OrderRequest, stopLoss: OrderRequest) {
        let children = try self.children()
        guard children.count == 2 else { throw .schwabRefusal("an OCO order must have two childOrderStrategies") }
        let (first, second) = (try children[0].orderRequest(), try children[1].orderRequest())
        switch (first.kind, second.kind) {
        case (.limit, .stop), (.limit, .stopLimit), (.limit, .trailingStop): return (first, second)
        case (.stop, .limit), (.stopLimit, .limit), (.trailingStop, .limit): return (second, first)
        default: throw .schwabRefusal("an OCO order of other children than a LIMIT and a stop is not simulated")
        }
    }

    /// Of an order without others.
    func orderRequest() throws(RESTFailure) -> OrderRequest {
        guard try self.strategy() == "SINGLE", Self.member("childOrderStrategies", of: self.json) == nil else {
            throw .schwabRefusal("only a SINGLE order may stand here")
        }
        return try self.terms()
    }

    private func terms() throws(RESTFailure) -> OrderRequest {
        guard Self.member("requestedDestination", of: self.json) == nil else {
            throw .schwabRefusal("requestedDestination must not be sent")
        }
        let type = try self.text("orderType") ?? ""
        guard let kind = Self.kinds[type] else {
            throw .schwabRefusal(
                "orderType \"\(type.prefix(32))\" is not simulated; send one of \(Self.names(Self.kinds))"
            )
        }
        let duration = try self.text("duration") ?? ""
        guard let timeInForce = Self.durations[duration] else {
            throw .schwabRefusal(
                "duration \"\(duration.prefix(32))\" is not simulated; send one of \(Self.names(Self.durations))"
            )
        }
        let session = try self.text("session") ?? ""
        guard session == "NORMAL" || (session == "SEAMLESS" && kind == .limit) else {
            throw .schwabRefusal("Invalid request data: session \"\(session.prefix(32))\" with orderType \(type)")
        }
        let leg = try self.leg()
        let trail = try self.trail(isTrailing: kind == .trailingStop)
        return OrderRequest(
            symbol: leg.symbol,
            side: leg.side,
            kind: kind,
            timeInForce: timeInForce,
            quantity: leg.quantity,
            limitPrice: try self.decimal("price"),
            stopPrice: try self.decimal("stopPrice"),
            trailPrice: trail.price,
            trailPercent: trail.percent,
            extendedHours: session == "SEAMLESS"
        )
    }

    static let kinds: [String: SimulatedOrder.Kind] = [
        "MARKET": .market, "LIMIT": .limit, "STOP": .stop, "STOP_LIMIT": .stopLimit, "TRAILING_STOP": .trailingStop,
    ]
    static let durations: [String: SimulatedOrder.TimeInForce] = [
        "DAY": .day, "GOOD_TILL_CANCEL": .goodTillCancelled, "FILL_OR_KILL": .fillOrKill,
        "IMMEDIATE_OR_CANCEL": .immediateOrCancel,
    ]

    private static func names(_ values: [String: some Any]) -> String { values.keys.sorted().joined(separator: ", ") }

    private func leg() throws(RESTFailure) -> (symbol: Symbol, side: SimulatedOrder.Side, quantity: Quantity) {
        guard case .array(let legs) = self.json["orderLegCollection"], legs.count == 1 else {
            throw .schwabRefusal("orderLegCollection must hold one leg")
        }
        let instrument = Self.member("instrument", of: legs[0])
        guard case .string("EQUITY") = instrument?["assetType"] else {
            throw .schwabRefusal("assetType must be EQUITY")
        }
        guard case .string(let name) = instrument?["symbol"], let symbol = Symbol(name) else {
            throw .schwabRefusal("instrument.symbol is no symbol")
        }
        let side: SimulatedOrder.Side
        switch Self.member("instruction", of: legs[0]) {
        case .string("BUY"): side = .buy
        case .string("SELL"): side = .sell
        case let other:
            throw .schwabRefusal("instruction \(other?.summary ?? "") is not simulated; send BUY or SELL")
        }
        guard let quantity: Quantity = try Self.decimal("quantity", of: legs[0]) else {
            throw .schwabRefusal("quantity is required")
        }
        return (symbol, side, quantity)
    }

    private func trail(isTrailing: Bool) throws(RESTFailure) -> (price: Price?, percent: Rate?) {
        guard isTrailing else { return (nil, nil) }
        switch try self.text("stopPriceLinkType") {
        case "VALUE": return (try self.decimal("stopPriceOffset"), nil)
        case "PERCENT": return (nil, try self.decimal("stopPriceOffset"))
        default: throw .schwabRefusal("stopPriceLinkType must be VALUE or PERCENT")
        }
    }

    private static func member(_ name: String, of json: JSONValue) -> JSONValue? {
        let value = json[name]
        return value == .null ? nil : value
    }

    private func text(_ name: String) throws(RESTFailure) -> String? {
        switch Self.member(name, of: self.json) {
        case nil: return nil
        case .string(let text): return text
        default: throw .schwabRefusal("\(name) must be text")
        }
    }

    private func decimal<Value: FixedPoint>(_ name: String) throws(RESTFailure) -> Value? {
        try Self.decimal(name, of: self.json)
    }

    private static func decimal<Value: FixedPoint>(_ name: String, of json: JSONValue) throws(RESTFailure) -> Value? {
        let text: String
        switch Self.member(name, of: json) {
        case nil: return nil
        case .string(let value), .number(let value): text = value
        default: throw .schwabRefusal("\(name) must be a number")
        }
        guard let value = Value(text) else { throw .schwabRefusal("\(name) \"\(text.prefix(40))\" is not a number") }
        return value
    }
}
