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
        self.market.submissions[key, default: 0] += 1
        do {
            let result = try self.market.engine.submit(
                OrderRequest(
                    symbol: terms.symbol,
                    side: terms.side == .buy ? .buy : .sell,
                    kind: terms.type == .market ? .market : terms.type == .limit ? .limit : .stop,
                    timeInForce: terms.timeInForce == .day ? .day : .goodTillCancelled,
                    quantity: terms.quantity,
                    limitPrice: terms.limitPrice,
                    stopPrice: terms.stopPrice,
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
