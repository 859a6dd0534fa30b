import TradingCore

/// What the broker says, whether its stream, a poll or the answer to a call says it first.
extension OrderExecutionAgent {
    func take(_ answer: BrokerAnswer, _ message: Message, _ books: inout Books) throws {
        if case .orders(let reports) = answer.outcome {
            for report in reports { try self.apply(report, to: &books, causedBy: message) }
            switch answer.call.operation {
            case .reconcile(let ids):
                try self.hurryExits(reports, message, &books)
                try self.lookFor(Set(ids).subtracting(reports.map(\.clientOrderID)), message, &books)
            case .find(let id): try self.cancelAgain(id, message, &books)
            default: break
            }
            return
        }
        switch answer.call.operation {
        case .place(let terms): try self.placementFailed(terms, answer, message, &books)
        case .find(let id):
            if answer.provesAbsence {
                try self.orderIsAbsent(id, message, &books)
            } else {
                self.repeatCall(answer, message, &books)
            }
        case .cancel(let id):
            // Already gone or never there: what became of it decides what comes next.
            let trade = try books.trade(id.trade)
            if case .unavailable = answer.outcome {
                self.repeatCall(answer, message, &books)
            } else {
                books.say(
                    self.speaker.say(
                        .brokerCallRequested(BrokerCall(.find(id), lane: .protective, delaySeconds: 1)),
                        trade: trade.trade,
                        at: message.timestamp,
                        about: "find \(message.id)",
                        causedBy: message
                    )
                )
            }
        case .reconcile: books.note(Note(.warning, "open orders could not be asked for", [:]))
        case .account, .clock, .calendar, .bars, .latestQuotes: break
        }
    }

    private func repeatCall(_ answer: BrokerAnswer, _ message: Message, _ books: inout Books) {
        books.note(
            Note(
                .warning,
                "broker call will be repeated",
                ["broker.call": answer.call.name, "attempt": "\(answer.call.attempt)"]
            )
        )
        var again = message
        again.body = .brokerCallRequested(answer.call.again(afterMiss: answer.outcome == .notFound))
        again.id = MessageID(derivedFrom: "again", message.id.rawValue)
        again.causationID = message.id
        again.source = self.agent.source
        books.say(again)
    }

    /// Orders that the ledger has as live and the broker did not mention are looked for one by one.
    private func lookFor(_ ids: Set<ClientOrderID>, _ message: Message, _ books: inout Books) throws {
        for id in ids.sorted(by: { $0.description < $1.description }) {
            let trade = try books.trade(id.trade)
            guard let order = trade.trade.order(id), !order.state.isTerminal else { continue }
            books.say(
                self.speaker.say(
                    .brokerCallRequested(BrokerCall(.find(id), lane: .protective, delaySeconds: 1)),
                    trade: trade.trade,
                    at: order.submittedAt ?? message.timestamp,
                    about: "missing \(id)",
                    causedBy: message
                )
            )
        }
    }

    /// The broker has said long enough that it does not have the order.
    private func orderIsAbsent(_ id: ClientOrderID, _ message: Message, _ books: inout Books) throws {
        var trade = try books.trade(id.trade)
        guard var order = trade.trade.order(id), !order.state.isTerminal else { return }
        let reason = "the broker does not have the order"
        books.note(Note(.warning, reason, ["order.id": "\(id)"]))
        if id.role == .entry, trade.trade.state == .entryApproved {
            // Fail fast on entries.
            order.state = .cancelled
            try self.abandon(&trade, order, on: .orderCancelled, reason, at: message.timestamp, &books)
            return books.put(trade)
        }
        let makesWay = id.role == .stop && trade.trade.state == .exitTriggered
        if order.submittedAt == nil, !makesWay {
            // It never arrived: the same intent under the same id may go out now.
            books.say(
                self.speaker.say(
                    .brokerCallRequested(BrokerCall(.place(order.terms), lane: .protective)),
                    trade: trade.trade,
                    at: message.timestamp,
                    about: "place again \(message.id)",
                    causedBy: message
                )
            )
            return
        }
        try self.apply(
            OrderReport(
                clientOrderID: id,
                brokerOrderID: order.brokerOrderID ?? "",
                event: .cancelled,
                filledQuantity: order.filledQuantity,
                averagePrice: order.averagePrice,
                submittedAt: order.submittedAt ?? message.timestamp,
                timestamp: message.timestamp,
                reason: reason
            ),
            to: &books,
            causedBy: message
        )
    }

