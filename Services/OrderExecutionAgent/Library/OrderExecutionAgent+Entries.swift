import TradingCore

/// Entries that must not be, or not any more.
extension OrderExecutionAgent {
    /// A limit order for the planned price, good for one session.
    func entryOrder(of trade: Trade, _ plan: EntryPlan, _ quantity: Quantity, at timestamp: Timestamp) -> Order {
        Order(
            terms: OrderTerms(
                clientOrderID: trade.nextID(.entry),
                symbol: trade.symbol,
                side: .buy,
                type: .limit,
                quantity: quantity,
                limitPrice: self.tickRule.limit(plan.entryPrice, .buy),
                timeInForce: .day
            ),
            intendedAt: timestamp
        )
    }

    /// The session is over: what still rests of entries meant for it would be bought in the next one.
    func recallEntries(_ message: Message, _ books: inout Books) throws {
        for trade in books.readableTrades.map(\.trade) {
            // An intent's own call is not made any more.
            guard trade.plan?.session == .current, let entry = trade.entryOrder, !entry.state.isTerminal,
                entry.state != .intent
            else { continue }
            books.say(self.call(.cancel(entry.id), .protective, trade, at: message.timestamp, causedBy: message))
        }
    }

    /// Somebody has found that the trade's approval, or what was made of it, cannot be trusted.
    func abortEntry(because reason: String, _ message: Message, _ books: inout Books) throws {
        var trade = try books.trade(message.requiredTradeID)
        // Later states rest on what the broker has said.
        guard trade.trade.state == .entryApproved, let plan = trade.trade.plan else { return }
        books.note(Note(message.isOperators ? .info : .error, "an entry is aborted", ["reason": reason]))
        let sent = trade.trade.entryOrder
        var order = sent ?? self.entryOrder(of: trade.trade, plan, trade.trade.quantity, at: message.timestamp)
        // Of an order of unknown outcome the broker has the last word.
        if order.state != .unknown {
            order.step(on: .cancelled)
            // A lane may have it in hand: what becomes of its call says whether symbol and cash are free.
            try self.abandon(
                &trade,
                order,
                on: .orderCancelled,
                reason,
                at: message.timestamp,
                isCertain: sent == nil,
                &books
            )
            books.put(trade)
        }
        if sent != nil {
            books.say(self.call(.cancel(order.id), .protective, trade.trade, at: message.timestamp, causedBy: message))
        }
    }

    /// An entry that was given up before the broker had said anything of it turns out to have been sent.
    func recallIfGivenUp(_ order: Order, _ report: OrderReport, _ trade: Trade, _ books: inout Books, _ cause: Message?)
    {
        guard trade.state == .cancelled, order.id.role == .entry,
            order.isGivenUp || books.account?.value.openTrades[trade.id] != nil, !report.event.isTerminal,
            report.event != .outcomeUnknown
        else { return }
        books.note(Note(.error, "an entry that was given up is at the broker", ["order.id": "\(order.id)"]))
        books.say(self.call(.cancel(order.id), .protective, trade, at: report.timestamp, causedBy: cause))
    }
}

extension Books {
    /// Whether it is certain that nothing comes of an entry that was given up: it was not sent, or its session is over.
    /// Until then the account keeps its symbol and cash.
    func isCertain(_ givenUp: Order) -> Bool { self.account?.value.openTrades[givenUp.id.trade] == nil }
}

extension Order {
    /// An entry that was given up before the broker had said anything of it.
    var isGivenUp: Bool { self.id.role == .entry && self.state == .cancelled && self.brokerOrderID == nil }
}
