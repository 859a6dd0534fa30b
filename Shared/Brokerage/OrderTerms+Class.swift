import TradingCore

extension OrderTerms {
    /// The orders that this one brings with it, as orders of their own: the limit first, then the stop. They keep its
    /// quantity and time in force. Of an `oneCancelsOther` they are all there is.
    var attachedOrders: [OrderTerms] {
        switch self.orderClass {
        case .simple: []
        case .bracket(let takeProfit, let stopLoss):
            [self.limitOrder(self.side.opposite, takeProfit), self.stopOrder(self.side.opposite, stopLoss)]
        case .oneTriggersOther(let stopLoss): [self.stopOrder(self.side.opposite, stopLoss)]
        case .oneCancelsOther(let takeProfit, let stopLoss):
            [self.limitOrder(self.side, takeProfit), self.stopOrder(self.side, stopLoss)]
        }
    }

    private func limitOrder(_ side: OrderSide, _ price: Price) -> OrderTerms {
        var terms = self.plain(side, .limit)
        terms.limitPrice = price
        return terms
    }

    private func stopOrder(_ side: OrderSide, _ stopLoss: OrderClass.StopLoss) -> OrderTerms {
        var terms = self.plain(side, stopLoss.limitPrice == nil ? .stop : .stopLimit)
        terms.stopPrice = stopLoss.stopPrice
        terms.limitPrice = stopLoss.limitPrice
        return terms
    }

    private func plain(_ side: OrderSide, _ type: OrderType) -> OrderTerms {
        OrderTerms(
            clientOrderID: self.clientOrderID,
            symbol: self.symbol,
            side: side,
            type: type,
            quantity: self.quantity,
            timeInForce: self.timeInForce
        )
    }

    /// Why no broker can take such an order; nil if nothing speaks against it. A broker may say so only after it has
    /// taken the order, and a stop refused late leaves a position without one.
    var defect: String? {
        guard self.quantity > .zero, self.quantity.roundedTowardZero(toMultipleOf: Quantity(1)) == self.quantity else {
            return "asks for \(self.quantity) shares, and only whole shares are sent"
        }
        return self.typeDefect ?? self.classDefect
    }

    private var typeDefect: String? {
        if case .oneCancelsOther = self.orderClass {
            // Its prices are those of the class.
            return self.type == .limit ? nil : "cancels one for the other and is not of type limit"
        }
        let needsLimit = self.type == .limit || self.type == .stopLimit
        let needsStop = self.type == .stop || self.type == .stopLimit
        guard needsLimit == (self.limitPrice != nil), needsStop == (self.stopPrice != nil),
            (self.type == .trailingStop) == (self.trail != nil)
        else { return "is of type \(self.type.rawValue) and has not the prices of one" }
        switch self.trail {
        case .amount(let amount) where amount <= .zero: return "trails by \(amount)"
        case .share(let share) where share <= .zero || share >= .one: return "trails by a share of \(share)"
        case .amount, .share, nil: return nil
        }
    }

    private var classDefect: String? {
        guard self.orderClass != .simple else { return nil }
        guard self.type == .market || self.type == .limit else {
            return "is of type \(self.type.rawValue), which brings no other orders with it"
        }
        let orders = self.attachedOrders
        guard let stop = orders.last, let stopPrice = stop.stopPrice else { return nil }
        let sign: Int64 = stop.side == .sell ? 1 : -1
        for price in [orders.first?.type == .limit ? orders.first?.limitPrice : nil, self.entryLimit] {
            if let price, (price - stopPrice).raw * sign < Price.cent.raw {
                return "has its stop of \(stopPrice) on the wrong side of \(price), or less than a cent from it"
            }
        }
        return nil
    }

    private var entryLimit: Price? {
        if case .oneCancelsOther = self.orderClass { return nil }
        return self.limitPrice
    }
}

extension OrderSide {
    var opposite: OrderSide {
        switch self {
        case .buy: .sell
        case .sell: .buy
        }
    }
}

extension OrderEvent {
    /// What several orders of which one cancels the others come to, taken as the one order that they are in the ledger.
    static func ofAlternatives(_ events: [OrderEvent], filled: Quantity, of quantity: Quantity) -> OrderEvent {
        if filled >= quantity { return .filled }
        if let open = events.first(where: { !$0.isTerminal }) { return filled > .zero ? .partiallyFilled : open }
        // What ended with part of its shares filled was cancelled for the other's sake.
        return filled > .zero ? .cancelled : events.first { $0 != .cancelled } ?? .cancelled
    }
}

/// Shares and what they cost or brought, over several orders.
struct FilledShares {
    private(set) var quantity = Quantity.zero
    private var value = Money.zero

    mutating func add(_ quantity: Quantity, at price: Price) throws(ArithmeticOverflow) {
        self.value = try self.value.adding(try price.times(quantity))
        self.quantity = try self.quantity.adding(quantity)
    }

    /// Σ price · quantity ÷ Σ quantity, rounded down to 1e-8 at the end only; nil while nothing is filled.
    func averagePrice() throws(ArithmeticOverflow) -> Price? {
        self.quantity > .zero ? try self.value.perShare(self.quantity) : nil
    }
}
