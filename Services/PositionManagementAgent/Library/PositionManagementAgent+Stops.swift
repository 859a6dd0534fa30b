import TradingCore

/// Stops: placing one, what the broker says of it, and what becomes of a position whose stop is refused or lost.
extension PositionManagementAgent {
    /// `set_stop_loss`: writes the intent down and asks the broker.
    @discardableResult
    func setStopLoss(
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

    func take(
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
        // It does not fit any more: OrderExecution sees to its end.
        case .notFound where order.isRecalled, .unavailable where order.isRecalled: return
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
    func stopIsSet(
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
    func replaceLostStop(
        _ position: inout ManagedPosition,
        _ notice: OrderNotice,
        _ message: Message
    ) throws {
        guard position.trade.state == .filled || position.trade.state == .holding,
            position.trade.heldQuantity > .zero, let stop = position.trade.latest(.stop), stop.state.isTerminal,
            stop.id == notice.order.id
        else { return }
        // OrderExecution tells of it again when the broker has said that there is something to protect.
        guard position.trade.sellableQuantity > .zero, !position.trade.sales.isAsking else { return }
        guard stop.state != .rejected, stop.id.attempt < self.maximumStopAttempts else {
            return try self.stopRefused(stop, notice.reason ?? stop.state.rawValue, &position, message)
        }
        position.note(Note(.error, "a stop was lost and is replaced", ["order.id": "\(stop.id)"]))
        self.setStopLoss(&position, at: message.timestamp, causedBy: message)
    }
}
