import TradingCore

/// What came of the calls to the broker.
extension OrderExecutionAgent {
    func take(_ answer: BrokerAnswer, _ message: Message, _ books: inout Books, _ documents: Documents) throws {
        if case .orders(let reports) = answer.outcome {
            for report in reports {
                guard report.event != .outcomeUnknown else {
                    books.note(
                        Note(
                            .error,
                            "the broker does not say what became of an order: it is asked again",
                            ["order.id": "\(report.clientOrderID)", "reason": report.reason ?? "no reason given"]
                        )
                    )
                    continue
                }
                // One that cannot be booked is no reason to lose what is told of the others.
                let before = books
                do {
                    try self.apply(report, to: &books, causedBy: message)
                } catch let error as NotYet {
                    throw error
                } catch {
                    guard reports.count > 1 else { throw error }
                    books = before
                    books.note(
                        Note(
                            .error,
                            "what the broker says of an order cannot be booked",
                            ["order.id": "\(report.clientOrderID)", "reason": "\(error)"]
                        )
                    )
                }
            }
            switch answer.call.operation {
            case .reconcile(let ids): try self.takeReconciliation(reports, of: ids, message, &books, documents)
            case .find(let id): try self.cancelAgain(id, message, &books)
            default: break
            }
            return
        }
        if case .holdings(let holdings) = answer.outcome {
            if let id = message.tradeID { return try self.goOnSelling(id, holdings, message, &books) }
            return try self.take(holdings, message, &books, documents)
        }
        switch answer.call.operation {
        case .place(let terms): try self.placementFailed(terms, answer, message, &books)
        case .find(let id):
            guard let order = try books.trade(id.trade).trade.order(id),
                !order.state.isTerminal || order.isGivenUp && !books.isCertain(order)
            else { return }
            if answer.provesAbsence {
                try self.orderIsAbsent(id, message, &books)
            } else {
                self.repeatCall(answer, message, &books)
            }
        case .cancel(let id):
            // Already gone or never there: what became of it decides what comes next.
            if case .unavailable = answer.outcome {
                self.repeatCall(answer, message, &books)
            } else if try books.trade(id.trade).trade.order(id).map({ $0.isGivenUp && books.isCertain($0) }) != true {
                try self.look(for: id, about: "find \(message.id)", &books, at: message.timestamp, causedBy: message)
            }
        case .reconcile:
            // It is under way still, and no poll has to take it for lost.
            books.watch.value.pollsWaited = 0
            self.repeatCall(answer, message, &books)
        case .holdings:
            if let id = message.tradeID {
                books.note(
                    Note(.error, "the broker does not say what it holds before a sale", ["trade_id": "\(id)"])
                )
                guard answer.call.attempt < Self.maximumHoldingsQuestions else {
                    return try self.sellWithoutAnswer(id, message, &books)
                }
            } else {
                books.holdings.value.question.pollsWaited = 0
            }
            self.repeatCall(answer, message, &books)
        case .account, .clock, .calendar, .bars, .latestQuotes: break
        }
    }

    /// One a second.
    private static let maximumHoldingsQuestions = 30

    private func takeReconciliation(
        _ reports: [OrderReport],
        of ids: [ClientOrderID],
        _ message: Message,
        _ books: inout Books,
        _ documents: Documents
    ) throws {
        let (isPolled, isDueAgain) = books.watch.value.answered()
        if isPolled { try self.hurryExits(reports, message, &books) }
        let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
        // An entry may have been accepted after its session had closed.
        if clock?.value.isOpen == false { try self.recallEntries(message, &books) }
        // Orders that the ledger has as live and the broker did not mention are looked for one by one.
        for id in Set(ids).subtracting(reports.map(\.clientOrderID)).sorted(by: { $0.description < $1.description }) {
            // One of unknown outcome has its own search, begun when its answer was lost.
            guard let trade = try? books.trade(id.trade).trade, let order = trade.order(id) else { continue }
            if trade.state == .cancelled, order.state.isTerminal {
                // A day order has certainly ended with the session it was for.
                let isOver = clock.map { $0.value.isOpen == false && $0.value.lastBoundary > order.intendedAt } ?? false
                if isOver, !isDueAgain { books.account?.value.release(trade.id) }
                continue
            }
            guard !order.state.isTerminal, order.state != .unknown else { continue }
            let time = order.submittedAt ?? message.timestamp
            try self.look(for: id, about: "missing \(id) \(message.id)", &books, at: time, causedBy: message)
        }
        if isDueAgain { try self.askForOpenOrders(&books, documents) }
    }

