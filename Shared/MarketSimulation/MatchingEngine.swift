package import TradingCore

/// One cash account and the orders in it, matched against the ticks of a replay.
///
/// On a session's opening tick a crossed limit fills at the open, which is no worse, and a crossed stop fills at the
/// open. On every other tick a crossed limit fills at its limit and a crossed stop at its stop price. A market order
/// fills at the tick. After the closing tick day orders expire.
///
/// Exact and deterministic: no clock, no randomness, no I/O. A single owner calls it; each call returns the changes it
/// made, in order. An order entered while its symbol has not ticked in the session waits, `accepted`, for the
/// symbol's next opening tick; any other is matched at once against the current tick.
package struct MatchingEngine: Sendable {
    package struct Configuration: Hashable, Sendable {
        /// Not negative.
        package var cash: Money
        /// How much of an order one tick can fill, over 0 to 1; at least one share. Orders that must fill at once and
        /// whole (`fok`) are not cut.
        package var fillFraction: Rate
        /// Refuses limit and stop prices finer than a cent (a hundredth of one below $1), as the exchanges do. Historical
        /// closes are finer, and a replay enters them as limits.
        package var refusesSubPennyPrices: Bool

        package init(cash: Money = Money(10_000), fillFraction: Rate = .one, refusesSubPennyPrices: Bool = false) {
            self.cash = cash
            self.fillFraction = fillFraction
            self.refusesSubPennyPrices = refusesSubPennyPrices
        }
    }

    package let symbols: [Symbol]
    package let configuration: Configuration
    /// Market time of the last step.
    package private(set) var now: Timestamp
    package private(set) var cash: Money
    /// Every order ever entered, in order of entry.
    package private(set) var orders: [SimulatedOrder] = []
    package private(set) var executions: [SimulatedExecution] = []
    /// One record a session closed.
    package private(set) var equityCurve: [EquityRecord] = []
    /// The highest equity of the records and of the start.
    package private(set) var peakEquity: Money
    /// The deepest fall of the records below the peak before them, as a fraction of that peak.
    package private(set) var maximumDrawdown: Rate = .zero

    private let slots: [Symbol: Int]
    private var markets: [Market]
    private var indexByID: [String: Int] = [:]
    private var indexByClientID: [String: Int] = [:]

    /// What one symbol's slot knows.
    private struct Market {
        var lastPrice: Price?
        var hasTickedThisSession = false
        var isAtOpening = false
        var position: SimulatedPosition?
        /// Places in `orders`, in order of entry.
        var openOrders: [Int] = []
    }

    /// - Parameter symbols: Alphabetical; their places are the slots of the ticks.
    package init(symbols: [Symbol], configuration: Configuration, startingAt start: Timestamp) {
        self.symbols = symbols
        self.configuration = configuration
        self.now = start
        self.cash = configuration.cash
        self.peakEquity = configuration.cash
        self.slots = Dictionary(uniqueKeysWithValues: zip(symbols, symbols.indices))
        self.markets = symbols.map { _ in Market() }
    }

    // MARK: Reading

    package func slot(of symbol: Symbol) -> Int? { self.slots[symbol] }
    package func lastPrice(slot: Int) -> Price? { self.markets[slot].lastPrice }
    package func position(slot: Int) -> SimulatedPosition? { self.markets[slot].position }
    package var positions: [SimulatedPosition] { self.markets.compactMap(\.position) }
    package func order(id: String) -> SimulatedOrder? { self.indexByID[id].map { self.orders[$0] } }
    package func order(clientID: String) -> SimulatedOrder? { self.indexByClientID[clientID].map { self.orders[$0] } }

    /// In order of entry.
    package var openOrders: [SimulatedOrder] { self.openOrderIndices.map { self.orders[$0] } }

    /// Cash + shares at their last tick.
    package var equity: Money { self.cash + self.positionValue }
    package var positionValue: Money {
        self.markets.reduce(.zero) { sum, market in
            guard let position = market.position, let price = market.lastPrice else { return sum }
            return sum + Self.value(price, position.quantity)
        }
    }

    /// Cash less what open buys may still cost. Not negative, although the cost of a buy without a limit may grow past
    /// the cash while it waits; it is then rejected when its turn comes.
    package var buyingPower: Money { max(.zero, self.cash - self.reservedCash(excluding: nil)) }

    /// Shares that no open sell order holds.
    package func availableQuantity(slot: Int) -> Quantity {
        let held = self.openSells(slot: slot, excluding: nil).reduce(.zero) { $0 + $1.remainingQuantity }
        return (self.markets[slot].position?.quantity ?? .zero) - held
    }

    // MARK: Market

    /// - Precondition: The tick's time is not before `now` and its slot is one of the symbols'.
    package mutating func tick(_ tick: ReplayTick) -> [OrderUpdate] {
        precondition(tick.at >= self.now, "tick at \(tick.at) comes after \(self.now)")
        self.now = tick.at
        self.markets[tick.slot].lastPrice = tick.price
        self.markets[tick.slot].isAtOpening = tick.isOpening
        self.markets[tick.slot].hasTickedThisSession = true
        guard !self.markets[tick.slot].openOrders.isEmpty else { return [] }
        let indices = self.markets[tick.slot].openOrders
        var updates: [OrderUpdate] = []
        for index in indices where self.orders[index].status == .accepted { self.activate(index, &updates) }
        for index in indices { self.match(index, &updates) }
        self.dropClosedOrders(slot: tick.slot)
        return updates
    }

    /// Moves the clock without a tick.
    package mutating func advance(to timestamp: Timestamp) {
        self.now = max(self.now, timestamp)
    }

    /// Ends the session: every order that is not good till cancelled expires, and the account is recorded.
    package mutating func closeSession(date: CalendarDate, at close: Timestamp) -> [OrderUpdate] {
        self.now = close
        var updates: [OrderUpdate] = []
        for index in self.openOrderIndices where self.orders[index].timeInForce != .goodTillCancelled {
            self.orders[index].expiredAt = close
            self.finish(index, .expired, .expired, &updates)
        }
        for slot in self.markets.indices {
            self.markets[slot].hasTickedThisSession = false
            self.markets[slot].isAtOpening = false
        }
        let equity = self.equity
        self.equityCurve.append(EquityRecord(date: date, cash: self.cash, equity: equity))
        self.peakEquity = max(self.peakEquity, equity)
        if let drawdown = try? Rate(self.peakEquity - equity, over: self.peakEquity) {
            self.maximumDrawdown = max(self.maximumDrawdown, drawdown)
        }
        return updates
    }

    // MARK: Orders

    /// Enters an order.
    ///
    /// - Returns: The order as the broker answers it (`pending_new` or `accepted`, nothing filled yet) and what happened
    ///   to it since.
    package mutating func submit(
        _ request: OrderRequest
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        try self.enter(request, replacing: nil)
    }

    package mutating func cancel(id: String) throws(OrderRefusal) -> [OrderUpdate] {
        guard let index = self.indexByID[id] else { throw .unknownOrder }
        guard self.orders[index].isOpen else { throw .notCancellable(self.orders[index].status) }
        var updates: [OrderUpdate] = []
        self.cancel(index, &updates)
        self.dropClosedOrders(slot: self.orders[index].slot)
        return updates
    }

    /// Replaces a live order by a new one with a new id, which holds what the old one has not filled.
    package mutating func replace(
        id: String,
        with change: OrderChange
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        guard let index = self.indexByID[id] else { throw .unknownOrder }
        let old = self.orders[index]
        guard old.status == .new || old.status == .partiallyFilled else { throw .notReplaceable(old.status) }
        let quantity = change.quantity ?? old.quantity
        guard quantity > old.filledQuantity else { throw .invalid("qty must exceed filled_qty") }
        let request = OrderRequest(
            symbol: old.symbol,
            side: old.side,
            kind: old.kind,
            timeInForce: change.timeInForce ?? old.timeInForce,
            quantity: quantity - old.filledQuantity,
            limitPrice: change.limitPrice ?? old.limitPrice,
            stopPrice: old.kind == .trailingStop ? change.stopPrice : change.stopPrice ?? old.stopPrice,
            trailPrice: old.trailPrice.map { price in change.trail.map { Price(raw: $0.raw) } ?? price },
            trailPercent: old.trailPercent.map { change.trail ?? $0 },
            clientOrderID: change.clientOrderID,
            extendedHours: old.extendedHours
        )
        let isSame =
            quantity == old.quantity && request.limitPrice == old.limitPrice
            && (old.kind == .trailingStop || request.stopPrice == old.stopPrice)
            && request.trailPrice == old.trailPrice && request.trailPercent == old.trailPercent
            && request.timeInForce == old.timeInForce
        guard !isSame else { throw .invalid("order parameters are not changed") }
        return try self.enter(request, replacing: index)
    }

    private mutating func enter(
        _ request: OrderRequest,
        replacing replaced: Int?
    ) throws(OrderRefusal) -> (order: SimulatedOrder, updates: [OrderUpdate]) {
        guard let slot = self.slots[request.symbol] else { throw .unknownSymbol(request.symbol) }
        if let problem = self.defect(of: request) { throw .invalid(problem) }
        let sequence = self.orders.count + 1
        let clientOrderID = request.clientOrderID ?? DerivedIdentifier.uuid("client order \(sequence)")
        guard self.indexByClientID[clientOrderID] == nil else { throw .duplicateClientOrderID }
        switch request.side {
        case .buy: try self.checkBuyingPower(request, slot: slot, excluding: replaced)
        case .sell: try self.checkQuantity(request, slot: slot, excluding: replaced)
        }
        let isLive = self.markets[slot].hasTickedThisSession
        let order = SimulatedOrder(
            id: DerivedIdentifier.uuid("order \(clientOrderID)"),
            clientOrderID: clientOrderID,
            sequence: sequence,
            symbol: request.symbol,
            slot: slot,
            side: request.side,
            kind: request.kind,
            timeInForce: request.timeInForce,
            quantity: request.quantity,
            limitPrice: request.limitPrice,
            stopPrice: request.stopPrice,
            trailPrice: request.trailPrice,
            trailPercent: request.trailPercent,
            extendedHours: request.extendedHours,
            replaces: replaced.map { self.orders[$0].id },
            createdAt: self.now,
            status: isLive ? .pendingNew : .accepted,
            updatedAt: self.now
        )
        var updates: [OrderUpdate] = []
        if let replaced {
            self.orders[replaced].replacedBy = order.id
            self.orders[replaced].replacedAt = self.now
            self.finish(replaced, .replaced, .replaced, &updates)
        }
        let index = self.orders.count
        self.orders.append(order)
        self.indexByID[order.id] = index
        self.indexByClientID[clientOrderID] = index
        self.markets[slot].openOrders.append(index)
        if isLive {
            self.activate(index, &updates)
            self.match(index, &updates)
        }
        self.dropClosedOrders(slot: slot)
        return (order, updates)
    }

    /// The rule an order breaks by itself, whatever the account holds.
    private func defect(of request: OrderRequest) -> String? {
        guard request.quantity > .zero else { return "qty must be > 0" }
        guard request.quantity.raw % Quantity.unit == 0 else { return "fractional quantities are not simulated" }
        if let id = request.clientOrderID, id.isEmpty || id.utf8.count > 128 {
            return "client_order_id must have 1 to 128 characters"
        }
        let needsLimit = request.kind == .limit || request.kind == .stopLimit
        let needsStop = request.kind == .stop || request.kind == .stopLimit
        let name = request.kind.rawValue
        guard needsLimit == (request.limitPrice != nil) else {
            return needsLimit ? "\(name) orders require limit_price" : "\(name) orders must not have limit_price"
        }
        guard needsStop == (request.stopPrice != nil) else {
            return needsStop ? "\(name) orders require stop_price" : "\(name) orders must not have stop_price"
        }
        if request.kind == .trailingStop {
            guard (request.trailPrice == nil) != (request.trailPercent == nil) else {
                return "trailing_stop orders require either trail_price or trail_percent"
            }
            guard request.trailPrice ?? .cent > .zero else { return "trail_price must be > 0" }
            if let percent = request.trailPercent, percent <= .zero || percent >= Rate(100) {
                return "trail_percent must lie between 0 and 100"
            }
        } else if request.trailPrice != nil || request.trailPercent != nil {
            return "\(name) orders must not have trail_price or trail_percent"
        }
        for (field, price) in [("limit_price", request.limitPrice), ("stop_price", request.stopPrice)] {
            guard let price else { continue }
            guard price > .zero else { return "\(field) must be > 0" }
            let step = price >= Price(1) ? Price.cent : Price(raw: Price.cent.raw / 100)
            if self.configuration.refusesSubPennyPrices, price.raw % step.raw != 0 {
                return
                    "invalid \(field) \(price). sub-penny increment does not fulfill minimum pricing criteria"
            }
        }
        if request.extendedHours {
            guard request.kind == .limit, [.day, .goodTillCancelled].contains(request.timeInForce) else {
                return "extended hours order must be DAY or GTC limit orders"
            }
        }
        return nil
    }

    private func checkBuyingPower(_ request: OrderRequest, slot: Int, excluding: Int?) throws(OrderRefusal) {
        let available = self.cash - self.reservedCash(excluding: excluding)
        guard let bound = self.boundPrice(limit: request.limitPrice, stop: request.stopPrice, slot: slot) else {
            throw .invalid("no price of \(request.symbol) is known yet; enter a limit order")
        }
        guard let cost = try? bound.times(request.quantity) else { throw .invalid("qty is too large") }
        guard cost <= available else { throw .insufficientBuyingPower(available: available, cost: cost) }
    }

    private func checkQuantity(_ request: OrderRequest, slot: Int, excluding: Int?) throws(OrderRefusal) {
        guard let position = self.markets[slot].position else { throw .shortSale }
        let sells = self.openSells(slot: slot, excluding: excluding)
        let held = sells.reduce(Quantity.zero) { $0 + $1.remainingQuantity }
        let available = position.quantity - held
        guard request.quantity <= available else {
            throw .insufficientQuantity(
                requested: request.quantity,
                available: available,
                held: held,
                orders: sells.map(\.id)
            )
        }
    }

    // MARK: Matching

    private mutating func activate(_ index: Int, _ updates: inout [OrderUpdate]) {
        self.orders[index].status = .new
        if self.orders[index].kind == .trailingStop, let price = self.markets[self.orders[index].slot].lastPrice {
            self.trail(index, price)
        }
        self.report(.new, index, &updates)
    }

    private mutating func match(_ index: Int, _ updates: inout [OrderUpdate]) {
        let order = self.orders[index]
        let market = self.markets[order.slot]
        guard order.isOpen, let tick = market.lastPrice else { return }
        if let price = self.executionPrice(index, tick: tick, isOpening: market.isAtOpening) {
            self.fill(index, at: price, &updates)
        } else if order.kind == .trailingStop {
            self.trail(index, tick)
        }
        let isImmediate = order.timeInForce == .immediateOrCancel || order.timeInForce == .fillOrKill
        if isImmediate, self.orders[index].isOpen { self.cancel(index, &updates) }
    }

    /// Rule 3: at the opening tick a crossed order trades at the open, at any other at its own price.
    private mutating func executionPrice(_ index: Int, tick: Price, isOpening: Bool) -> Price? {
        let order = self.orders[index]
        switch order.kind {
        case .market:
            return tick
        case .limit:
            return Self.limitPrice(order, tick: tick, isOpening: isOpening)
        case .stop, .trailingStop:
            if order.isTriggered { return tick }
            guard let stop = order.stopPrice, Self.isTouched(stop, order.side, by: tick) else { return nil }
            self.orders[index].isTriggered = true
            return isOpening ? tick : stop
        case .stopLimit:
            if order.isTriggered { return Self.limitPrice(order, tick: tick, isOpening: isOpening) }
            guard let stop = order.stopPrice, let limit = order.limitPrice,
                Self.isTouched(stop, order.side, by: tick)
            else { return nil }
            self.orders[index].isTriggered = true
            let price = isOpening ? tick : stop
            return Self.isWithin(limit, order.side, price) ? price : nil
        }
    }

    private static func limitPrice(_ order: SimulatedOrder, tick: Price, isOpening: Bool) -> Price? {
        guard let limit = order.limitPrice, Self.isWithin(limit, order.side, tick) else { return nil }
        return isOpening ? tick : limit
    }

    private static func isWithin(_ limit: Price, _ side: SimulatedOrder.Side, _ price: Price) -> Bool {
        side == .buy ? price <= limit : price >= limit
    }

    private static func isTouched(_ stop: Price, _ side: SimulatedOrder.Side, by tick: Price) -> Bool {
        side == .buy ? tick >= stop : tick <= stop
    }

    /// Moves a trailing stop after the market, never back.
    private mutating func trail(_ index: Int, _ tick: Price) {
        let order = self.orders[index]
        let best = order.side == .sell ? max(order.bestPrice ?? tick, tick) : min(order.bestPrice ?? tick, tick)
        let sign: Int64 = order.side == .sell ? -1 : 1
        self.orders[index].bestPrice = best
        if let distance = order.trailPrice {
            self.orders[index].stopPrice = Price(raw: best.raw + sign * distance.raw)
        } else if let percent = order.trailPercent {
            self.orders[index].stopPrice = try? best.scaled(by: Rate(raw: Rate.unit + sign * percent.raw / 100))
        }
    }

    private mutating func fill(_ index: Int, at price: Price, _ updates: inout [OrderUpdate]) {
        let order = self.orders[index]
        let quantity = self.fillQuantity(order)
        let value = Self.value(price, quantity)
        if order.side == .buy, value > self.cash - self.reservedCash(excluding: index) {
            // A queued market order or a stop can meet a price above the one its cash was reserved for.
            self.orders[index].failedAt = self.now
            self.finish(index, .rejected, .rejected, &updates)
            return
        }
        self.settle(order, quantity: quantity, value: value)
        self.orders[index].filledQuantity += quantity
        self.orders[index].filledValue += value
        let isComplete = self.orders[index].remainingQuantity == .zero
        self.orders[index].status = isComplete ? .filled : .partiallyFilled
        if isComplete { self.orders[index].filledAt = self.now }
        self.report(isComplete ? .fill : .partialFill, index, quantity: quantity, price: price, &updates)
    }

    private func fillQuantity(_ order: SimulatedOrder) -> Quantity {
        guard order.timeInForce != .fillOrKill, self.configuration.fillFraction < .one else {
            return order.remainingQuantity
        }
        let share = Int128(order.quantity.raw) * Int128(self.configuration.fillFraction.raw) / Int128(Rate.unit)
        let whole = Quantity(raw: Int64(share)).roundedTowardZero(toMultipleOf: Quantity(1))
        return min(order.remainingQuantity, max(whole, Quantity(1)))
    }

    private mutating func settle(_ order: SimulatedOrder, quantity: Quantity, value: Money) {
        var position =
            self.markets[order.slot].position
            ?? SimulatedPosition(slot: order.slot, symbol: order.symbol, quantity: .zero, costBasis: .zero)
        switch order.side {
        case .buy:
            self.cash -= value
            position.quantity += quantity
            position.costBasis += value
        case .sell:
            precondition(quantity <= position.quantity, "a sell of \(quantity) exceeds the \(position.quantity) held")
            self.cash += value
            let cost = Int128(position.costBasis.raw) * Int128(quantity.raw) / Int128(position.quantity.raw)
            position.costBasis -= Money(raw: Int64(cost))
            position.quantity -= quantity
        }
        self.markets[order.slot].position = position.quantity == .zero ? nil : position
    }

    private mutating func cancel(_ index: Int, _ updates: inout [OrderUpdate]) {
        self.orders[index].cancelledAt = self.now
        self.finish(index, .cancelled, .cancelled, &updates)
    }

    private mutating func finish(
        _ index: Int,
        _ status: SimulatedOrder.Status,
        _ event: OrderUpdate.Event,
        _ updates: inout [OrderUpdate]
    ) {
        self.orders[index].status = status
        self.report(event, index, &updates)
        self.dropClosedOrders(slot: self.orders[index].slot)
    }

    private mutating func report(
        _ event: OrderUpdate.Event,
        _ index: Int,
        quantity: Quantity? = nil,
        price: Price? = nil,
        _ updates: inout [OrderUpdate]
    ) {
        self.orders[index].updateCount += 1
        self.orders[index].updatedAt = self.now
        let order = self.orders[index]
        let executionID = DerivedIdentifier.uuid("update \(order.updateCount) of \(order.id)")
        if let quantity, let price {
            self.executions.append(
                SimulatedExecution(
                    id: executionID,
                    orderID: order.id,
                    symbol: order.symbol,
                    side: order.side,
                    quantity: quantity,
                    price: price,
                    cumulativeQuantity: order.filledQuantity,
                    remainingQuantity: order.remainingQuantity,
                    at: self.now
                )
            )
        }
        updates.append(
            OrderUpdate(
                event: event,
                order: order,
                executionID: executionID,
                quantity: quantity,
                price: price,
                positionQuantity: self.markets[order.slot].position?.quantity ?? .zero,
                timestamp: self.now
            )
        )
    }

    // MARK: Bookkeeping

    private var openOrderIndices: [Int] { self.markets.flatMap(\.openOrders).sorted() }

    private mutating func dropClosedOrders(slot: Int) {
        self.markets[slot].openOrders.removeAll { !self.orders[$0].isOpen }
    }

    private func openSells(slot: Int, excluding: Int?) -> [SimulatedOrder] {
        self.markets[slot].openOrders.lazy
            .filter { $0 != excluding && self.orders[$0].side == .sell && self.orders[$0].isOpen }
            .map { self.orders[$0] }
    }

    private func reservedCash(excluding: Int?) -> Money {
        var sum = Money.zero
        for market in self.markets {
            for index in market.openOrders where index != excluding {
                let order = self.orders[index]
                guard order.side == .buy, order.isOpen,
                    let bound = self.boundPrice(limit: order.limitPrice, stop: order.stopPrice, slot: order.slot)
                else { continue }
                sum += Self.value(bound, order.remainingQuantity)
            }
        }
        return sum
    }

    /// The price a buy is reckoned with while it is open: its limit, else its stop, else the last tick.
    private func boundPrice(limit: Price?, stop: Price?, slot: Int) -> Price? {
        limit ?? stop ?? self.markets[slot].lastPrice
    }

    private static func value(_ price: Price, _ quantity: Quantity) -> Money {
        guard let value = try? price.times(quantity) else {
            preconditionFailure("\(quantity) shares at \(price) are worth more than the account can count")
        }
        return value
    }
}
