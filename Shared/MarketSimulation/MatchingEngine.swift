package import TradingCore

/// One cash account and the orders in it, matched against the ticks of a replay.
///
/// On a session's opening tick a crossed limit fills at the open, which is no worse, and a crossed stop fills at the
/// open. On every other tick a crossed limit fills at its limit and a crossed stop at its stop price. A market order
/// fills at the tick. After the closing tick day orders expire.
///
/// The exits of a group (``OrderGroupRequest``) are `held` until its entry has filled whole; then they are live, are
/// matched at once against the current tick as if just entered, and reserve their shares once. While the entry is partly
/// filled they reserve what it has bought. A fill of one exit takes its shares off the other. When one tick could fill
/// both, the stop-loss fills.
///
/// Nothing of a halted symbol matches. The first tick after the halt is matched as an opening tick: prices have gapped.
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
    package internal(set) var now: Timestamp
    package internal(set) var cash: Money
    /// Every order ever entered, in order of entry.
    package internal(set) var orders: [SimulatedOrder] = []
    package internal(set) var executions: [SimulatedExecution] = []
    /// One record a session closed.
    package internal(set) var equityCurve: [EquityRecord] = []
    /// The highest equity of the records and of the start.
    package internal(set) var peakEquity: Money
    /// The deepest fall of the records below the peak before them, as a fraction of that peak.
    package internal(set) var maximumDrawdown: Rate = .zero

    /// What the next order entered (for a group its first) has before it. Taking it clears it; so may whoever set it.
    package var nextOrderFate = OrderFate.ordinary

    let slots: [Symbol: Int]
    var markets: [Market]
    var indexByID: [String: Int] = [:]
    var indexByClientID: [String: Int] = [:]
    /// Places in `orders` of a group's members, in order of entry.
    var groups: [String: [Int]] = [:]

    /// What one symbol's slot knows.
    struct Market {
        var lastPrice: Price?
        var hasTickedThisSession = false
        /// The current tick is a print that orders may have been gapped through.
        var isAtOpening = false
        var isHalted = false
        /// The next tick is the first after a halt.
        var reopens = false
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
        let reserved = self.reservedShares(self.openSells(slot: slot, excluding: nil))
        return (self.markets[slot].position?.quantity ?? .zero) - reserved
    }

    // MARK: Market

    /// - Precondition: The tick's time is not before `now` and its slot is one of the symbols'.
    package mutating func tick(_ tick: ReplayTick) -> [OrderUpdate] {
        precondition(tick.at >= self.now, "tick at \(tick.at) comes after \(self.now)")
        self.now = tick.at
        self.markets[tick.slot].lastPrice = tick.price
        self.markets[tick.slot].isAtOpening = tick.isOpening || self.markets[tick.slot].reopens
        self.markets[tick.slot].hasTickedThisSession = true
        guard !self.markets[tick.slot].isHalted else { return [] }
        self.markets[tick.slot].reopens = false
        guard !self.markets[tick.slot].openOrders.isEmpty else { return [] }
        var updates: [OrderUpdate] = []
        for index in self.markets[tick.slot].openOrders where self.orders[index].status == .accepted {
            self.activate(index, &updates)
        }
        // Exits that a fill releases are matched then, and not again on this tick.
        for index in self.matchingOrder(slot: tick.slot) { self.match(index, &updates) }
        self.dropClosedOrders(slot: tick.slot)
        return updates
    }

    /// Moves the clock without a tick.
    package mutating func advance(to timestamp: Timestamp) {
        self.now = max(self.now, timestamp)
    }

    /// From now on nothing of the symbol matches, whatever its ticks.
    package mutating func halt(slot: Int) {
        self.markets[slot].isHalted = true
    }

    /// From the symbol's next tick on its orders match again.
    package mutating func resume(slot: Int) {
        guard self.markets[slot].isHalted else { return }
        self.markets[slot].isHalted = false
        self.markets[slot].reopens = true
    }

    package func isHalted(slot: Int) -> Bool { self.markets[slot].isHalted }

    /// Ends the session: every order that is not good till cancelled expires, and the account is recorded. Exits that
    /// wait for their entry share its fate.
    package mutating func closeSession(date: CalendarDate, at close: Timestamp) -> [OrderUpdate] {
        self.now = close
        var updates: [OrderUpdate] = []
        for index in self.openOrderIndices where self.orders[index].timeInForce != .goodTillCancelled {
            guard self.orders[index].isOpen, !self.orders[index].awaitsEntry else { continue }
            self.expire(index, &updates)
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
}
