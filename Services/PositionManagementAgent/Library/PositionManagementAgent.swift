package import TradingCore

/// Protects every position from the moment its fill is known, watches its target, recognises that its stop was hit,
/// and reckons what it came to.
package struct PositionManagementAgent: Judgement {
    package let agent = AgentName.positionManagement
    let speaker = Speaker(.positionManagement)
    /// How far below the fill the stop goes when the fill is already at or below the planned stop.
    private let gapStopDistance: Rate
    /// After so many stops that were lost, the position is sold instead.
    let maximumStopAttempts: Int
    /// After so many attempts to reach the broker, a second apart, the position is sold instead. To outlast the time for
    /// which a breaker rests.
    let maximumSendAttempts: Int
    let tickRule: TickRule

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
        case .started, .feed, .poll, .login, .unprotected: return []
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
        case .started, .feed, .poll, .login, .unprotected: return Decision()
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
            case .exitSignal: try self.beginWantedExit(&position, message)
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
            position.say(
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

    func call(
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
