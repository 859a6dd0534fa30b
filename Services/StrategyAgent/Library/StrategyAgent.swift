import Tracing
package import TradingCore

/// Scans completed bars, plans entries and decides when a position has been held long enough. Nothing else: what may
/// be bought and how much is Risk's to say.
package struct StrategyAgent<S: Strategy>: Judgement {
    package let agent = AgentName.strategy
    private let strategy: S
    private let timeframe: Timeframe
    private let seed: String
    /// The parameters as text: a state that grew under others is begun anew.
    private let fingerprint: String
    private let speaker = Speaker(.strategy)

    /// `seed` keeps the trace ids of two installations apart.
    package init(strategy: S, parameters: StrategyParameters, timeframe: Timeframe, seed: String) {
        self.strategy = strategy
        self.fingerprint = parameters.values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            .joined(separator: ",")
        self.timeframe = timeframe
        self.seed = seed
    }

    package func reads(for input: Input, given documents: Documents) throws -> [DocumentKey] {
        guard case .message(let message) = input else { return [] }
        switch message.body {
        case .barsReceived(let received): return [self.key(received.symbol)]
        case .candidateFound: return try [Trade.key(message.requiredTradeID), MarketClock.key]
        case .positionOpened(let notice): return try [self.key(notice.symbol), Trade.key(message.requiredTradeID)]
        case .positionClosed(let closed): return [self.key(closed.symbol)]
        case .tradeRejected(let breach): return breach.symbol.map { [self.key($0)] } ?? []
        case .orderCancelled(let notice), .orderRejected(let notice):
            return notice.role == .entry ? [self.key(notice.order.terms.symbol)] : []
        case .marketStatus(let status) where status.isTransition && !status.isOpen:
            guard documents.hasRead(Account.key) else { return [Account.key] }
            let account: Versioned<Account>? = try documents.find(Account.key)
            return (account?.value.symbolsWithOpenTrades ?? []).map(self.key)
        default: return []
        }
    }

    package func decide(_ input: Input, given documents: Documents) throws -> Decision {
        guard case .message(let message) = input else { return Decision() }
        switch message.body {
        case .barsReceived(let received): return try self.scanCandidates(received, message, documents)
        case .candidateFound(let candidate): return try self.evaluateSetup(candidate, message, documents)
        case .marketStatus(let status) where status.isTransition && !status.isOpen:
            return try self.managePositions(status, message, documents)
        case .positionOpened(let notice):
            let isOver = try documents.trade(message.requiredTradeID).value.state.isTerminal
            var decision = try self.update(notice.symbol, documents) { record in
                // An entry that was given up may have bought shares all the same.
                if record.trade == nil, !isOver { record.trade = message.tradeID }
                guard record.trade == message.tradeID, record.entryDate == nil else { return }
                record.entryDate = NewYorkTime.date(of: message.timestamp)
                record.sessionsHeld = 0
            }
            let record: Versioned<SymbolRecord<S.State>>? = try documents.find(self.key(notice.symbol))
            if !isOver, let other = record?.value.trade, other != message.tradeID {
                decision.notes.append(
                    Note(
                        .error,
                        "a second position in one symbol: it has its stop and target, and no exit by the strategy",
                        ["trade.symbol": "\(notice.symbol)", "trade_id": "\(message.tradeID?.rawValue ?? "")"]
                    )
                )
            }
            return decision
        case .positionClosed(let closed): return try self.forget(closed.symbol, message, documents)
        case .tradeRejected(let breach):
            guard let symbol = breach.symbol else { return Decision() }
            return try self.forget(symbol, message, documents)
        case .orderCancelled(let notice), .orderRejected(let notice):
            guard notice.role == .entry else { return Decision() }
            return try self.forget(notice.order.terms.symbol, message, documents)
        default: return Decision()
        }
    }

    private func scanCandidates(
        _ received: BarsReceived,
        _ message: Message,
        _ documents: Documents
    ) throws -> Decision {
        var decision = Decision()
        guard !received.isHistorical, received.timeframe == self.timeframe else { return decision }
        var record: Versioned<SymbolRecord<S.State>> = try documents.find(
            self.key(received.symbol),
            orNew: SymbolRecord(state: self.strategy.initialState, parameters: self.fingerprint)
        )
        if record.value.parameters != self.fingerprint {
            record.value.state = self.strategy.initialState
            record.value.parameters = self.fingerprint
        }
        // A bar that was seen before says nothing new, and observing it twice would bend the indicators.
        let news = received.bars.filter { bar in record.value.lastBar.map { bar.timestamp > $0 } ?? true }
        guard let bar = news.last else { return decision }
        for bar in news { self.strategy.observe(bar, state: &record.value.state) }
        record.value.lastBar = bar.timestamp
        let scan = ScanResult(
            symbol: received.symbol,
            strategy: S.name,
            barTimestamp: bar.timestamp,
            close: bar.close
        )
        decision.messages.append(
            self.speaker.say(
                .scanStarted(scan),
                at: message.timestamp,
                about: "\(received.symbol) \(bar.timestamp)",
                causedBy: message
            )
        )
        let isCandidate = withSpan("strategy.evaluate_criteria") { span in
            let isCandidate = record.value.trade == nil && self.strategy.isCandidate(bar, state: record.value.state)
            span.attributes["strategy.is_candidate"] = isCandidate
            return isCandidate
        }
        if isCandidate {
            let id = TradeID(symbol: received.symbol, signaledAt: message.timestamp)
            var trade = Trade(
                id: id,
                symbol: received.symbol,
                strategy: S.name,
                traceID: TraceID(seed: self.seed, trade: id),
                signaledAt: message.timestamp
            )
            let found = self.speaker.say(
                .candidateFound(scan),
                trade: trade,
                at: message.timestamp,
                causedBy: message
            )
            let step = try trade.transition(
                to: .setupDetected,
                on: .candidateFound,
                at: message.timestamp,
                message: found.id
            )
            decision.write(
                Versioned(new: Trade.key(id), value: trade),
                history: [step]
            )
            decision.messages.append(found)
            record.value.trade = id
        }
        decision.write(record)
        return decision
    }

    private func evaluateSetup(
        _ candidate: ScanResult,
        _ message: Message,
        _ documents: Documents
    ) throws -> Decision {
        var decision = Decision()
        var trade = try documents.trade(message.requiredTradeID)
        guard trade.value.state == .setupDetected, trade.value.plan == nil else { return decision }
        var plan = try self.strategy.plan(for: candidate)
        plan.session = self.session(try documents.find(MarketClock.key, as: MarketClock.self)?.value)
        trade.value.plan = plan
        decision.write(trade, history: [])
        decision.messages.append(
            self.speaker.say(
                .entrySignal(EntrySignal(symbol: candidate.symbol, plan: plan)),
                trade: trade.value,
                at: message.timestamp,
                causedBy: message
            )
        )
        return decision
    }

    /// A daily bar is complete only when its session is over.
    private func session(_ clock: MarketClock?) -> EntrySession {
        if self.timeframe == .day { return .next }
        return self.strategy.entersNextSession && clock?.isOpen == false ? .next : .current
    }

    private func managePositions(
        _ status: MarketStatus,
        _ message: Message,
        _ documents: Documents
    ) throws -> Decision {
        var decision = Decision()
        let account: Versioned<Account>? = try documents.find(Account.key)
        for symbol in account?.value.symbolsWithOpenTrades ?? [] {
            guard var record: Versioned<SymbolRecord<S.State>> = try documents.find(self.key(symbol)),
                let trade = record.value.trade, let entryDate = record.value.entryDate,
                status.sessionDate > entryDate, record.value.lastSession.map({ status.sessionDate > $0 }) ?? true
            else { continue }
            record.value.sessionsHeld += 1
            record.value.lastSession = status.sessionDate
            let position = HeldPosition(
                symbol: symbol,
                entryDate: entryDate,
                sessionsHeld: record.value.sessionsHeld
            )
            if !record.value.exitSignaled, let reason = self.strategy.exitReason(for: position) {
                record.value.exitSignaled = true
                let signal = Message(
                    timestamp: message.timestamp,
                    traceID: TraceID(seed: self.seed, trade: trade),
                    body: .exitSignal(ExitSignal(symbol: symbol, reason: reason)),
                    source: self.agent.source,
                    correlationID: message.correlationID,
                    tradeID: trade,
                    id: Speaker.id(.exitSignal, trade: trade),
                    causationID: message.id
                )
                decision.messages.append(signal)
            }
            decision.write(record)
        }
        return decision
    }

    /// The trade is over: the symbol may be scanned again.
    private func forget(_ symbol: Symbol, _ message: Message, _ documents: Documents) throws -> Decision {
        try self.update(symbol, documents) { record in
            guard record.trade == message.tradeID else { return }
            record.trade = nil
            record.entryDate = nil
            record.sessionsHeld = 0
            record.lastSession = nil
            record.exitSignaled = false
        }
    }

    private func update(
        _ symbol: Symbol,
        _ documents: Documents,
        _ change: (inout SymbolRecord<S.State>) -> Void
    ) throws -> Decision {
        var decision = Decision()
        guard var record: Versioned<SymbolRecord<S.State>> = try documents.find(self.key(symbol)) else {
            return decision
        }
        change(&record.value)
        decision.write(record)
        return decision
    }

    private func key(_ symbol: Symbol) -> DocumentKey { DocumentFamily.strategyRecords.key("\(S.name):\(symbol)") }
}

