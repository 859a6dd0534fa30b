import MarketSimulation
import TradingCore

/// Accounts, positions, trades and preferences of the trader API.
struct SchwabAccountEndpoints {
    let access: SchwabAccess

    func numbers() -> RESTReply {
        RESTReply.array { writer in
            writer.element(
                JSONValue.object([
                    JSONMember("accountNumber", .string(self.access.accountNumber)),
                    JSONMember("hashValue", .string(self.access.accountHash)),
                ])
            )
        }
    }

    func list(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        let account = try self.wireAccount(request, market)
        return RESTReply.array { $0.element(account) }
    }

    func account(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        RESTReply(body: JSONWriter.bytes(try self.wireAccount(request, market)))
    }

    private func wireAccount(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> WireAccount {
        let fields = request.parameter("fields") ?? ""
        guard ["", "positions"].contains(fields) else { throw .schwabRefusal("fields may only be positions") }
        return WireAccount(accountNumber: self.access.accountNumber, market: market, hasPositions: !fields.isEmpty)
    }

    func transactions(_ request: RESTRequest, _ market: SimulatedMarket) throws(RESTFailure) -> RESTReply {
        let start = try request.schwabTime("startDate")
        let end = try request.schwabTime("endDate")
        guard start <= end, end - start <= .seconds(366 * 86_400) else {
            throw .schwabRefusal("startDate must not be after endDate nor more than a year before it")
        }
        let types = request.parameter("types")?.split(separator: ",") ?? ["TRADE"]
        let symbol = request.parameter("symbol")
        let fills = types.contains("TRADE") ? market.engine.executions : []
        return RESTReply.array { writer in
            for (place, fill) in fills.enumerated().reversed()
            where start <= fill.at && fill.at <= end && (symbol == nil || fill.symbol.rawValue == symbol) {
                let sequence = market.engine.order(id: fill.orderID)?.sequence ?? 0
                writer.element(
                    WireTransaction(
                        id: place + 1,
                        fill: fill,
                        orderNumber: market.schwab.number(ofSequence: sequence),
                        accountNumber: self.access.accountNumber
                    )
                )
            }
        }
    }

    func userPreference(_ request: RESTRequest) -> RESTReply {
        let account = JSONValue.object([
            JSONMember("accountNumber", .string(self.access.accountNumber)), JSONMember("primaryAccount", .bool(true)),
            JSONMember("type", .string("BROKERAGE")), JSONMember("nickName", .string("Simulated")),
            JSONMember("displayAcctId", .string("...\(self.access.accountNumber.suffix(3))")),
            JSONMember("autoPositionEffect", .bool(false)), JSONMember("accountColor", .string("Green")),
        ])
        let streamer = JSONValue.object([
            JSONMember("streamerSocketUrl", .string("ws://\(request.host)/ws")),
            JSONMember("schwabClientCustomerId", .string(self.access.customerID)),
            JSONMember("schwabClientCorrelId", .string(self.access.correlationID)),
            JSONMember("schwabClientChannel", .string("N9")),
            JSONMember("schwabClientFunctionId", .string("APIAPP")),
        ])
        let offer = JSONValue.object([
            JSONMember("level2Permissions", .bool(false)), JSONMember("mktDataPermission", .string("NP")),
        ])
        return RESTReply.object {
            $0.field("accounts", [account])
            $0.field("streamerInfo", [streamer])
            $0.field("offers", [offer])
        }
    }
}

/// The replay's account pays in full, in the shape of a margin account.
private struct WireAccount: JSONEncodable {
    let accountNumber: String
    let market: SimulatedMarket
    let hasPositions: Bool

    func write(to writer: inout JSONWriter) {
        let engine = self.market.engine
        writer.object {
            $0.object("securitiesAccount") {
                $0.field("type", "MARGIN")
                $0.field("accountNumber", self.accountNumber)
                $0.field("roundTrips", 0)
                for name in ["isDayTrader", "isClosingOnlyRestricted", "pfcbFlag"] { $0.field(name, false) }
                let positions = engine.positions
                if self.hasPositions, !positions.isEmpty {
                    $0.field("positions", positions.map { WireSchwabPosition($0, self.market) })
                }
                $0.object("initialBalances") { self.writeInitialBalances(to: &$0) }
                $0.object("currentBalances") { self.writeCurrentBalances(to: &$0) }
                $0.object("projectedBalances") {
                    for name in ["availableFunds", "buyingPower", "stockBuyingPower"] {
                        $0.field(name, engine.buyingPower)
                    }
                    for name in ["maintenanceCall", "regTCall"] { $0.field(name, 0) }
                    $0.field("isInCall", false)
                }
            }
            $0.object("aggregatedBalance") {
                $0.field("currentLiquidationValue", engine.equity)
                $0.field("liquidationValue", engine.equity)
            }
        }
    }

    private func writeInitialBalances(to writer: inout JSONWriter) {
        let engine = self.market.engine
        let last = engine.equityCurve.last
        let (cash, equity) = (last?.cash ?? engine.configuration.cash, last?.equity ?? engine.configuration.cash)
        for name in ["accountValue", "liquidationValue", "equity"] { writer.field(name, equity) }
        for name in ["cashBalance", "cashAvailableForTrading"] { writer.field(name, cash) }
        for name in ["longMarginValue", "longStockValue"] { writer.field(name, equity - cash) }
        for name in ["unsettledCash", "pendingDeposits", "shortStockValue"] { writer.field(name, 0) }
        writer.field("isInCall", false)
    }

