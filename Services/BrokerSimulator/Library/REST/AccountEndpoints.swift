import MarketSimulation
package import TradingCore

package enum AccountEndpoints {
    package static func assetID(_ symbol: Symbol) -> String { DerivedIdentifier.uuid("asset \(symbol)") }

    static func account(_ market: SimulatedMarket) -> RESTReply {
        let engine = market.engine
        let lastEquity = engine.equityCurve.last?.equity ?? engine.configuration.cash
        let createdAt = (market.schedule.sessions.first?.open ?? market.now) - .seconds(1800)
        return RESTReply.object { writer in
            writer.field("id", DerivedIdentifier.uuid("account"))
            writer.field("account_number", "SIM000001")
            writer.field("status", "ACTIVE")
            writer.field("crypto_status", "INACTIVE")
            writer.field("currency", "USD")
            writer.field("created_at", createdAt)
            writer.field("balance_asof", (engine.equityCurve.last?.date ?? NewYorkTime.date(of: market.now)))
            writer.field("crypto_tier", 0)
            writer.decimal("cash", engine.cash)
            for name in ["equity", "portfolio_value"] { writer.decimal(name, engine.equity) }
            writer.decimal("last_equity", lastEquity)
            for name in [
                "buying_power", "regt_buying_power", "effective_buying_power", "non_marginable_buying_power",
                "options_buying_power",
            ] {
                writer.decimal(name, engine.buyingPower)
            }
            for name in ["long_market_value", "position_market_value", "initial_margin", "maintenance_margin"] {
                writer.decimal(name, engine.positionValue)
            }
            for name in [
                "short_market_value", "last_maintenance_margin", "sma", "accrued_fees", "pending_reg_taf_fees",
                "pending_transfer_in", "pending_transfer_out", "intraday_adjustments",
            ] {
                writer.decimal(name, Money.zero)
            }
            writer.field("multiplier", "1")
            for name in ["trading_blocked", "transfers_blocked", "account_blocked", "shorting_enabled"] {
                writer.field(name, false)
            }
            writer.field("trade_suspended_by_user", market.settings.isTradingSuspended)
            writer.field("options_approved_level", 0)
            writer.field("options_trading_level", 0)
            writer.object("admin_configurations") { _ in }
            writer.field("user_configurations", market.settings.json)
        }
    }

    static func activities(
        _ request: RESTRequest,
        _ path: [String],
        _ market: SimulatedMarket
    ) throws(RESTFailure) -> RESTReply {
        let kinds = path.count > 1 ? path[1] : request.parameter("activity_types") ?? "FILL"
        let isAscending = try request.choice("direction", default: "desc", of: ["asc", "desc"]) == "asc"
        let size = try request.number("page_size", default: 100, in: 1...100)
        let after = try request.time("after")
        let until = try request.time("until", endOfDay: true)
        let date = try request.date("date")
        let orderID = request.parameter("order_id")
        let fills = kinds.split(separator: ",").contains("FILL") ? market.engine.executions : []
        let ordered = isAscending ? fills : fills.reversed()
        var start = ordered.startIndex
        if let token = request.parameter("page_token") {
            guard let index = ordered.firstIndex(where: { $0.activityID == token }) else {
                throw .parameter("page_token is not the id of an activity")
            }
            start = index + 1
        }
        let page = ordered[start...].lazy
            .filter { fill in
                after.map { fill.at > $0 } != false && until.map { fill.at <= $0 } != false
                    && date.map { NewYorkTime.date(of: fill.at) == $0 } != false
                    && (orderID == nil || fill.orderID == orderID)
            }
            .prefix(size)
        return RESTReply.array { writer in
            for fill in page { writer.element(WireFill(fill: fill)) }
        }
    }

    static func assets(
        _ request: RESTRequest,
        _ name: String?,
        _ market: SimulatedMarket
    ) throws(RESTFailure) -> RESTReply {
        if let name {
            guard let symbol = market.symbols.first(where: { $0.rawValue == name || Self.assetID($0) == name }) else {
                throw .notFound("asset not found for \(name)")
            }
            return RESTReply(body: JSONWriter.bytes(WireAsset(symbol: symbol)))
        }
        let isListed =
            try request.choice("status", default: "active", of: ["active", "inactive"]) == "active"
            && request.parameter("asset_class").map { $0 == "us_equity" } != false
        return RESTReply.array { writer in
            for symbol in isListed ? market.symbols : [] { writer.element(WireAsset(symbol: symbol)) }
        }
    }
}

extension SimulatedExecution {
    /// The clock of New York to the millisecond, then the execution: `20090102093000000::…`.
    fileprivate var activityID: String {
        let local = self.at + .seconds(NewYorkTime.secondsFromUTC(at: self.at))
        let milliseconds = "\(1000 + local.milliseconds - local.seconds * 1000)".dropFirst()
        return "\(local.description.prefix(19).filter(\.isNumber))\(milliseconds)::\(self.id)"
    }
}

private struct WireFill: JSONEncodable {
    let fill: SimulatedExecution

    func write(to writer: inout JSONWriter) {
        let fill = self.fill
        let isComplete = fill.remainingQuantity == .zero
        writer.object {
            $0.field("activity_type", "FILL")
            $0.field("id", fill.activityID)
            $0.field("order_id", fill.orderID)
            $0.field("order_status", isComplete ? "filled" : "partially_filled")
            $0.field("symbol", fill.symbol)
            $0.field("side", fill.side.rawValue)
            $0.decimal("qty", fill.quantity)
            $0.decimal("price", fill.price)
            $0.decimal("cum_qty", fill.cumulativeQuantity)
            $0.decimal("leaves_qty", fill.remainingQuantity)
            $0.field("transaction_time", fill.at)
            $0.field("type", isComplete ? "fill" : "partial_fill")
        }
    }
}

private struct WireAsset: JSONEncodable {
    let symbol: Symbol

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", AccountEndpoints.assetID(self.symbol))
            $0.field("class", "us_equity")
            $0.field("exchange", "NASDAQ")
            $0.field("symbol", self.symbol)
            $0.field("name", self.symbol)
            $0.field("status", "active")
            $0.field("tradable", true)
            for name in ["marginable", "shortable", "easy_to_borrow", "fractionable"] { $0.field(name, false) }
            $0.field("attributes", [String]())
            $0.field("margin_requirement_long", "100")
            $0.field("margin_requirement_short", "100")
            $0.field("maintenance_margin_requirement", 100)
        }
    }
}
