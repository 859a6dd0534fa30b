/// Why a closed trade was sold.
package enum ExitReason: String, Hashable, Sendable, CaseIterable, JSONCodable {
    case target
    case stop
    case strategy
    case unprotected
    /// Somebody has flattened it.
    case `operator`
}

/// What the strategy wants to do.
package struct EntryPlan: Hashable, Sendable {
    package var entryPrice: Price
    package var stopPrice: Price
    package var targetPrice: Price
    package var session: EntrySession

    package init(entryPrice: Price, stopPrice: Price, targetPrice: Price, session: EntrySession = .current) {
        self.entryPrice = entryPrice
        self.stopPrice = stopPrice
        self.targetPrice = targetPrice
        self.session = session
    }

    /// Reads the plan's fields out of whatever carries them. Without a word about the session the current one is meant.
    init(_ object: JSONObject) throws(JSONError) {
        self.init(
            entryPrice: try object.value("entry_price"),
            stopPrice: try object.value("stop_price"),
            targetPrice: try object.value("target_price"),
            session: try object.optional("session") ?? .current
        )
    }

    /// (target − entry) ÷ (entry − stop), rounded towards zero to 1e-8. Zero if the stop is not below the entry.
    package var rewardRiskRatio: Rate {
        let risk = self.entryPrice - self.stopPrice
        guard risk > .zero else { return .zero }
        return (try? Rate(self.targetPrice - self.entryPrice, over: risk)) ?? .zero
    }
}