    private func writeCurrentBalances(to writer: inout JSONWriter) {
        let engine = self.market.engine
        for name in ["cashBalance", "marginBalance"] { writer.field(name, engine.cash) }
        for name in ["liquidationValue", "equity"] { writer.field(name, engine.equity) }
        for name in ["longMarketValue", "longMarginValue"] { writer.field(name, engine.positionValue) }
        for name in [
            "availableFunds", "availableFundsNonMarginableTrade", "buyingPower", "buyingPowerNonMarginableTrade",
            "stockBuyingPower", "dayTradingBuyingPower",
        ] {
            writer.field(name, engine.buyingPower)
        }
        for name in [
            "dayTradingBuyingPowerCall", "maintenanceCall", "regTCall", "optionBuyingPower", "shortBalance",
            "shortMarginValue", "sma",
        ] {
            writer.field(name, 0)
        }
        writer.field("maintenanceRequirement", engine.positionValue)
        writer.field("equityPercentage", 100)
        writer.field("isInCall", false)
    }
}

private struct WireSchwabPosition: JSONEncodable {
    private let position: SimulatedPosition
    private let price: Price
    private let previousClose: Price
    private let boughtToday: Quantity

    init(_ position: SimulatedPosition, _ market: SimulatedMarket) {
        self.position = position
        self.price = market.engine.lastPrice(slot: position.slot) ?? .zero
        self.previousClose = market.previousClose[position.slot] ?? self.price
        let open = market.sessionIndex.map { market.schedule.sessions[$0].open } ?? market.now
        self.boughtToday = market.engine.executions.reversed().prefix { $0.at >= open }
            .filter { $0.symbol == position.symbol }
            .reduce(.zero) { $1.side == .buy ? $0 + $1.quantity : $0 - $1.quantity }
    }

    func write(to writer: inout JSONWriter) {
        let quantity = self.position.quantity
        let value = (try? self.price.times(quantity)) ?? .zero
        let before = (try? self.previousClose.times(quantity)) ?? .zero
        let average = self.position.averageEntryPrice
        writer.object {
            $0.field("shortQuantity", 0)
            $0.field("averagePrice", average)
            $0.field("currentDayProfitLoss", value - before)
            $0.field("currentDayProfitLossPercentage", percentage(value - before, of: before))
            $0.field("longQuantity", quantity)
            $0.field("settledLongQuantity", quantity - max(.zero, self.boughtToday))
            $0.field("settledShortQuantity", 0)
            $0.field(
                "instrument",
                WireSchwabInstrument(symbol: self.position.symbol, netChange: self.price - self.previousClose)
            )
            $0.field("marketValue", value)
            $0.field("maintenanceRequirement", value)
            $0.field("averageLongPrice", average)
            $0.field("taxLotAverageLongPrice", average)
            $0.field("longOpenProfitLoss", value - self.position.costBasis)
            $0.field("previousSessionLongQuantity", max(.zero, quantity - self.boughtToday))
        }
    }
}

private struct WireTransaction: JSONEncodable {
    let id: Int
    let fill: SimulatedExecution
    let orderNumber: Int64
    let accountNumber: String

    func write(to writer: inout JSONWriter) {
        let fill = self.fill
        let isPurchase = fill.side == .buy
        let value = (try? fill.price.times(fill.quantity)) ?? .zero
        let settlement = NewYorkTime.date(of: MarketCalendar.nextOpen(after: fill.at))
        writer.object {
            $0.field("activityId", self.id)
            $0.field("time", fill.at.schwabText)
            $0.field("accountNumber", self.accountNumber)
            $0.field("type", "TRADE")
            $0.field("status", "VALID")
            $0.field("subAccount", "MARGIN")
            $0.field("tradeDate", fill.at.schwabText)
            $0.field("settlementDate", NewYorkTime.timestamp(on: settlement, hour: 0).schwabText)
            $0.field("positionId", WireSchwabInstrument.number(fill.symbol))
            $0.field("orderId", self.orderNumber)
            $0.field("netAmount", isPurchase ? -value : value)
            $0.field("transferItems", [WireTransferItem(fill: fill, value: value)])
        }
    }
}

private struct WireTransferItem: JSONEncodable {
    let fill: SimulatedExecution
    let value: Money

    func write(to writer: inout JSONWriter) {
        let isPurchase = self.fill.side == .buy
        writer.object {
            $0.field("instrument", WireSchwabInstrument(symbol: self.fill.symbol))
            $0.field("amount", isPurchase ? self.fill.quantity : -self.fill.quantity)
            $0.field("cost", isPurchase ? -self.value : self.value)
            $0.field("price", self.fill.price)
            $0.field("positionEffect", isPurchase ? "OPENING" : "CLOSING")
        }
    }
}

/// In percent, so that 5 is 5 %; zero of nothing.
func percentage(_ part: some FixedPoint, of whole: some FixedPoint) -> Rate {
    let (product, overflow) = ((try? Rate(part, over: whole)) ?? .zero).raw.multipliedReportingOverflow(by: 100)
    return overflow ? .zero : Rate(raw: product)
}