    private func placementFailed(
        _ terms: OrderTerms,
        _ answer: BrokerAnswer,
        _ message: Message,
        _ books: inout Books
    ) throws {
        let id = terms.clientOrderID
        var trade = try books.trade(id.trade)
        guard var order = trade.trade.order(id), order.state == .intent || order.state == .unknown else { return }
        switch answer.outcome {
        case .unknown(let reason):
            if case .moves(let state) = try OrderStateMachine.step(order.state, on: .outcomeUnknown) {
                order.state = state
            }
            trade.trade.replace(order)
            books.note(Note(.warning, "the outcome of an order is unknown", ["order.id": "\(id)", "reason": reason]))
            books.say(
                self.speaker.say(
                    .orderUnknown(OrderNotice(order: order, reason: reason)),
                    trade: trade.trade,
                    at: message.timestamp,
                    about: id.description,
                    causedBy: message
                )
            )
            books.say(
                self.speaker.say(
                    .brokerCallRequested(BrokerCall(.find(id), lane: .protective, delaySeconds: 1)),
                    trade: trade.trade,
                    at: message.timestamp,
                    about: "find \(message.id)",
                    causedBy: message
                )
            )
        case .refused(let code, let reason):
            order.state = .rejected
            try self.orderRefused(order, "\(code): \(reason)", &trade, message, &books)
        case .unavailable(let reason) where id.role == .entry:
            // Fail fast on entries.
            order.state = .cancelled
            try self.abandon(&trade, order, on: .orderCancelled, reason, at: message.timestamp, &books)
        default:
            // Never give up on exits.
            self.repeatCall(answer, message, &books)
        }
        books.put(trade)
    }

    private func orderRefused(
        _ order: Order,
        _ reason: String,
        _ trade: inout OpenTrade,
        _ message: Message,
        _ books: inout Books
    ) throws {
        trade.trade.replace(order)
        books.note(Note(.warning, "order refused", ["order.id": "\(order.id)", "reason": reason]))
        switch order.id.role {
        case .entry:
            try self.abandon(&trade, order, on: .orderRejected, reason, at: message.timestamp, &books)
        case .stop:
            // The sale failed and the stop cannot be put back: the sale is tried again, and again.
            if trade.trade.state == .exitTriggered {
                self.sell(&trade, &books, at: message.timestamp, delaySeconds: 5, causedBy: message)
            }
            books.say(
                self.speaker.say(
                    .orderRejected(OrderNotice(order: order, reason: reason)),
                    trade: trade.trade,
                    at: message.timestamp,
                    about: order.id.description,
                    causedBy: message
                )
            )
        case .exit:
            books.say(
                self.speaker.say(
                    .orderRejected(OrderNotice(order: order, reason: reason)),
                    trade: trade.trade,
                    at: message.timestamp,
                    about: order.id.description,
                    causedBy: message
                )
            )
            self.restoreStop(&trade, &books, at: message.timestamp)
        }
    }

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
        let booking = try order.book(report)
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
        if booking.isAlarming {
            books.note(Note(.error, "a fill arrived after the order had ended", ["order.id": "\(id)"]))
        }
        if booking.isNews {
            switch id.role {
            case .entry: try self.entryMoved(order, report, &trade, &books, causedBy: cause)
            case .stop: try self.stopMoved(order, report, &trade, &books, causedBy: cause)
            case .exit: try self.exitMoved(order, report, &trade, &books, causedBy: cause)
            }
        }
        books.put(trade)
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
        _ report: OrderReport,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        causedBy cause: Message?
    ) throws {
        switch order.state {
        case .filled where trade.trade.state == .exitTriggered || trade.trade.state == .orderClosing:
            // An exit had begun; the stop was faster.
            trade.trade.exitReason = .stop
            if let exit = trade.trade.latest(.exit), !exit.state.isTerminal {
                // Both would sell the same shares.
                books.say(
                    self.call(.cancel(exit.id), .protective, trade.trade, at: report.timestamp, causedBy: cause)
                )
            }
            if trade.trade.heldQuantity == .zero {
                try self.close(&trade, by: order, at: report.timestamp, &books)
            }
        case .filled: books.say(self.notice(.orderFilled, order, nil, trade.trade, at: report.timestamp, cause))
        case .partiallyFilled:
            books.say(self.notice(.orderPartiallyFilled, order, nil, trade.trade, at: report.timestamp, cause))
        case .cancelled, .expired:
            books.say(
                self.notice(
                    .orderCancelled,
                    order,
                    report.reason,
                    trade.trade,
                    at: report.timestamp,
                    cause
                )
            )
            try self.continueAfterCancel(order, &trade, &books, report, causedBy: cause)
        case .rejected:
            books.say(
                self.notice(.orderRejected, order, report.reason, trade.trade, at: report.timestamp, cause)
            )
        default: break
        }
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
            books.account?.value.release(trade.trade.id, symbol: trade.trade.symbol)
            books.say(filled)
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
            // A limit that was cancelled to be replaced goes on at the market; anything else waits behind its stop.
            if order.state == .cancelled, order.terms.type == .limit {
                try self.continueExit(of: &trade, &books, at: report.timestamp, causedBy: cause)
            } else {
                self.restoreStop(&trade, &books, at: report.timestamp)
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
        _ cause: Message?
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
        let about = event == .orderPartiallyFilled ? "\(order.id) \(order.filledQuantity)" : order.id.description
        return self.speaker.say(body, trade: trade, at: timestamp, about: about, causedBy: cause)
    }
}
