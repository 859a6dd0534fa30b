import TradingCore

/// What the broker says, whether its stream, a poll or the answer to a call says it first.
extension OrderExecutionAgent {
    /// Books one report and takes the steps that follow from it.
    func apply(_ report: OrderReport, to books: inout Books, causedBy cause: Message?) throws {
        let id = report.clientOrderID
        var trade = try books.trade(id.trade)
        guard books.account != nil else { throw NotYet("the account has not been read from the broker yet") }
        guard var order = trade.trade.order(id) else {
            books.note(
                Note(.error, "the broker reports an order that is not in the ledger", ["order.id": "\(id)"])
            )
            return
        }
        self.recallIfGivenUp(order, report, trade.trade, &books, cause)
        self.doubtFills(of: order, report, trade.trade, &books, cause)
        let before = order.state
        let booking = try order.book(report)
        // It is certain now that it has come to nothing.
        if trade.trade.state == .cancelled, id.role == .entry, report.event.isTerminal, order.filledQuantity == .zero {
            books.account?.value.release(id.trade)
        }
        guard booking.isNews || trade.trade.order(id) != order else {
            try self.continueAfterCancel(order, &trade, &books, report, causedBy: cause)
            return books.put(trade)
        }
        trade.trade.replace(order)
        if booking.newQuantity > .zero {
            try books.account?.value.book(
                order.terms.side,
                booking.newQuantity,
                value: booking.newValue,
                symbol: order.terms.symbol,
                trade: id.trade,
                reservedPrice: id.role == .entry ? order.terms.limitPrice : nil
            )
        }
        if booking.newQuantity > .zero, trade.trade.sales.brokerHolds != nil {
            // How many of the others the broker holds has to be asked anew.
            let about = "\(id) \(order.filledQuantity)"
            self.checkHoldings(for: &trade, &books, at: report.timestamp, about: about, causedBy: cause)
        }
        if booking.isAlarming {
            books.note(Note(.error, "a fill arrived after the order had ended", ["order.id": "\(id)"]))
        }
        if booking.isNews {
            switch id.role {
            case .entry where booking.isAlarming: try self.entryFilledLate(order, report, &trade, &books, cause)
            case .entry: try self.entryMoved(order, report, &trade, &books, causedBy: cause)
            case .stop: try self.stopMoved(order, from: before, report, &trade, &books, causedBy: cause)
            case .exit where booking.isAlarming: try self.exitFilledLate(order, report, &trade, &books, cause)
            case .exit: try self.exitMoved(order, report, &trade, &books, causedBy: cause)
            }
            self.fitSales(of: &trade, &books, at: report.timestamp, causedBy: cause)
        }
        books.put(trade)
    }

    /// What rests to be sold is exactly what is held: more would end short, less leaves shares without a stop. A sale
    /// that does not fit any more, because a fill came late or the broker holds less than the ledger, is taken back, and
    /// what follows its end is made to measure.
    func fitSales(
        of trade: inout OpenTrade,
        _ books: inout Books,
        at timestamp: Timestamp,
        causedBy cause: Message?
    ) {
        let held = trade.trade.heldQuantity
        // What is known of the broker's shares may be from before a fill.
        let isMeasured = trade.trade.sales.brokerHolds == nil || !trade.trade.sales.isAsking
        for var order in trade.trade.orders where isMeasured && order.isMisfit(in: trade.trade) {
            order.isRecalled = true
            trade.trade.replace(order)
            books.say(self.call(.cancel(order.id), .protective, trade.trade, at: timestamp, causedBy: cause))
        }
        if held < .zero {
            self.stopEntries("\(trade.trade.id) has sold \(-held) shares more than it had", trade.trade, &books)
        }
    }

    /// Something is so wrong that a person has to look at it before anything is bought again.
    private func stopEntries(_ reason: String, _ trade: Trade, _ books: inout Books) {
        books.account?.value.entriesStopped = reason
        books.note(
            Note(
                .error,
                "entries stopped until an operator resumes them",
                ["reason": reason, "trade_id": "\(trade.id)"]
            )
        )
    }

    /// An entry that had ended has bought shares all the same: they are a position, and get their stop.
    private func entryFilledLate(
        _ order: Order,
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        _ cause: Message?
    ) throws {
        let filled = self.notice(.orderFilled, order, nil, trade.trade, at: report.timestamp, cause, isLate: true)
        switch trade.trade.state {
        case .cancelled:
            try trade.step(to: .filled, on: .orderFilled, at: report.timestamp, message: filled.id)
            books.account?.value.releaseReservation(of: trade.trade.id)
            books.account?.value.openTrades[trade.trade.id] = trade.trade.symbol
        case .closed:
            self.stopEntries("\(order.id) has bought shares after its trade was closed", trade.trade, &books)
        default: break
        }
        books.say(filled)
    }