    /// Asks what became of one order, in a second. Of an entry that nobody knows of in its own lane: stops and exits do
    /// not wait for that.
    func look(
        for id: ClientOrderID,
        about: String,
        _ books: inout Books,
        at timestamp: Timestamp,
        causedBy cause: Message
    ) throws {
        let trade = try books.trade(id.trade).trade
        let isUnknownEntry = id.role == .entry && trade.order(id)?.state == .unknown
        let call = BrokerCall(.find(id), lane: isUnknownEntry ? .entries : .protective, delaySeconds: 1)
        books.say(
            self.speaker.say(
                .brokerCallRequested(call),
                trade: trade,
                at: timestamp,
                about: about,
                causedBy: cause
            )
        )
    }

    private func repeatCall(_ answer: BrokerAnswer, _ message: Message, _ books: inout Books) {
        books.note(
            Note(
                .warning,
                "broker call will be repeated",
                [
                    "broker.call": answer.call.name, "attempt": "\(answer.call.attempt)",
                    "reason": answer.failureReason ?? "no reason given",
                ]
            )
        )
        var again = message
        again.body = .brokerCallRequested(answer.call.again(afterMiss: answer.outcome == .notFound))
        again.id = MessageID(derivedFrom: "again", message.id.rawValue)
        again.causationID = message.id
        again.source = self.agent.source
        books.say(again)
    }

    /// The broker has said long enough that it does not have the order.
    private func orderIsAbsent(_ id: ClientOrderID, _ message: Message, _ books: inout Books) throws {
        var trade = try books.trade(id.trade)
        guard var order = trade.trade.order(id), !order.state.isTerminal else { return }
        let reason = "the broker does not have the order"
        books.note(Note(.warning, reason, ["order.id": "\(id)"]))
        if id.role == .entry, trade.trade.state == .entryApproved {
            // Fail fast on entries. Absent for a minute is not absent for ever: the symbol stays taken, and the order is
            // asked about with the others, until the session that it was for has ended.
            order.step(on: .cancelled)
            let time = message.timestamp
            try self.abandon(&trade, order, on: .orderCancelled, reason, at: time, isCertain: false, &books)
            return books.put(trade)
        }
        let makesWay = id.role == .stop && trade.trade.state == .exitTriggered
        if order.submittedAt == nil, !makesWay, !order.isRecalled {
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
        try self.end(order, because: reason, message, &books)
    }

    /// The order is certainly not at the broker, nor on its way there.
    private func end(_ order: Order, because reason: String, _ message: Message, _ books: inout Books) throws {
        try self.apply(
            OrderReport(
                clientOrderID: order.id,
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
        guard var order = trade.trade.order(id) else { return }
        guard order.state == .intent || order.state == .unknown else {
            guard order.isGivenUp else { return }
            if case .unknown = answer.outcome {
                // It may be at the broker all the same.
                try self.look(
                    for: id,
                    about: "given up \(message.id)",
                    &books,
                    at: message.timestamp,
                    causedBy: message
                )
            } else {
                // It was given up before it was sent.
                books.account?.value.release(trade.trade.id)
            }
            return
        }
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
            books.put(trade)
            try self.look(for: id, about: "find \(message.id)", &books, at: message.timestamp, causedBy: message)
        case .refused(let code, let reason):
            order.step(on: .rejected)
            try self.orderRefused(order, "\(code): \(reason)", &trade, message, &books)
        case .unavailable(let reason) where id.role == .entry:
            // Fail fast on entries.
            order.step(on: .cancelled)
            try self.abandon(&trade, order, on: .orderCancelled, reason, at: message.timestamp, &books)
        case .unavailable(let reason) where order.isRecalled:
            return try self.end(order, because: reason, message, &books)
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
            books.say(
                self.speaker.say(
                    .orderRejected(OrderNotice(order: order, reason: reason)),
                    trade: trade.trade,
                    at: message.timestamp,
                    about: order.id.description,
                    causedBy: message
                )
            )
            self.checkAfterRefusal(of: order, reason, &trade, &books, at: message.timestamp, causedBy: message)
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
            self.checkAfterRefusal(of: order, reason, &trade, &books, at: message.timestamp, causedBy: message)
        }
    }
}
