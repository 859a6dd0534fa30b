import TradingCore

/// What came of the calls to the broker.
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
            order.step(on: .cancelled)
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
            order.step(on: .outcomeUnknown)
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
            order.step(on: .rejected)
            try self.orderRefused(order, "\(code): \(reason)", &trade, message, &books)
        case .unavailable(let reason) where id.role == .entry:
            // Fail fast on entries.
            order.step(on: .cancelled)
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
            let rejected = self.speaker.say(
                .orderRejected(OrderNotice(order: order, reason: reason)),
                trade: trade.trade,
                at: message.timestamp,
                about: order.id.description,
                causedBy: message
            )
            if trade.trade.state == .orderClosing {
                try trade.step(
                    to: .exitTriggered,
                    on: .orderRejected,
                    at: message.timestamp,
                    message: rejected.id
                )
            }
            books.say(rejected)
            self.restoreStop(&trade, &books, at: message.timestamp)
        }
    }
}