    /// A sale that had ended has sold shares all the same.
    private func exitFilledLate(
        _ order: Order,
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        _ cause: Message?
    ) throws {
        if trade.trade.heldQuantity == .zero, !trade.trade.state.isTerminal {
            try self.close(&trade, by: order, at: report.timestamp, &books)
        } else {
            books.say(
                self.notice(.orderPartiallyFilled, order, nil, trade.trade, at: report.timestamp, cause)
            )
        }
    }

    private func entryMoved(
        _ order: Order,
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        causedBy cause: Message?
    ) throws {
        if order.state == .rejected, order.filledQuantity == .zero {
            guard !trade.trade.state.isTerminal else { return }
            return try self.abandon(&trade, order, on: .orderRejected, report.reason, at: report.timestamp, &books)
        }
        if trade.trade.state == .entryApproved {
            let submitted = self.notice(.orderSubmitted, order, nil, trade.trade, at: report.submittedAt, cause)
            try trade.step(to: .orderPlaced, on: .orderSubmitted, at: report.submittedAt, message: submitted.id)
            books.say(submitted)
        }
        switch order.state {
        case .partiallyFilled:
            books.say(
                self.notice(
                    .orderPartiallyFilled,
                    order,
                    nil,
                    trade.trade,
                    at: report.timestamp,
                    cause
                )
            )
            books.say(
                self.call(
                    .cancel(order.id),
                    .protective,
                    trade.trade,
                    at: report.timestamp,
                    delaySeconds: self.partialFillSeconds,
                    causedBy: cause
                )
            )
        case .filled where trade.trade.state == .orderPlaced: try self.entryDone(order, report, &trade, &books, cause)
        case .cancelled, .expired, .rejected:
            guard trade.trade.state == .orderPlaced else { return }
            if order.filledQuantity > .zero {
                try self.entryDone(order, report, &trade, &books, cause)
            } else {
                try self.abandon(
                    &trade,
                    order,
                    on: .orderCancelled,
                    report.reason ?? order.state.rawValue,
                    at: report.timestamp,
                    &books
                )
            }
        default: break
        }
    }

    /// What was bought is bought: from here on the position is what counts.
    private func entryDone(
        _ order: Order,
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        _ cause: Message?
    ) throws {
        let filledAt = order.filledAt ?? report.timestamp
        let filled = self.notice(.orderFilled, order, nil, trade.trade, at: filledAt, cause)
        try trade.step(to: .filled, on: .orderFilled, at: filledAt, message: filled.id)
        books.account?.value.releaseReservation(of: trade.trade.id)
        books.say(filled)
    }

    private func stopMoved(
        _ order: Order,
        from before: OrderState,
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        causedBy cause: Message?
    ) throws {
        switch order.state {
        case .filled where trade.trade.state == .exitTriggered || trade.trade.state == .orderClosing:
            // An exit had begun; the stop was faster.
            trade.trade.exitReason = .stop
            if trade.trade.heldQuantity == .zero {
                try self.close(&trade, by: order, at: report.timestamp, &books)
            }
        case .filled: books.say(self.notice(.orderFilled, order, nil, trade.trade, at: report.timestamp, cause))
        case .partiallyFilled:
            books.say(self.notice(.orderPartiallyFilled, order, nil, trade.trade, at: report.timestamp, cause))
        case .cancelled where order.isRecalled:
            self.announceEnd(of: order, report.reason, trade.trade, &books, at: report.timestamp, cause)
            try self.continueAfterCancel(order, &trade, &books, report, causedBy: cause)
        case .cancelled, .expired, .rejected:
            // Nobody here has asked for that.
            let isKept = trade.trade.state == .filled || trade.trade.state == .holding
            if !isKept || trade.trade.heldQuantity <= .zero {
                self.announceEnd(of: order, report.reason, trade.trade, &books, at: report.timestamp, cause)
            }
            if order.state == .rejected, !isKept {
                self.checkAfterRefusal(of: order, report.reason, &trade, &books, at: report.timestamp, causedBy: cause)
                return
            }
            self.checkHoldings(
                for: &trade,
                &books,
                at: report.timestamp,
                about: "\(order.id) \(order.state.rawValue)",
                causedBy: cause
            )
        case .submitted, .accepted:
            if trade.trade.state == .exitTriggered, before == .intent || before == .unknown {
                books.note(Note(.warning, "the stop is put back", ["order.id": "\(order.id)"]))
            }
        default: break
        }
    }

