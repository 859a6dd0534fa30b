import TradingCore

/// No sale for shares that the broker does not hold. A sale or stop that was refused, or ended without our having asked
/// for that, may mean that somebody else has sold them: the broker is asked before anything more is placed.
extension OrderExecutionAgent {
    /// Asks what the broker holds; until it has answered nothing of this trade is sold.
    func checkHoldings(
        for trade: inout OpenTrade,
        _ books: inout Books,
        at timestamp: Timestamp,
        about: String,
        delaySeconds: Int = 0,
        causedBy cause: Message?
    ) {
        guard !trade.trade.state.isTerminal, trade.trade.heldQuantity > .zero else { return }
        trade.trade.sales.asked()
        books.say(
            self.speaker.say(
                .brokerCallRequested(
                    BrokerCall(.holdings(since: nil), lane: .account, delaySeconds: delaySeconds)
                ),
                trade: trade.trade,
                at: timestamp,
                about: "holdings \(about)",
                causedBy: cause
            )
        )
    }

    /// The answer to `checkHoldings`.
    func goOnSelling(_ id: TradeID, _ holdings: BrokerHoldings, _ message: Message, _ books: inout Books) throws {
        var trade = try books.trade(id)
        trade.trade.sales.answered()
        // Asked for once more since: only the last answer is from after everything that gave reason to ask.
        if !trade.trade.sales.isAsking, !trade.trade.state.isTerminal, trade.trade.heldQuantity > .zero {
            let share = try self.share(of: trade.trade, in: holdings, books)
            // A fill may be under way; if not, the symbol is frozen.
            if share < trade.trade.heldQuantity { books.isInDoubt = true }
            self.fit(&trade, to: share, &books, message)
            try self.goOn(&trade, &books, message)
        }
        books.put(trade)
    }

    /// The broker has not said for half a minute what it holds: the ledger's word is as good as any then, and a sale of
    /// what is gone is refused.
    func sellWithoutAnswer(_ id: TradeID, _ message: Message, _ books: inout Books) throws {
        var trade = try books.trade(id)
        trade.trade.sales.answered()
        if !trade.trade.sales.isAsking, !trade.trade.state.isTerminal, trade.trade.heldQuantity > .zero {
            books.isInDoubt = true
            try self.goOn(&trade, &books, message)
        }
        books.put(trade)
    }

    private func goOn(_ trade: inout OpenTrade, _ books: inout Books, _ message: Message) throws {
        let isExitWanted = trade.trade.sales.isExitWanted && trade.trade.state == .exitTriggered
        trade.trade.sales.isExitWanted = false
        if isExitWanted {
            try self.continueExit(of: &trade, &books, at: message.timestamp, causedBy: message)
        } else {
            self.continueSales(of: &trade, &books, message)
        }
    }

    /// After a comparison of all holdings.
    func fitTrades(
        to holdings: BrokerHoldings,
        confirmed: Set<Symbol>,
        isNewest: Bool,
        _ message: Message,
        _ books: inout Books
    ) throws {
        // Of shares that another trade may hold it cannot be said whose are missing.
        let unreadable = books.unreadableSymbols
        for var trade in books.readableTrades where unreadable[trade.trade.symbol] == nil {
            let held = trade.trade.heldQuantity
            guard held > .zero else { continue }
            let share = try self.share(of: trade.trade, in: holdings, books)
            let limit = share < held ? share : nil
            guard limit != trade.trade.sales.brokerHolds,
                limit == nil ? isNewest : confirmed.contains(trade.trade.symbol)
            else { continue }
            self.fit(&trade, to: share, &books, message)
            self.continueSales(of: &trade, &books, message)
            books.put(trade)
        }
    }

    /// What is this trade's of the shares that the broker holds: another trade in the same symbol may come first.
    private func share(of trade: Trade, in holdings: BrokerHoldings, _ books: Books) throws -> Quantity {
        let held = holdings.positions.filter { $0.symbol == trade.symbol }.reduce(Quantity.zero) { $0 + $1.quantity }
        let others = try (books.account?.value.openTrades(in: trade.symbol) ?? []).filter { $0 < trade.id }
            .reduce(Quantity.zero) { $0 + max(.zero, try books.trade($1).trade.heldQuantity) }
        // No stop is to be had for a part of a share.
        return max(.zero, held - others).roundedTowardZero(toMultipleOf: Quantity(1))
    }