/// One trade from scan to close: the record in the ledger.
package struct Trade: Hashable, Sendable, JSONCodable {
    package let id: TradeID
    package let symbol: Symbol
    package let strategy: String
    package let traceID: TraceID
    package private(set) var state: TradeState
    package let signaledAt: Timestamp
    package var plan: EntryPlan?
    /// Shares approved by Risk; zero before.
    package var quantity: Quantity
    /// In the order in which they were meant.
    package var orders: [Order]
    /// Why Risk refused it; nil unless it did.
    package var refusal: RiskRefusal?
    package var exitReason: ExitReason?
    /// Profit or loss in exact dollars; set when closed.
    package var pnl: Money?
    package var sales = SaleCheck()

    /// Of so many orders those sales that have ended without selling anything are forgotten, the oldest first.
    private static let maximumOrders = 50

    package init(id: TradeID, symbol: Symbol, strategy: String, traceID: TraceID, signaledAt: Timestamp) {
        self.id = id
        self.symbol = symbol
        self.strategy = strategy
        self.traceID = traceID
        self.state = .scanning
        self.signaledAt = signaledAt
        self.quantity = .zero
        self.orders = []
    }

    package static func key(_ id: TradeID) -> DocumentKey { DocumentKey(rawValue: "\(Self.keyPrefix)\(id)") }
    package static let keyPrefix = "trade:"

    /// Takes one step of the trade's state machine and returns the history's entry.
    package mutating func transition(
        to state: TradeState,
        on trigger: TradeTrigger,
        at timestamp: Timestamp,
        message: MessageID
    ) throws(InvalidTransition) -> Transition {
        try TradeStateMachine.check(from: self.state, to: state, on: trigger)
        defer { self.state = state }
        return Transition(from: self.state, to: state, trigger: trigger, timestamp: timestamp, messageID: message)
    }

    package func order(_ id: ClientOrderID) -> Order? { self.orders.first { $0.id == id } }

    /// The newest order of that role.
    package func latest(_ role: OrderRole) -> Order? { self.orders.last { $0.id.role == role } }

    package func nextID(_ role: OrderRole) -> ClientOrderID {
        ClientOrderID(trade: self.id, role: role, attempt: (self.latest(role)?.id.attempt ?? 0) + 1)
    }

    /// The next stop for everything that may be sold: good till cancelled, at the plan's stop price.
    package func nextStop(at timestamp: Timestamp, _ tickRule: TickRule) -> Order {
        Order(
            terms: OrderTerms(
                clientOrderID: self.nextID(.stop),
                symbol: self.symbol,
                side: .sell,
                type: .stop,
                // Where the broker is said to hold nothing its own refusal has to say so: a stop too many does no harm.
                quantity: self.sellableQuantity > .zero ? self.sellableQuantity : self.heldQuantity,
                stopPrice: (self.plan?.stopPrice).map { tickRule.stop($0, .sell) },
                timeInForce: .goodTillCancelled
            ),
            intendedAt: timestamp
        )
    }

    package mutating func replace(_ order: Order) {
        if let index = self.orders.firstIndex(where: { $0.id == order.id }) {
            self.orders[index] = order
        } else {
            self.orders.append(order)
            self.forgetOldSales()
        }
    }

    /// A broker that refuses every sale for hours must not make the record grow for hours.
    private mutating func forgetOldSales() {
        guard self.orders.count > Self.maximumOrders else { return }
        let latest = OrderRole.allCases.compactMap { self.latest($0)?.id }
        let oldest = self.orders.firstIndex {
            $0.terms.side == .sell && $0.state.isTerminal && $0.filledQuantity == .zero && !latest.contains($0.id)
        }
        if let oldest { self.orders.remove(at: oldest) }
    }

    /// Shares held now: bought less sold.
    package var heldQuantity: Quantity {
        self.orders.reduce(.zero) { held, order in
            order.terms.side == .buy ? held + order.filledQuantity : held - order.filledQuantity
        }
    }

    /// How many of them may be sold: no more than the broker is known to hold.
    package var sellableQuantity: Quantity {
        max(.zero, self.sales.brokerHolds.map { min($0, self.heldQuantity) } ?? self.heldQuantity)
    }

    package var entryOrder: Order? { self.latest(.entry) }

    /// Shares covered by a stop that the broker has.
    package var protectedQuantity: Quantity {
        self.orders.reduce(.zero) { covered, order in
            order.id.role == .stop && (order.state == .accepted || order.state == .partiallyFilled)
                ? covered + order.remainingQuantity : covered
        }
    }

    /// Shares that the broker holds and that no order there would sell, whether a stop or an exit.
    package var uncoveredQuantity: Quantity {
        let covered = self.orders.reduce(Quantity.zero) { covered, order in
            order.terms.side == .sell && (order.state == .accepted || order.state == .partiallyFilled)
                ? covered + order.remainingQuantity : covered
        }
        return max(self.sellableQuantity - covered, .zero)
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.id = try object.value("trade_id")
        self.symbol = try object.value("symbol")
        self.strategy = try object.value("strategy")
        self.traceID = try object.value("trace_id")
        self.state = try object.value("state")
        self.signaledAt = try object.value("signaled_at")
        self.quantity = try object.value("quantity")
        self.orders = try object.value("orders")
        // Several agents write this record. An order in it that is not its own must not reach the broker.
        for (index, order) in self.orders.enumerated() {
            let side: OrderSide = order.id.role == .entry ? .buy : .sell
            guard order.id.trade == self.id, order.terms.symbol == self.symbol, order.terms.side == side else {
                throw JSONError("is no order of this trade: \(order.id), \(order.terms.symbol)")
                    .inside("\(index)").inside("orders")
            }
        }
        self.refusal = try object.optional("refusal")
        self.exitReason = try object.optional("exit_reason")
        self.pnl = try object.optional("pnl")
        self.sales = try object.optional("sales") ?? SaleCheck()
        if let _: Price = try object.optional("entry_price") { self.plan = try EntryPlan(object) }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("trade_id", self.id)
            $0.field("symbol", self.symbol)
            $0.field("strategy", self.strategy)
            $0.field("trace_id", self.traceID)
            $0.field("state", self.state)
            $0.field("signaled_at", self.signaledAt)
            $0.field("entry_price", self.plan?.entryPrice)
            $0.field("stop_price", self.plan?.stopPrice)
            $0.field("target_price", self.plan?.targetPrice)
            $0.field("session", self.plan?.session)
            $0.field("quantity", self.quantity)
            $0.field("orders", self.orders)
            $0.field("refusal", self.refusal)
            $0.field("exit_reason", self.exitReason)
            $0.field("pnl", self.pnl)
            $0.field("sales", self.sales == SaleCheck() ? nil : self.sales)
        }
    }
}

/// One step in a trade's history.
package struct Transition: Hashable, Sendable, JSONCodable {
    package var from: TradeState
    package var to: TradeState
    package var trigger: TradeTrigger
    /// Market time.
    package var timestamp: Timestamp
    package var messageID: MessageID

    package init(
        from: TradeState,
        to: TradeState,
        trigger: TradeTrigger,
        timestamp: Timestamp,
        messageID: MessageID
    ) {
        self.from = from
        self.to = to
        self.trigger = trigger
        self.timestamp = timestamp
        self.messageID = messageID
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            from: try object.value("from"),
            to: try object.value("to"),
            trigger: try object.value("trigger"),
            timestamp: try object.value("timestamp"),
            messageID: try object.value("message_id")
        )
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("from", self.from)
            $0.field("to", self.to)
            $0.field("trigger", self.trigger)
            $0.field("timestamp", self.timestamp)
            $0.field("message_id", self.messageID)
        }
    }
}
