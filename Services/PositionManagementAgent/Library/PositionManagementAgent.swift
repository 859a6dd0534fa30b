package import TradingCore

/// Protects every position from the moment its fill is known, watches its target, recognises that its stop was hit,
/// and reckons what it came to.
package struct PositionManagementAgent: Judgement {
    package let agent = AgentName.positionManagement
    let speaker = Speaker(.positionManagement)
    /// How far below the fill the stop goes when the fill is already at or below the planned stop.
    private let gapStopDistance: Rate
    /// After so many stops that were lost, the position is sold instead.
    private let maximumStopAttempts: Int
    /// After so many attempts to reach the broker, a second apart, the position is sold instead. To outlast the time for
    /// which a breaker rests.
    private let maximumSendAttempts: Int
    private let tickRule: TickRule

    package init(
        gapStopDistance: Rate,
        tickRule: TickRule,
        maximumStopAttempts: Int = 5,
        maximumSendAttempts: Int = 75
    ) {
        self.gapStopDistance = gapStopDistance
        self.tickRule = tickRule
        self.maximumStopAttempts = maximumStopAttempts
        self.maximumSendAttempts = maximumSendAttempts
    }

    package func reads(for input: Input, given documents: Documents) throws -> [DocumentKey] {
        switch input {
        case .started, .feed, .poll, .login: return []
        case .quote(let quote):
            let key = TargetWatches.key(quote.symbol)
            let watches: Versioned<TargetWatches>? = try documents.find(key)
            return [key] + (watches?.value.hit(by: quote).map { [Trade.key($0.trade), MarketClock.key] } ?? [])
        case .message(let message):
            guard let id = message.tradeID else { return [] }
            let key = Trade.key(id)
            guard let trade: Versioned<Trade> = try documents.find(key) else { return [key] }
            let symbol = trade.value.symbol
            return [key, Quote.key(symbol), TargetWatches.key(symbol), MarketClock.key]
        }
    }

    package func decide(_ input: Input, given documents: Documents) throws -> Decision {
        switch input {
        case .started, .feed, .poll, .login: return Decision()
        case .quote(let quote): return try self.watchTarget(quote, documents)
        case .message(let message):
            guard message.tradeID != nil else { return Decision() }
            var position = try ManagedPosition(message.requiredTradeID, documents)
            switch message.body {
            case .orderFilled(let notice):
                switch notice.role {
                case .entry: try self.takeEntryFill(&position, message)
                case .stop: try self.recogniseStopHit(&position, notice, message)
                case .exit: try self.calculatePnL(&position, message)
                }
            case .orderCancelled(let notice), .orderRejected(let notice):
                if notice.role == .stop { try self.replaceLostStop(&position, notice, message) }
            case .exitSignal: try self.beginStrategyExit(&position, message)
            case .brokerCallCompleted(let answer):
                try self.take(answer, &position, message, quote: try self.quote(position.trade.symbol, documents))
            default: break
            }
            return position.decision()
        }
    }

    /// A fill can only follow an order: one that is told of before there is one is stale, or forged. Nothing is opened on
    /// its word, and an approval that somebody meddles with is given up.
    private func takeEntryFill(_ position: inout ManagedPosition, _ message: Message) throws {
        do {
            if [.scanning, .setupDetected, .entryApproved].contains(position.trade.state) {
                try TradeStateMachine.check(from: position.trade.state, to: .filled, on: .orderFilled)
            }
            try self.trackPosition(&position, message)
        } catch let error as InvalidTransition where position.trade.state == .entryApproved {
            position.note(Note(.error, "a fill without an order: the trade is aborted", ["reason": "\(error)"]))
            position.tell(
                .orderExecution,
                self.speaker.say(
                    .abortRequested(ExitSignal(symbol: position.trade.symbol, reason: "\(error)")),
                    trade: position.trade,
                    at: message.timestamp,
                    about: "\(message.id)",
                    causedBy: message
                )
            )
        }
    }

    /// `track_position`: a fill is known, so the stop goes out.
    private func trackPosition(_ position: inout ManagedPosition, _ message: Message) throws {
        guard position.trade.state == .filled, position.trade.latest(.stop) == nil,
            let fill = position.trade.entryOrder?.averagePrice, var plan = position.trade.plan
        else { return }
        if fill <= plan.stopPrice {
            plan.stopPrice = try fill.scaled(by: .one - self.gapStopDistance)
            position.trade.plan = plan
        }
        let stop = self.setStopLoss(&position, at: message.timestamp, causedBy: message)
        position.say(
            self.speaker.say(
                .positionOpened(self.notice(position.trade, plan, stop: stop.id)),
                trade: position.trade,
                at: message.timestamp,
                causedBy: message
            )
        )
    }

    /// `set_stop_loss`: writes the intent down and asks the broker.
    @discardableResult
    private func setStopLoss(
        _ position: inout ManagedPosition,
        at timestamp: Timestamp,
        causedBy cause: Message?
    ) -> Order {
        let stop = position.trade.nextStop(at: timestamp, self.tickRule)
        position.trade.replace(stop)
        self.call(
            .place(stop.terms),
            &position,
            at: timestamp,
            about: "\(stop.id)",
            causedBy: cause
        )
        return stop
    }

    private func take(
        _ answer: BrokerAnswer,
        _ position: inout ManagedPosition,
        _ message: Message,
        quote: Quote?
    ) throws {
        let id: ClientOrderID
        switch answer.call.operation {
        case .place(let terms): id = terms.clientOrderID
        case .find(let asked): id = asked
        default: return
        }
        // An answer about a stop that has been replaced, or has ended, comes too late to matter.
        guard var order = position.trade.latest(.stop), order.id == id else { return }
        switch answer.outcome {
        case .orders(let reports):
            // Fills are OrderExecution's to book; here it only counts that the broker has the stop.
            guard let report = reports.first else { return }
            switch report.event {
            case .rejected:
                guard !order.state.isTerminal else { return }
                return try self.stopRefused(order, report.reason ?? "rejected", &position, message)
            case .cancelled, .expired:
                // Its end is OrderExecution's to book, and leads to a new stop from there.
                guard order.state == .intent || order.state == .unknown else { return }
            case .submitted, .accepted, .partiallyFilled, .filled, .outcomeUnknown: break
            }
            let isFirstAnswer = order.state == .intent || order.state == .unknown
            if isFirstAnswer {
                var accepted = report
                accepted.event = .accepted
                accepted.filledQuantity = order.filledQuantity
                _ = try order.book(accepted)
                position.trade.replace(order)
            }
            guard isFirstAnswer || position.trade.state == .filled else { return }
            try self.stopIsSet(order, at: report.submittedAt, &position, message, quote: quote)
        case _ where order.state != .intent && order.state != .unknown:
            // The broker's stream was faster. That the stop is there is news here; its end was told as an event.
            if !order.state.isTerminal, position.trade.state == .filled {
                let time = order.submittedAt ?? message.timestamp
                try self.stopIsSet(order, at: time, &position, message, quote: quote)
            }
        case .refused(let code, let reason) where answer.call.name == "place":
            try self.stopRefused(order, "\(code): \(reason)", &position, message)
        // That the broker will not say is no refusal of the stop.
        case .unknown where answer.call.name == "find", .refused,
            .notFound where !answer.provesAbsence:
            position.note(Note(.error, "nobody knows yet whether a stop is there", ["order.id": "\(id)"]))
            self.again(answer, &position, message)
        case .unknown(let reason):
            let before = order.state
            order.step(on: .outcomeUnknown)
            if order.state != before {
                position.trade.replace(order)
                position.say(
                    self.speaker.say(
                        .orderUnknown(OrderNotice(order: order, reason: reason)),
                        trade: position.trade,
                        at: message.timestamp,
                        about: id.description,
                        causedBy: message
                    )
                )
            }
            self.call(
                .find(id),
                &position,
                at: message.timestamp,
                about: "find \(message.id)",
                delaySeconds: 1,
                causedBy: message
            )
        case .notFound:
            self.call(
                .place(order.terms),
                &position,
                at: message.timestamp,
                about: "place again \(message.id)",
                causedBy: message
            )
        default:
            // Only a stop that certainly was not sent may be given up for a sale.
            if answer.call.name == "place", answer.call.attempt >= self.maximumSendAttempts,
                position.trade.state == .filled || position.trade.state == .holding
            {
                return try self.stopRefused(order, "the broker could not be reached", &position, message)
            }
            position.note(
                Note(.error, "a position has no stop yet", ["order.id": "\(id)", "attempt": "\(answer.call.attempt)"])
            )
            self.again(answer, &position, message)
        }
    }

    private func again(_ answer: BrokerAnswer, _ position: inout ManagedPosition, _ message: Message) {
        position.say(
            self.speaker.say(
                .brokerCallRequested(answer.call.again(afterMiss: answer.outcome == .notFound)),
                trade: position.trade,
                at: message.timestamp,
                about: "again \(message.id)",
                causedBy: message
            )
        )
    }

    /// The broker has the stop: from now on the position is held.
    private func stopIsSet(
        _ stop: Order,
        at timestamp: Timestamp,
        _ position: inout ManagedPosition,
        _ message: Message,
        quote: Quote?
    ) throws {
        guard position.trade.state == .filled || position.trade.state == .holding, let plan = position.trade.plan
        else { return }
        let notice = self.speaker.say(
            .stopSet(self.notice(position.trade, plan, stop: stop.id)),
            trade: position.trade,
            at: timestamp,
            about: stop.id.description,
            causedBy: message
        )
        // A stop that replaces a lost one is news, and no step.
        guard position.trade.state == .filled else { return position.say(notice) }
        try position.step(to: .holding, on: .stopSet, at: timestamp, message: notice.id)
        position.say(notice)
        let watch = TargetWatch(
            trade: position.trade.id,
            targetPrice: plan.targetPrice,
            since: position.trade.entryOrder?.filledAt ?? timestamp
        )
        // The quote that hits the target may have come and gone while the stop was on its way.
        if let quote, watch.isHit(by: quote), !stop.state.isTerminal {
            try self.targetHit(&position, by: quote)
        } else {
            position.watch(watch)
        }
    }

    private func stopRefused(
        _ stop: Order,
        _ reason: String,
        _ position: inout ManagedPosition,
        _ message: Message
    ) throws {
        var stop = stop
        stop.step(on: .rejected)
        position.trade.replace(stop)
        position.note(Note(.error, "a stop was refused", ["order.id": "\(stop.id)", "reason": reason]))
        guard position.trade.state == .filled || position.trade.state == .holding, let plan = position.trade.plan
        else { return }
        let notice = self.speaker.say(
            .positionUnprotected(self.notice(position.trade, plan, stop: stop.id, reason: reason)),
            trade: position.trade,
            at: message.timestamp,
            about: stop.id.description,
            causedBy: message
        )
        position.trade.exitReason = .unprotected
        try position.step(to: .exitTriggered, on: .unprotected, at: message.timestamp, message: notice.id)
        position.say(notice)
        position.stopWatching()
    }

    /// A stop that ended without selling, while the position is to be kept, is replaced.
    private func replaceLostStop(
        _ position: inout ManagedPosition,
        _ notice: OrderNotice,
        _ message: Message
    ) throws {
        guard position.trade.state == .filled || position.trade.state == .holding,
            position.trade.heldQuantity > .zero, let stop = position.trade.latest(.stop), stop.state.isTerminal,
            stop.id == notice.order.id
        else { return }
        guard stop.state != .rejected, stop.id.attempt < self.maximumStopAttempts else {
            return try self.stopRefused(stop, notice.reason ?? stop.state.rawValue, &position, message)
        }
        position.note(Note(.error, "a stop was lost and is replaced", ["order.id": "\(stop.id)"]))
        self.setStopLoss(&position, at: message.timestamp, causedBy: message)
    }

    private func recogniseStopHit(
        _ position: inout ManagedPosition,
        _ notice: OrderNotice,
        _ message: Message
    ) throws {
        guard let plan = position.trade.plan, let stop = position.trade.order(notice.order.id) else { return }
        // The fill overtook the broker's answer that the stop is there: it plainly was.
        if position.trade.state == .filled {
            try self.stopIsSet(stop, at: stop.submittedAt ?? message.timestamp, &position, message, quote: nil)
        }
        guard position.trade.state == .holding else { return }
        let hit = self.speaker.say(
            .stopHit(self.notice(position.trade, plan, stop: stop.id, price: stop.averagePrice)),
            trade: position.trade,
            at: message.timestamp,
            about: stop.id.description,
            causedBy: message
        )
        position.trade.exitReason = .stop
        try position.step(to: .exitTriggered, on: .stopHit, at: message.timestamp, message: hit.id)
        position.say(hit)
        position.stopWatching()
    }

    /// `calculate_pnl`: everything sold less everything bought, exact.
    private func calculatePnL(_ position: inout ManagedPosition, _ message: Message) throws {
        guard position.trade.state == .closed, position.trade.pnl == nil, let reason = position.trade.exitReason,
            let result = try PositionResult(position.trade)
        else { return }
        position.trade.pnl = result.pnl
        position.say(
            self.speaker.say(
                .positionClosed(
                    PositionClosed(
                        symbol: position.trade.symbol,
                        quantity: result.quantity,
                        entryPrice: result.entryPrice,
                        exitPrice: result.exitPrice,
                        exitReason: reason,
                        pnl: result.pnl
                    )
                ),
                trade: position.trade,
                at: message.timestamp,
                causedBy: message
            )
        )
    }

    func notice(
        _ trade: Trade,
        _ plan: EntryPlan,
        stop: ClientOrderID? = nil,
        price: Price? = nil,
        reason: String? = nil
    ) -> PositionNotice {
        PositionNotice(
            symbol: trade.symbol,
            quantity: trade.heldQuantity,
            entryPrice: trade.entryOrder?.averagePrice ?? plan.entryPrice,
            stopPrice: plan.stopPrice,
            targetPrice: plan.targetPrice,
            stopOrder: stop,
            price: price,
            reason: reason
        )
    }

    private func call(
        _ operation: BrokerCall.Operation,
        _ position: inout ManagedPosition,
        at timestamp: Timestamp,
        about: String,
        delaySeconds: Int = 0,
        causedBy cause: Message?
    ) {
        let call = BrokerCall(operation, lane: .protective, delaySeconds: delaySeconds)
        position.say(
            self.speaker.say(
                .brokerCallRequested(call),
                trade: position.trade,
                at: timestamp,
                about: about,
                causedBy: cause
            )
        )
    }
}
