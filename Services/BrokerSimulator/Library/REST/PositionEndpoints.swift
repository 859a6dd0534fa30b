import MarketSimulation
import TradingCore

enum PositionEndpoints {
    static func list(_ market: SimulatedMarket) -> RESTReply {
        RESTReply.array { writer in
            for position in market.engine.positions { writer.element(WirePosition(position, market)) }
        }
    }

    static func position(_ name: String, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        RESTReply(body: JSONWriter.bytes(WirePosition(try Self.find(name, market), market)))
    }

    static func close(
        _ name: String,
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let position = try Self.find(name, market)
        var quantity = position.quantity
        if let text = request.parameter("qty") {
            guard let value = Quantity(text) else { throw .parameter("qty must be a number") }
            quantity = value
        } else if let text = request.parameter("percentage") {
            guard let percent = Rate(text), percent > .zero, percent <= Rate(100) else {
                throw .parameter("percentage must lie above 0 and not above 100")
            }
            let share = Int128(quantity.raw) * Int128(percent.raw) / Int128(Rate(100).raw)
            quantity = Quantity(raw: Int64(share)).roundedTowardZero(toMultipleOf: Quantity(1))
        }
        let order = try Self.sell(position, quantity, &market, &updates)
        return RESTReply(body: JSONWriter.bytes(WireOrder(order)))
    }

    static func closeAll(
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        if try request.flag("cancel_orders") { _ = OrderEndpoints.cancelAll(&market, &updates) }
        var results: [(symbol: Symbol, status: Int, body: any JSONEncodable)] = []
        for position in market.engine.positions {
            do {
                let order = try Self.sell(position, position.quantity, &market, &updates)
                results.append((position.symbol, 200, WireOrder(order)))
            } catch {
                results.append((position.symbol, error.status, error.json))
            }
        }
        return RESTReply.array(status: 207) { writer in
            for result in results { writer.element(WireClosing(result: result)) }
        }
    }

    private static func sell(
        _ position: SimulatedPosition,
        _ quantity: Quantity,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> SimulatedOrder {
        do {
            let result = try market.engine.submit(
                OrderRequest(
                    symbol: position.symbol,
                    side: .sell,
                    kind: .market,
                    timeInForce: .day,
                    quantity: quantity
                )
            )
            updates += result.updates
            return result.order
        } catch {
            throw RESTFailure(error, symbol: position.symbol)
        }
    }

    private static func find(_ name: String, _ market: SimulatedMarket) throws(RESTFailure) -> SimulatedPosition {
        guard
            let position = market.engine.positions.first(where: {
                $0.symbol.rawValue == name || AccountEndpoints.assetID($0.symbol) == name
            })
        else { throw .notFound("position does not exist") }
        return position
    }
}

private struct WireClosing: JSONEncodable {
    let result: (symbol: Symbol, status: Int, body: any JSONEncodable)

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("symbol", self.result.symbol)
            $0.field("status", self.result.status)
            $0.field("body", self.result.body)
        }
    }
}

struct WirePosition: JSONEncodable {
    private let position: SimulatedPosition
    private let available: Quantity
    private let price: Price
    private let previousClose: Price

    init(_ position: SimulatedPosition, _ market: SimulatedMarket) {
        self.position = position
        self.available = market.engine.availableQuantity(slot: position.slot)
        self.price = market.engine.lastPrice(slot: position.slot) ?? .zero
        self.previousClose = market.previousClose[position.slot] ?? self.price
    }

    func write(to writer: inout JSONWriter) {
        let quantity = self.position.quantity
        let value = (try? self.price.times(quantity)) ?? .zero
        let before = (try? self.previousClose.times(quantity)) ?? .zero
        let profit = value - self.position.costBasis
        writer.object {
            $0.field("asset_id", AccountEndpoints.assetID(self.position.symbol))
            $0.field("symbol", self.position.symbol)
            $0.field("exchange", "NASDAQ")
            $0.field("asset_class", "us_equity")
            $0.field("asset_marginable", false)
            $0.decimal("qty", quantity)
            $0.decimal("qty_available", self.available)
            $0.decimal("avg_entry_price", self.position.averageEntryPrice)
            $0.field("side", "long")
            $0.decimal("market_value", value)
            $0.decimal("cost_basis", self.position.costBasis)
            $0.decimal("unrealized_pl", profit)
            $0.decimal("unrealized_plpc", (try? Rate(profit, over: self.position.costBasis)) ?? .zero)
            $0.decimal("unrealized_intraday_pl", value - before)
            $0.decimal("unrealized_intraday_plpc", (try? Rate(value - before, over: before)) ?? .zero)
            $0.decimal("current_price", self.price)
            $0.decimal("lastday_price", self.previousClose)
            $0.decimal("change_today", (try? Rate(self.price - self.previousClose, over: self.previousClose)) ?? .zero)
        }
    }
}
