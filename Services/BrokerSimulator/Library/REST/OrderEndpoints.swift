import MarketSimulation
import TradingCore

enum OrderEndpoints {
    static func submit(
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let body = try OrderBody(request.body)
        let order = try body.orderRequest()
        do {
            let result = try market.engine.submit(order)
            updates += result.updates
            return RESTReply(body: JSONWriter.bytes(WireOrder(result.order)))
        } catch {
            throw RESTFailure(error, symbol: order.symbol)
        }
    }

    static func replace(
        _ id: String,
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let change = try OrderBody(request.body).orderChange()
        do {
            let result = try market.engine.replace(id: id, with: change)
            updates += result.updates
            return RESTReply(body: JSONWriter.bytes(WireOrder(result.order)))
        } catch {
            throw RESTFailure(error, symbol: market.engine.order(id: id)?.symbol)
        }
    }

    /// 204 says that the request was taken; that the order is cancelled is told by the stream and by reading it.
    static func cancel(
        _ id: String,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        do {
            updates += try market.engine.cancel(id: id)
            return RESTReply(status: 204)
        } catch {
            throw RESTFailure(error)
        }
    }

    static func cancelAll(_ market: inout SimulatedMarket, _ updates: inout [OrderUpdate]) -> RESTReply {
        let orders = market.engine.openOrders
        for order in orders {
            // An open order can always be cancelled.
            updates += (try? market.engine.cancel(id: order.id)) ?? []
        }
        return RESTReply.array(status: 207) { writer in
            for order in orders {
                writer.element(
                    JSONValue.object([JSONMember("id", .string(order.id)), JSONMember("status", .number("200"))])
                )
            }
        }
    }

    static func order(_ id: String, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        guard let order = market.engine.order(id: id) else { throw .notFound("order not found for \(id)") }
        return RESTReply(body: JSONWriter.bytes(WireOrder(order)))
    }

    static func byClientID(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        guard let id = request.parameter("client_order_id") else { throw .parameter("client_order_id is required") }
        guard let order = market.engine.order(clientID: id) else { throw .notFound("order not found for \(id)") }
        return RESTReply(body: JSONWriter.bytes(WireOrder(order)))
    }

    static func list(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        let status = try request.choice("status", default: "open", of: ["open", "closed", "all"])
        let isAscending = try request.choice("direction", default: "desc", of: ["asc", "desc"]) == "asc"
        let limit = try request.number("limit", default: 50, in: 1...500)
        let side = try request.parameter("side").map { _ throws(RESTFailure) in
            try request.choice("side", default: "buy", of: ["buy", "sell"])
        }
        let symbols = request.parameter("symbols").map { Set($0.split(separator: ",").map(String.init)) }
        _ = try request.flag("nested")
        let after = try request.time("after")
        let until = try request.time("until")
        let afterOrder = try Self.cursor(request, "after_order_id", market)
        let beforeOrder = try Self.cursor(request, "before_order_id", market)
        guard (after ?? until) == nil || (afterOrder ?? beforeOrder) == nil else {
            throw .parameter("order id cursors cannot be combined with after or until")
        }
        let matching = market.engine.orders.lazy.filter { order in
            (status == "all" || order.isOpen == (status == "open"))
                && (side == nil || order.side.rawValue == side)
                && symbols?.contains(order.symbol.rawValue) != false
                && after.map { order.createdAt > $0 } != false && until.map { order.createdAt < $0 } != false
                && afterOrder.map { order.sequence > $0 } != false
                && beforeOrder.map { order.sequence < $0 } != false
        }
        let page = isAscending ? Array(matching.prefix(limit)) : Array(matching.reversed().prefix(limit))
        return RESTReply.array { writer in
            for order in page { writer.element(WireOrder(order)) }
        }
    }

    private static func cursor(
        _ request: RESTRequest,
        _ name: String,
        _ market: SimulatedMarket
    ) throws(RESTFailure) -> Int? {
        guard let id = request.parameter(name) else { return nil }
        guard let order = market.engine.order(id: id) else { throw .notFound("order not found for \(id)") }
        return order.sequence
    }
}
