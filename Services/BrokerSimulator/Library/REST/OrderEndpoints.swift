import MarketSimulation
import TradingCore

enum OrderEndpoints {
    static func submit(
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let submission = try OrderBody(request.body).submission()
        let slot = market.engine.slot(of: submission.symbol)
        try submission.checkStop(marketPrice: slot.flatMap { market.engine.lastPrice(slot: $0) })
        do {
            let entered = try submission.enter(&market, &updates, request.fault)
            return RESTReply(body: JSONWriter.bytes(WireOrder(entered.order, legs: entered.legs)))
        } catch {
            throw RESTFailure(error, symbol: submission.symbol)
        }
    }

    static func replace(
        _ id: String,
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let change = try OrderBody(request.body).orderChange()
        if market.engine.order(id: id)?.group?.orderClass == .oneTriggersOther {
            throw .unprocessable("oto orders cannot be replaced")
        }
        do {
            let result = try market.replace(id, with: change, request.fault)
            updates += result.updates
            return RESTReply(body: JSONWriter.bytes(WireOrder(result.order, nestedIn: market.engine)))
        } catch {
            throw RESTFailure(error, symbol: market.engine.order(id: id)?.symbol)
        }
    }

    /// 204 says that the request was taken; that the order is cancelled is told by the stream and by reading it.
    static func cancel(
        _ id: String,
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        do {
            updates += try market.cancel(id, request.fault)
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

    static func order(
        _ id: String,
        _ request: RESTRequest,
        _ market: SimulatedMarket
    ) throws(RESTFailure) -> RESTReply {
        guard let order = market.engine.order(id: id) else { throw .notFound("order not found for \(id)") }
        let wire = try request.flag("nested") ? WireOrder(order, nestedIn: market.engine) : WireOrder(order)
        return RESTReply(body: JSONWriter.bytes(wire))
    }

    static func byClientID(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        guard let id = request.parameter("client_order_id") else { throw .parameter("client_order_id is required") }
        guard let order = market.engine.order(clientID: id) else { throw .notFound("order not found for \(id)") }
        return RESTReply(body: JSONWriter.bytes(WireOrder(order)))
    }

    /// Nested, a group stands in the place of its first order and is listed when any member fits. A list of open orders
    /// leaves held ones out, as the broker has been seen to.
    static func list(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        let status = try request.choice("status", default: "open", of: ["open", "closed", "all"])
        let isAscending = try request.choice("direction", default: "desc", of: ["asc", "desc"]) == "asc"
        let limit = try request.number("limit", default: 50, in: 1...500)
        let side = try request.parameter("side").map { _ throws(RESTFailure) in
            try request.choice("side", default: "buy", of: ["buy", "sell"])
        }
        let symbols = request.parameter("symbols").map { Set($0.split(separator: ",").map(String.init)) }
        let isNested = try request.flag("nested")
        let classes = request.parameter("asset_class")?.split(separator: ",") ?? ["us_equity"]
        let after = try request.time("after")
        let until = try request.time("until")
        let afterOrder = try Self.cursor(request, "after_order_id", market)
        let beforeOrder = try Self.cursor(request, "before_order_id", market)
        guard (after ?? until) == nil || (afterOrder ?? beforeOrder) == nil else {
            throw .parameter("order id cursors cannot be combined with after or until")
        }
        guard afterOrder == nil || beforeOrder == nil else {
            throw .parameter("before_order_id and after_order_id cannot be combined")
        }
        let engine = market.engine
        let fits = { (order: SimulatedOrder) -> Bool in
            (status == "all" || (order.isOpen && order.status != .held && status == "open")
                || (!order.isOpen && status == "closed"))
                && (side == nil || order.side.rawValue == side)
                && symbols?.contains(order.symbol.rawValue) != false
        }
        let matching = engine.orders.lazy.filter { order in
            classes.contains("us_equity") && !(isNested && order.isLeg && order.status != .replaced)
                && (fits(order) || (isNested && engine.legs(of: order).contains(where: fits)))
                && after.map { order.createdAt > $0 } != false && until.map { order.createdAt < $0 } != false
                && afterOrder.map { order.sequence > $0 } != false
                && beforeOrder.map { order.sequence < $0 } != false
        }
        let page = isAscending ? Array(matching.prefix(limit)) : Array(matching.reversed().prefix(limit))
        return RESTReply.array { writer in
            for order in page {
                writer.element(isNested ? WireOrder(order, nestedIn: engine) : WireOrder(order))
            }
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
