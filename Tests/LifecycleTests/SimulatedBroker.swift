import Brokerage
import MarketSimulation
import TradingCore

/// The matching engine as a broker, without a wire: what the agents' lanes call in one-process simulations.
final class SimulatedMarket {
    var engine: MatchingEngine
    let sessions: [TradingSession]
    /// Bars that are complete, by symbol.
    var bars: [Symbol: [Bar]] = [:]
    /// What the broker's stream has said and nobody has taken yet.
    var updates: [OrderReport] = []
    /// Orders of each client order id that were sent; more than one is a duplicate.
    var submissions: [String: Int] = [:]

    init(engine: MatchingEngine, sessions: [TradingSession]) {
        self.engine = engine
        self.sessions = sessions
    }

    func tell(_ updates: [OrderUpdate]) {
        for update in updates {
            guard let report = Self.report(update.order, execution: Self.execution(update), at: update.timestamp)
            else { continue }
            self.updates.append(report)
        }
    }

    private static func execution(_ update: OrderUpdate) -> Execution? {
        guard let quantity = update.quantity, let price = update.price else { return nil }
        return Execution(id: update.executionID, quantity: quantity, price: price)
    }

    static func report(
        _ order: SimulatedOrder,
        execution: Execution? = nil,
        at timestamp: Timestamp? = nil
    ) -> OrderReport? {
        guard let id = ClientOrderID(order.clientOrderID) else { return nil }
        let event: OrderEvent
        switch order.status {
        case .filled: event = .filled
        case .partiallyFilled: event = .partiallyFilled
        case .cancelled: event = .cancelled
        case .expired: event = .expired
        case .rejected: event = .rejected
        default: event = .accepted
        }
        return OrderReport(
            clientOrderID: id,
            brokerOrderID: order.id,
            event: event,
            filledQuantity: order.filledQuantity,
            averagePrice: order.filledAveragePrice,
            execution: execution,
            submittedAt: order.createdAt,
            timestamp: timestamp ?? order.updatedAt
        )
    }
}

struct SimulatedBroker: Broker {
    let market: SimulatedMarket
    let recognisesRepeatedOrders = true