    /// From here on PositionManagement replaces it, if the position is to be kept.
    func announceEnd(
        of stop: Order,
        _ reason: String?,
        _ trade: Trade,
        _ books: inout Books,
        at timestamp: Timestamp,
        isLate: Bool = false,
        _ cause: Message?
    ) {
        let event = stop.state == .rejected ? EventName.orderRejected : .orderCancelled
        books.say(self.notice(event, stop, reason, trade, at: timestamp, cause, isLate: isLate))
    }

    private func exitMoved(
        _ order: Order,
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        causedBy cause: Message?
    ) throws {
        if trade.trade.state == .exitTriggered, order.state != .rejected || order.filledQuantity > .zero {
            let submitted = self.notice(.orderSubmitted, order, nil, trade.trade, at: report.submittedAt, cause)
            try trade.step(to: .orderClosing, on: .orderSubmitted, at: report.submittedAt, message: submitted.id)
            books.say(submitted)
        }
        if trade.trade.heldQuantity == .zero, order.state == .filled {
            let filled = self.notice(.orderFilled, order, nil, trade.trade, at: report.timestamp, cause)
            try trade.step(to: .closed, on: .orderFilled, at: report.timestamp, message: filled.id)
            books.account?.value.release(trade.trade.id)
            books.say(filled)
        } else if order.state == .filled {
            // Shares have come to the position since the sale was made to measure.
            books.say(self.notice(.orderFilled, order, nil, trade.trade, at: report.timestamp, cause))
            if trade.trade.heldQuantity > .zero {
                self.sell(&trade, &books, at: report.timestamp, causedBy: cause)
            }
        } else if order.state.isTerminal {
            let isRejected = order.state == .rejected
            let ended = self.notice(
                isRejected ? .orderRejected : .orderCancelled,
                order,
                report.reason ?? order.state.rawValue,
                trade.trade,
                at: report.timestamp,
                cause
            )
            if trade.trade.state == .orderClosing {
                try trade.step(
                    to: .exitTriggered,
                    on: isRejected ? .orderRejected : .orderCancelled,
                    at: report.timestamp,
                    message: ended.id
                )
            }
            books.say(ended)
            // A sale that was cancelled to be replaced goes on at the market; anything else waits behind its stop.
            if order.state == .cancelled, order.isRecalled {
                try self.continueExit(of: &trade, &books, at: report.timestamp, causedBy: cause)
            } else if isRejected {
                self.checkAfterRefusal(of: order, report.reason, &trade, &books, at: report.timestamp, causedBy: cause)
            } else {
                self.checkHoldings(
                    for: &trade,
                    &books,
                    at: report.timestamp,
                    about: "\(order.id) \(order.state.rawValue)",
                    causedBy: cause
                )
            }
        } else if order.state == .partiallyFilled {
            books.say(self.notice(.orderPartiallyFilled, order, nil, trade.trade, at: report.timestamp, cause))
        }
    }

    /// All messages about an order: told apart by what was filled, so that each is said once whoever tells it.
    private func notice(
        _ event: EventName,
        _ order: Order,
        _ reason: String?,
        _ trade: Trade,
        at timestamp: Timestamp,
        _ cause: Message?,
        isLate: Bool = false
    ) -> Message {
        let notice = OrderNotice(order: order, reason: reason)
        let body: MessageBody =
            switch event {
            case .orderSubmitted: .orderSubmitted(notice)
            case .orderPartiallyFilled: .orderPartiallyFilled(notice)
            case .orderFilled: .orderFilled(notice)
            case .orderRejected: .orderRejected(notice)
            default: .orderCancelled(notice)
            }
        let about =
            event == .orderPartiallyFilled || isLate ? "\(order.id) \(order.filledQuantity)" : order.id.description
        return self.speaker.say(body, trade: trade, at: timestamp, about: about, causedBy: cause)
    }
}

extension Order {
    /// Whether this is a resting sale of more or fewer shares than may be sold. That the broker is said to hold nothing
    /// lifts no stop: an empty answer may be wrong, and a broker sells nothing that is not there.
    func isMisfit(in trade: Trade) -> Bool {
        let sellable = trade.sellableQuantity
        guard sellable > .zero || trade.heldQuantity <= .zero else { return false }
        return self.terms.side == .sell && !self.state.isTerminal && self.remainingQuantity != sellable
    }
}