    private func fit(_ trade: inout OpenTrade, to share: Quantity, _ books: inout Books, _ message: Message) {
        trade.trade.sales.brokerHolds = share < trade.trade.heldQuantity ? share : nil
        self.fitSales(of: &trade, &books, at: message.timestamp, causedBy: message)
    }

    /// Takes the step that had to wait for the broker's word.
    private func continueSales(of trade: inout OpenTrade, _ books: inout Books, _ message: Message) {
        guard trade.trade.sellableQuantity > .zero, !trade.trade.sales.isAsking else { return }
        let stop = trade.trade.latest(.stop)
        switch trade.trade.state {
        case .filled, .holding:
            guard let stop, stop.state.isTerminal else { return }
            self.announceEnd(of: stop, nil, trade.trade, &books, at: message.timestamp, isLate: true, message)
        case .exitTriggered, .orderClosing:
            let last = trade.trade.orders.last { $0.terms.side == .sell }
            // A stop that was put back waits for the next open; a sale under way for its end.
            guard last?.state.isTerminal ?? true else { return }
            if let last, last.id.role == .exit, last.state != .filled {
                self.restoreStop(&trade, &books, at: message.timestamp)
            } else {
                self.sell(&trade, &books, at: message.timestamp, causedBy: message)
            }
        default: break
        }
    }

    /// Nothing is sold and nothing rests: people are told when neither a sale nor a stop is to be had, and then every
    /// five minutes.
    private func countRefusal(of order: Order, _ reason: String?, _ trade: inout OpenTrade, _ books: inout Books) {
        guard trade.trade.state == .exitTriggered else { return }
        trade.trade.sales.refusals += 1
        let rounds = Self.rounds(after: trade.trade.sales.refusals)
        guard trade.trade.sales.refusals == 2 || order.id.role == .exit && rounds > 0 && rounds % 5 == 0 else { return }
        books.note(
            Note(
                .error,
                "a position has no stop",
                [
                    "quantity": "\(trade.trade.heldQuantity)", "symbol": trade.trade.symbol.rawValue,
                    "reason": reason ?? order.state.rawValue,
                ]
            )
        )
    }

    /// A refused sale is followed by a stop, a refused stop by a sale, each at once; when both were refused there is a
    /// pause, longer each time.
    func checkAfterRefusal(
        of order: Order,
        _ reason: String?,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        at timestamp: Timestamp,
        causedBy cause: Message?
    ) {
        guard trade.trade.state == .exitTriggered else { return }
        self.countRefusal(of: order, reason, &trade, &books)
        let rounds = order.id.role == .exit ? Self.rounds(after: trade.trade.sales.refusals) : 0
        self.checkHoldings(
            for: &trade,
            &books,
            at: timestamp,
            about: "\(order.id) \(order.state.rawValue)",
            delaySeconds: rounds == 0 ? 0 : min(60, 5 << min(rounds - 1, 4)),
            causedBy: cause
        )
    }

    /// How often both a stop and the sale after it were refused. The first sale had no stop before it.
    private static func rounds(after refusals: Int) -> Int { max(0, refusals - 1) / 2 }

    /// An answer tells of fewer shares filled than are booked. It may be older than the last fill: the broker is asked
    /// once more, and believed then. What was booked stays; the holdings say what is to be sold.
    func doubtFills(of order: Order, _ report: OrderReport, _ trade: Trade, _ books: inout Books, _ cause: Message?) {
        guard let cause, case .brokerCallCompleted(let answer) = cause.body,
            report.filledQuantity < order.filledQuantity
        else { return }
        switch answer.call.operation {
        case .find where answer.call.attempt > 1:
            books.isInDoubt = true
            let symbol = order.terms.symbol
            guard books.account?.value.frozenSymbols[symbol] == nil else { return }
            let reason =
                "the broker says that \(report.filledQuantity) of \(order.id) are filled and the ledger "
                + "\(order.filledQuantity)"
            books.account?.value.frozenSymbols[symbol] = reason
            books.note(
                Note(
                    .error,
                    "the broker has taken a fill back: no entries in this symbol until broker and ledger agree",
                    ["symbol": symbol.rawValue, "reason": reason]
                )
            )
        case .find, .reconcile:
            let call = BrokerCall(.find(order.id), lane: .protective, delaySeconds: 1, attempt: 2)
            books.say(
                self.speaker.say(
                    .brokerCallRequested(call),
                    trade: trade,
                    at: report.timestamp,
                    about: "fewer filled \(cause.id)",
                    causedBy: cause
                )
            )
        default: break
        }
    }
}
