package import TradingCore

/// Turns approvals into entry orders and exits into sales, and books what the broker reports. It writes every intent
/// down before the call, and derives every order's id from its trade, so that nothing is bought or sold twice.
package struct OrderExecutionAgent: Judgement {
    package let agent = AgentName.orderExecution
    let speaker = Speaker(.orderExecution)
    /// How long a partly filled entry may go on filling before its remainder is cancelled.
    let partialFillSeconds: Int
    let tickRule: TickRule

    package init(partialFillSeconds: Int, tickRule: TickRule) {
        self.partialFillSeconds = partialFillSeconds
        self.tickRule = tickRule
    }

    package func reads(for input: Input, given documents: Documents) throws -> [DocumentKey] {
        switch input {
        case .started, .feed(.connected), .feed(.holdingsMoved), .poll: return try self.openTradeReads(documents)
        case .feed(.order(let report)): return [Trade.key(report.clientOrderID.trade), Account.key]
        case .feed, .quote, .login, .unprotected: return []
        case .message(let message):
            switch message.body {
            case .ordersMoved: return try self.openTradeReads(documents)
            case .marketStatus(let status): return status.isTransition ? try self.openTradeReads(documents) : []
            case .brokerCallCompleted(let answer):
                var trades = Set([message.tradeID].compactMap(\.self))
                if case .orders(let reports) = answer.outcome { trades.formUnion(reports.map(\.clientOrderID.trade)) }
                switch answer.call.operation {
                case .reconcile(let ids):
                    trades.formUnion(ids.map(\.trade))
                    return try trades.sorted().map(Trade.key) + self.openTradeReads(documents)
                case .holdings: return try trades.map(Trade.key) + self.openTradeReads(documents)
                case .find: return trades.sorted().map(Trade.key) + [Account.key, MarketClock.key, HoldingsWatch.key]
                default: return trades.sorted().map(Trade.key) + [Account.key]
                }
            case .tradeApproved:
                return try [
                    Trade.key(message.requiredTradeID), Account.key, MarketClock.key, HoldingsWatch.key,
                    TradingHalt.key,
                ]
            case .targetHit:
                return try [Trade.key(message.requiredTradeID), Account.key, MarketClock.key]
            default: return try [Trade.key(message.requiredTradeID), Account.key]
            }
        }
    }

    private func openTradeReads(_ documents: Documents) throws -> [DocumentKey] {
        let account: Versioned<Account>? = try documents.find(Account.key)
        return [Account.key, MarketClock.key, BrokerQuestion.key, HoldingsWatch.key]
            + (account?.value.openTrades.keys.sorted().map(Trade.key) ?? [])
    }

    package func decide(_ input: Input, given documents: Documents) throws -> Decision {
        var books = try Books(documents)
        switch input {
        // Whatever the broker's stream said while nobody listened is asked for.
        case .started, .feed(.connected): try self.compareAnew(&books, documents)
        case .poll:
            try self.wantOpenOrders(&books, documents, isPoll: true)
            try self.pollHoldings(&books, documents)
        case .feed(.order(let report)): try self.apply(report, to: &books, causedBy: nil)
        case .feed(.holdingsMoved(let symbol, let isOurs)):
            if isOurs || books.account?.value.concerns(symbol) == true { try self.wantHoldings(&books, documents) }
        case .feed, .quote, .login, .unprotected: break
        case .message(let message): try self.decide(message, &books, documents)
        }
        if books.isInDoubt { try self.wantHoldings(&books, documents) }
        return books.decision()
    }

    private func decide(_ message: Message, _ books: inout Books, _ documents: Documents) throws {
        switch message.body {
        case .tradeApproved(let approval):
            try self.submitEntry(
                approval,
                message,
                &books,
                clock: try documents.find(MarketClock.key),
                halt: documents.halt
            )
        case .targetHit:
            let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
            var trade = try books.trade(message.requiredTradeID)
            if clock?.value.isOpen == false {
                // Nothing can be sold now, and the stop in its place is worth more than an order that waits.
                books.note(Note(.info, "a target was hit in a closed market: the exit waits for the open"))
            } else {
                try self.continueExit(of: &trade, &books, at: message.timestamp, causedBy: message)
            }
            books.put(trade)
        case .positionUnprotected:
            // The broker would not take the stop, or somebody else has cancelled it: are the shares still there?
            var trade = try books.trade(message.requiredTradeID)
            self.checkHoldings(for: &trade, &books, at: message.timestamp, about: "\(message.id)", causedBy: message)
            books.put(trade)
        case .exitRequested:
            var trade = try books.trade(message.requiredTradeID)
            try self.continueExit(of: &trade, &books, at: message.timestamp, causedBy: message)
            books.put(trade)
        case .abortRequested(let request): try self.abortEntry(because: request.reason, message, &books)
        case .stopHit: try self.closeByStop(message, &books)
        case .ordersMoved(let moved) where moved.isReconnect: try self.compareAnew(&books, documents)
        case .ordersMoved: try self.wantOpenOrders(&books, documents)
        case .marketStatus(let status) where status.isTransition && !status.isOpen:
            try self.recallEntries(message, &books)
            try self.wantHoldings(&books, documents)
            if books.readableTrades.contains(where: { $0.trade.state == .cancelled }) {
                try self.wantOpenOrders(&books, documents)
            }
        case .marketStatus(let status) where status.isTransition:
            for var trade in books.readableTrades where trade.trade.state == .exitTriggered {
                trade.trade.sales.refusals = 0
                try self.continueExit(of: &trade, &books, at: message.timestamp, causedBy: message)
                books.put(trade)
            }
        case .brokerCallCompleted(let answer): try self.take(answer, message, &books, documents)
        default: break
        }
    }

    private func submitEntry(
        _ approval: TradeApproval,
        _ message: Message,
        _ books: inout Books,
        clock: Versioned<MarketClock>?,
        halt: TradingHalt?
    ) throws {
        var trade = try books.trade(message.requiredTradeID)
        guard trade.trade.state == .entryApproved, trade.trade.latest(.entry) == nil else {
            if trade.trade.latest(.entry) != nil { return }
            throw InvalidTransition(
                from: trade.trade.state.rawValue,
                to: TradeState.orderPlaced.rawValue,
                trigger: message.event.rawValue
            )
        }
        var order = self.entryOrder(of: trade.trade, approval.plan, approval.quantity, at: message.timestamp)
        let refusal: String?
        if let halt {
            refusal = "\(halt)"
        } else if let reason = books.account?.value.entriesStopped {
            refusal = "entries are stopped: \(reason)"
        } else if let reason = books.account?.value.frozenSymbols[approval.symbol] {
            refusal = "\(approval.symbol) is frozen: \(reason)"
        } else if let clock, clock.value.lastBoundary > approval.expiresAt {
            refusal = "the approval expired at \(approval.expiresAt)"
        } else if let skew = clock?.value.clockSkew {
            refusal = "this machine's clock differs from the broker's by \(skew) ms"
        } else {
            refusal = approval.plan.session.objection(clock?.value, signaledAt: message.timestamp)
        }
        if let refusal {
            order.step(on: .cancelled)
            try self.abandon(&trade, order, on: .orderCancelled, refusal, at: message.timestamp, &books)
        } else if books.holdings.value.isPending {
            // What the broker holds may forbid it.
            throw NotYet("the ledger has not been held against the broker yet")
        } else {
            trade.trade.replace(order)
            books.say(
                self.call(
                    .place(order.terms),
                    .entries,
                    trade.trade,
                    at: message.timestamp,
                    sendBefore: Self.lastMoment(for: approval, clock?.value),
                    causedBy: message
                )
            )
        }
        books.put(trade)
    }

    /// An approval is good for some time. That of an entry for the next session counts from the close, and ends when the
    /// session begins.
    private static func lastMoment(for approval: TradeApproval, _ clock: MarketClock?) -> Timestamp? {
        switch approval.plan.session {
        case .current: clock?.nextBoundary.map { min($0, approval.expiresAt) } ?? approval.expiresAt
        case .next: clock?.nextBoundary
        }
    }

    /// The entry came to nothing: cash and symbol are free again, unless it may yet come to something.
    func abandon(
        _ trade: inout OpenTrade,
        _ order: Order,
        on trigger: TradeTrigger,
        _ reason: String?,
        at timestamp: Timestamp,
        isCertain: Bool = true,
        _ books: inout Books
    ) throws {
        trade.trade.replace(order)
        let notice = OrderNotice(order: order, reason: reason)
        let message = self.speaker.say(
            trigger == .orderRejected ? .orderRejected(notice) : .orderCancelled(notice),
            trade: trade.trade,
            at: timestamp,
            about: order.id.description
        )
        try trade.step(to: .cancelled, on: trigger, at: timestamp, message: message.id)
        if isCertain { books.account?.value.release(trade.trade.id) }
        books.say(message)
    }

    /// The stop sold everything: the stop order is the exit order, submitted long ago.
    private func closeByStop(_ message: Message, _ books: inout Books) throws {
        var trade = try books.trade(message.requiredTradeID)
        guard case .stopHit(let notice) = message.body, trade.trade.state == .exitTriggered,
            let stop = notice.stopOrder.flatMap({ trade.trade.order($0) }) ?? trade.trade.latest(.stop)
        else { return }
        if trade.trade.heldQuantity == .zero {
            try self.close(&trade, by: stop, at: message.timestamp, &books)
        } else {
            try self.continueExit(of: &trade, &books, at: message.timestamp, causedBy: message)
        }
        books.put(trade)
    }

    /// Takes a trade whose shares are all sold to CLOSED.
    func close(_ trade: inout OpenTrade, by order: Order, at timestamp: Timestamp, _ books: inout Books) throws {
        var notice = OrderNotice(order: order)
        notice.role = .exit
        let submitted = self.speaker.say(
            .orderSubmitted(notice),
            trade: trade.trade,
            at: timestamp,
            about: "exit \(order.id)"
        )
        let filled = self.speaker.say(
            .orderFilled(notice),
            trade: trade.trade,
            at: timestamp,
            about: "exit \(order.id)"
        )
        if trade.trade.state == .exitTriggered {
            try trade.step(to: .orderClosing, on: .orderSubmitted, at: timestamp, message: submitted.id)
            books.say(submitted)
        }
        try trade.step(to: .closed, on: .orderFilled, at: timestamp, message: filled.id)
        books.account?.value.release(trade.trade.id)
        books.say(filled)
    }

    /// Asks about every order that the broker may have moved, unless such a question is under way.
    func wantOpenOrders(_ books: inout Books, _ documents: Documents, isPoll: Bool = false) throws {
        guard books.watch.value.wants(poll: isPoll) else { return }
        try self.askForOpenOrders(&books, documents)
    }

    func askForOpenOrders(_ books: inout Books, _ documents: Documents) throws {
        var ids: [ClientOrderID] = []
        var newest = Timestamp(seconds: 0)
        for trade in books.readableTrades {
            newest = max(newest, trade.trade.signaledAt)
            // An intent's own call is still to come or under way; everything else can be asked about. So is an entry that
            // was given up and may yet turn up.
            ids += trade.trade.orders.filter {
                !$0.state.isTerminal && $0.state != .intent || trade.trade.state == .cancelled && $0.id.role == .entry
            }.map(\.id)
        }
        guard !ids.isEmpty else {
            books.watch.value = BrokerQuestion()
            return
        }
        let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
        let call = BrokerCall(.reconcile(ids), lane: .protective)
        books.say(
            self.speaker.say(
                .brokerCallRequested(call),
                at: clock?.value.lastBoundary ?? newest,
                // The watch is written with every question, so that no two are the same message.
                about: "\(call.subject) \(books.watch.version)"
            )
        )
        books.watch.value.asked()
    }

    func call(
        _ operation: BrokerCall.Operation,
        _ lane: BrokerLane,
        _ trade: Trade,
        at timestamp: Timestamp,
        delaySeconds: Int = 0,
        sendBefore: Timestamp? = nil,
        causedBy cause: Message?
    ) -> Message {
        let call = BrokerCall(operation, lane: lane, delaySeconds: delaySeconds, sendBefore: sendBefore)
        return self.speaker.say(
            .brokerCallRequested(call),
            trade: trade,
            at: timestamp,
            about: call.subject,
            causedBy: cause
        )
    }
}
