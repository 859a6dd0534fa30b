import MarketSimulation
import TradingCore

enum SchwabOrderEndpoints {
    /// A 201 is no acceptance: an order that the account cannot bear gets a number and is rejected.
    ///
    /// - Returns: The new order's number.
    static func submit(
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> Int64 {
        let submission = try SchwabOrderBody(request.body).submission()
        do {
            let (order, legs) = try submission.enter(&market, &updates, request.fault)
            for entered in [order] + legs {
                let number = market.schwab.number(ofSequence: entered.sequence)
                market.schwab.announce(
                    SchwabActivity(.orderCreated, number: number, symbol: order.symbol, at: market.now)
                )
            }
            let isPair = order.group?.orderClass == .oneCancelsOther
            return isPair
                ? market.schwab.pairNumber(ofSequence: order.sequence)
                : market.schwab.number(ofSequence: order.sequence)
        } catch {
            return try Self.reject(submission, error, &market)
        }
    }

    /// The new order holds as many shares as the request says, whatever the old one has filled.
    ///
    /// - Returns: The new order's number.
    static func replace(
        _ number: String,
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> Int64 {
        let old = try Self.find(number, market)
        guard case .simple(let order) = try SchwabOrderBody(request.body).submission() else {
            throw .schwabRefusal("a replacement by an OCO or TRIGGER order is not simulated; replace its orders")
        }
        guard case .simulated(let old) = old, old.isOpen else {
            throw .schwabRefusal("Order cannot be replaced: it is not open")
        }
        guard order.symbol == old.symbol, order.side == old.side, order.kind == old.kind else {
            throw .schwabRefusal("a replacement with another symbol, instruction or orderType is not simulated")
        }
        do {
            let change = OrderChange(
                quantity: order.quantity + old.filledQuantity,
                limitPrice: order.limitPrice,
                stopPrice: order.stopPrice,
                trail: order.trailPercent ?? order.trailPrice.map { Rate(raw: $0.raw) },
                timeInForce: order.timeInForce
            )
            let result = try market.replace(old.id, with: change, request.fault)
            updates += result.updates
            return market.schwab.number(ofSequence: result.order.sequence)
        } catch {
            return try Self.reject(.simple(order), error, &market)
        }
    }

    private static func reject(
        _ submission: OrderSubmission,
        _ refusal: OrderRefusal,
        _ market: inout SimulatedMarket
    ) throws(RESTFailure) -> Int64 {
        let reason: String
        switch refusal {
        case .insufficientBuyingPower:
            reason = "You do not have enough available cash/buying power for this order."
        case .insufficientQuantity, .shortSale:
            reason = "This order may result in an oversold/overbought position in your account."
        default:
            throw .schwabRefusal(
                "Your order failed validation: \(RESTFailure(refusal, symbol: submission.symbol).message)"
            )
        }
        return market.schwab.reject(submission, reason: reason, entered: market.engine.orders.count, at: market.now)
    }

    /// 200 says that the request was taken; that the order is canceled is told by reading it.
    static func cancel(
        _ number: String,
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        guard let order = try Self.find(number, market).openOrder else {
            throw .schwabRefusal("Order cannot be canceled: it is not open")
        }
        do {
            updates += try market.cancel(order.id, request.fault)
            return RESTReply()
        } catch {
            throw .schwabRefusal("Order cannot be canceled: \(RESTFailure(error).message)")
        }
    }

    static func order(
        _ number: String,
        _ access: SchwabAccess,
        _ market: SimulatedMarket
    ) throws(RESTFailure) -> RESTReply {
        let order = try Self.find(number, market)
        return RESTReply(body: JSONWriter.bytes(WireSchwabOrder(order, access, market)))
    }

    /// Newest first, orders that hang under another there.
    ///
    /// - Parameter days: The longest range that may be asked for.
    static func list(
        _ request: RESTRequest,
        _ access: SchwabAccess,
        _ market: SimulatedMarket,
        days: Int
    ) throws(RESTFailure) -> RESTReply {
        let from = try request.schwabTime("fromEnteredTime")
        let to = try request.schwabTime("toEnteredTime")
        guard from <= to, to - from <= .seconds(days * 86_400) else {
            throw .schwabRefusal("fromEnteredTime must not be after toEnteredTime nor more than \(days) days before it")
        }
        let limit = try request.number("maxResults", default: 3000, in: 1...3000)
        let status = request.parameter("status")
        let simulated = market.engine.orders.lazy.filter { from <= $0.createdAt && $0.createdAt <= to }
            .compactMap { SchwabOrder(listed: $0, market) }
        let rejected = market.schwab.rejections.lazy.filter { from <= $0.at && $0.at <= to }
            .map { SchwabOrder.rejected($0) }
        let found = (Array(simulated) + Array(rejected))
            .map { (number: $0.number(market), order: $0) }
            .filter { status == nil || $0.order.status(market) == status }
            .sorted { $0.number > $1.number }
        let executions = Dictionary(grouping: market.engine.executions.indices) { market.engine.executions[$0].orderID }
        return RESTReply.array { writer in
            for entry in found.prefix(limit) {
                writer.element(WireSchwabOrder(entry.order, access, market, executions: executions))
            }
        }
    }

    /// What would become of the order.
    static func preview(
        _ request: RESTRequest,
        _ access: SchwabAccess,
        _ market: SimulatedMarket
    ) throws(RESTFailure) -> RESTReply {
        let submission = try SchwabOrderBody(request.body).submission()
        let order = submission.first
        var trial = market
        var reason: String?
        do {
            var updates: [OrderUpdate] = []
            _ = try submission.enter(&trial, &updates)
        } catch {
            let number = try Self.reject(submission, error, &trial)
            reason = trial.schwab.rejection(number: number)?.reason
        }
        let none = [String]()
        return RESTReply.object {
            $0.field("orderId", 0)
            $0.object("orderStrategy") {
                $0.field("accountNumber", access.accountNumber)
                $0.field("symbol", order.symbol)
                $0.field("quantity", order.quantity)
                $0.field("orderStrategyType", submission.schwabStrategyType)
                $0.field("status", reason == nil ? "ACCEPTED" : "REJECTED")
            }
            $0.object("orderValidationResult") {
                $0.field("alerts", none)
                $0.field("accepts", none)
                $0.field("rejects", [reason].compactMap { $0.map { WireSchwabFinding(message: $0) } })
                $0.field("reviews", none)
                $0.field("warns", none)
            }
            $0.object("commissionAndFee") {
                $0.object("commission") { $0.field("commissionLegs", none) }
                $0.object("fee") { $0.field("feeLegs", none) }
                $0.object("trueCommission") { $0.field("commissionLegs", none) }
            }
        }
    }

    private static func find(_ text: String, _ market: SimulatedMarket) throws(RESTFailure) -> SchwabOrder {
        guard let number = Int64(text) else { throw .schwabRefusal("order ids are whole numbers") }
        if let rejection = market.schwab.rejection(number: number) { return .rejected(rejection) }
        if let index = market.schwab.index(ofPairNumber: number), market.engine.orders.indices.contains(index),
            let pair = SchwabPair(startingWith: market.engine.orders[index], market)
        {
            return .pair(pair)
        }
        guard let index = market.schwab.index(ofNumber: number), market.engine.orders.indices.contains(index) else {
            throw .notFound("Order not found")
        }
        return .simulated(market.engine.orders[index])
    }
}

private struct WireSchwabFinding: JSONEncodable {
    let message: String

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("validationRuleName", "")
            $0.field("message", self.message)
            $0.field("activityMessage", self.message)
            $0.field("originalSeverity", "REJECT")
            $0.field("overrideName", "")
            $0.field("overrideSeverity", "REJECT")
        }
    }
}