/// What the agent remembers of one symbol.
struct SymbolRecord<State: JSONCodable & Sendable>: JSONCodable, Sendable {
    var state: State
    /// The strategy's parameters under which `state` grew.
    var parameters: String
    /// The newest bar taken in.
    var lastBar: Timestamp?
    /// The trade under way.
    var trade: TradeID?
    /// The session in which its entry was filled.
    var entryDate: CalendarDate?
    var sessionsHeld = 0
    /// The newest session counted in `sessionsHeld`.
    var lastSession: CalendarDate?
    var exitSignaled = false

    init(state: State, parameters: String) {
        self.state = state
        self.parameters = parameters
    }

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(state: try object.value("state"), parameters: try object.value("parameters"))
        self.lastBar = try object.optional("last_bar")
        self.trade = try object.optional("trade_id")
        self.entryDate = try object.optional("entry_date")
        self.sessionsHeld = try object.value("sessions_held")
        self.lastSession = try object.optional("last_session")
        self.exitSignaled = try object.value("exit_signaled")
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("state", self.state)
            $0.field("parameters", self.parameters)
            $0.field("last_bar", self.lastBar)
            $0.field("trade_id", self.trade)
            $0.field("entry_date", self.entryDate)
            $0.field("sessions_held", self.sessionsHeld)
            $0.field("last_session", self.lastSession)
            $0.field("exit_signaled", self.exitSignaled)
        }
    }
}