    func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
        let terms = order.terms
        let key = terms.clientOrderID.description
        if let known = self.market.engine.order(clientID: key), let report = SimulatedMarket.report(known) {
            return report
        }
        guard terms.orderClass == .simple else {
            throw BrokerError(.refused(code: "simulated"), "no order classes here")
        }
        self.market.submissions[key, default: 0] += 1
        do {
            let result = try self.market.engine.submit(
                OrderRequest(
                    symbol: terms.symbol,
                    side: terms.side == .buy ? .buy : .sell,
                    kind: terms.type.simulatedKind,
                    timeInForce: terms.timeInForce.simulated,
                    quantity: terms.quantity,
                    limitPrice: terms.limitPrice,
                    stopPrice: terms.stopPrice,
                    trailPrice: terms.trail?.amount,
                    trailPercent: terms.trail?.percent,
                    clientOrderID: key
                )
            )
            self.market.tell(result.updates)
        } catch {
            throw BrokerError(.refused(code: "simulated"), "\(error)")
        }
        guard let order = self.market.engine.order(clientID: key), let report = SimulatedMarket.report(order) else {
            throw BrokerError(.unknownOutcome, "the order vanished")
        }
        return report
    }

    func requestCancel(brokerOrderID: String) throws(BrokerError) {
        do {
            self.market.tell(try self.market.engine.cancel(id: brokerOrderID))
        } catch {
            throw BrokerError(.refused(code: "simulated"), "\(error)")
        }
    }

    func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        self.market.engine.order(clientID: order.id.description).flatMap { SimulatedMarket.report($0) }
    }

    func replace(_ order: OrderReference, with replacement: OrderTerms) throws(BrokerError) -> OrderReport {
        let key = replacement.clientOrderID.description
        guard let old = self.market.engine.order(clientID: order.id.description) else {
            throw BrokerError(.refused(code: "simulated"), "there is no order \(order.id)")
        }
        self.market.submissions[key, default: 0] += 1
        do {
            let trail = replacement.trail.map { $0.percent ?? Rate(raw: $0.amount?.raw ?? 0) }
            let result = try self.market.engine.replace(
                id: old.id,
                with: OrderChange(
                    quantity: replacement.quantity,
                    limitPrice: replacement.limitPrice,
                    stopPrice: replacement.stopPrice,
                    trail: trail,
                    timeInForce: replacement.timeInForce.simulated,
                    clientOrderID: key
                )
            )
            self.market.tell(result.updates)
        } catch {
            throw BrokerError(.refused(code: "simulated"), "\(error)")
        }
        guard let order = self.market.engine.order(clientID: key), let report = SimulatedMarket.report(order) else {
            throw BrokerError(.unknownOutcome, "the order vanished")
        }
        return report
    }

    func openOrders() throws(BrokerError) -> [BrokerOrder] {
        self.market.engine.openOrders.map { order in
            BrokerOrder(
                brokerOrderID: order.id,
                clientOrderID: ClientOrderID(order.clientOrderID),
                symbol: order.symbol,
                side: order.side.traded,
                remainingQuantity: order.remainingQuantity
            )
        }
    }

    func positions() throws(BrokerError) -> [BrokerPosition] {
        self.market.engine.positions.map { BrokerPosition(symbol: $0.symbol, quantity: $0.quantity) }
    }

    func executions(since: Timestamp) throws(BrokerError) -> [BrokerExecution] {
        self.market.engine.executions.filter { $0.at >= since }.map { execution in
            BrokerExecution(
                id: execution.id,
                brokerOrderID: execution.orderID,
                symbol: execution.symbol,
                side: execution.side.traded,
                quantity: execution.quantity,
                price: execution.price,
                timestamp: execution.at
            )
        }
    }

    func checkAccount() throws(BrokerError) -> BrokerAccountCheck {
        BrokerAccountCheck(
            broker: "simulated",
            accountNumber: "SIM000001",
            environment: .simulator,
            mayOpenPositions: true
        )
    }

    func account() throws(BrokerError) -> BrokerAccount {
        BrokerAccount(cash: self.market.engine.cash, equity: self.market.engine.equity)
    }

    func clock() throws(BrokerError) -> Timestamp { self.market.engine.now }

    func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] {
        self.market.sessions.filter { $0.date >= start && $0.date <= end }
    }

    func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar] {
        (self.market.bars[request.symbol] ?? []).filter { $0.timestamp >= request.start }
    }

    func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] {
        symbols.compactMap { symbol in
            self.market.engine.slot(of: symbol).flatMap { self.market.engine.lastPrice(slot: $0) }.map {
                Quote(symbol: symbol, bid: $0, ask: $0, timestamp: self.market.engine.now)
            }
        }
    }
}

extension OrderType {
    fileprivate var simulatedKind: SimulatedOrder.Kind {
        switch self {
        case .market: .market
        case .limit: .limit
        case .stop: .stop
        case .stopLimit: .stopLimit
        case .trailingStop: .trailingStop
        }
    }
}

extension TimeInForce {
    fileprivate var simulated: SimulatedOrder.TimeInForce {
        switch self {
        case .day: .day
        case .goodTillCancelled: .goodTillCancelled
        }
    }
}

extension Trail {
    fileprivate var amount: Price? {
        if case .amount(let amount) = self { amount } else { nil }
    }

    fileprivate var percent: Rate? {
        if case .share(let share) = self { Rate(raw: share.raw * 100) } else { nil }
    }
}

extension SimulatedOrder.Side {
    fileprivate var traded: OrderSide {
        switch self {
        case .buy: .buy
        case .sell: .sell
        }
    }
}
