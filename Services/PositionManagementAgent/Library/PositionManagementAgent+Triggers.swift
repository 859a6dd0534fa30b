import TradingCore

/// What makes a position be sold, beside its stop.
extension PositionManagementAgent {
    func watchTarget(_ quote: Quote, _ documents: Documents) throws -> Decision {
        let watches: Versioned<TargetWatches>? = try documents.find(TargetWatches.key(quote.symbol))
        guard let watch = watches?.value.hit(by: quote) else { return Decision() }
        var position = try ManagedPosition(watch.trade, documents)
        guard position.trade.state == .holding else { return Decision() }
        guard try Self.isGood(quote, documents) else { return Decision() }
        try self.targetHit(&position, by: quote)
        return position.decision()
    }

    /// What is known of a symbol's price, if that may have triggered something.
    func quote(_ symbol: Symbol, _ documents: Documents) throws -> Quote? {
        guard let quote = try documents.quote(symbol), try Self.isGood(quote, documents) else { return nil }
        return quote
    }

    /// A quote from before the data stream was connected may have been overtaken unseen.
    private static func isGood(_ quote: Quote, _ documents: Documents) throws -> Bool {
        let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
        return clock?.value.streamConnectedAt.map { quote.timestamp >= $0 } ?? true
    }

    func targetHit(_ position: inout ManagedPosition, by quote: Quote) throws {
        guard let plan = position.trade.plan else { return }
        let hit = self.speaker.say(
            .targetHit(self.notice(position.trade, plan, price: quote.bid)),
            trade: position.trade,
            at: quote.timestamp
        )
        position.trade.exitReason = .target
        try position.step(to: .exitTriggered, on: .targetHit, at: quote.timestamp, message: hit.id)
        position.say(hit)
        position.stopWatching()
    }

    /// The strategy wants to be out, or an operator does.
    func beginWantedExit(_ position: inout ManagedPosition, _ message: Message) throws {
        switch position.trade.state {
        case .holding: break
        case .filled: throw NotYet("the position's stop is still on its way")
        // Something else ended it first.
        case .exitTriggered, .orderClosing, .closed: return
        default:
            throw InvalidTransition(
                from: position.trade.state.rawValue,
                to: TradeState.exitTriggered.rawValue,
                trigger: message.event.rawValue
            )
        }
        position.trade.exitReason = message.isOperators ? .operator : .strategy
        try position.step(to: .exitTriggered, on: .exitSignal, at: message.timestamp, message: message.id)
        position.stopWatching()
        guard case .exitSignal(let signal) = message.body else { return }
        position.say(
            self.speaker.say(
                .exitRequested(signal),
                trade: position.trade,
                at: message.timestamp,
                causedBy: message
            )
        )
    }
}
