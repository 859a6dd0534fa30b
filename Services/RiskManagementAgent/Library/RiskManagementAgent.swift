import Tracing
package import TradingCore

/// Says yes or no to every entry and how large it may be, keeps the account's high-water mark, and stops entries when
/// the account has fallen too far.
package struct RiskManagementAgent: Judgement {
    package let agent = AgentName.riskManagement
    private let limits: RiskLimits
    private let approvalLifetime: Duration
    private let speaker = Speaker(.riskManagement)
    /// The newest that was told. Nil: the broker has none, or nothing was told yet, and that is the first thing told.
    private var login: BrokerLogin?
    /// What was told last; told again after every start.
    private var unprotected: [Symbol] = []

    /// An approval that has not become an order `approvalLifetime` of market time later is void.
    package init(limits: RiskLimits, approvalLifetime: Duration) {
        self.limits = limits
        self.approvalLifetime = approvalLifetime
    }

    package func reads(for input: Input, given documents: Documents) throws -> [DocumentKey] {
        switch input {
        case .login: return [LoginAlarm.key]
        case .unprotected: return []
        default: break
        }
        guard case .message(let message) = input else { return [Account.key] }
        var keys = [Account.key]
        switch message.body {
        case .entrySignal: keys += [try Trade.key(message.requiredTradeID), MarketClock.key, TradingHalt.key]
        case .marketStatus: keys.append(MarketClock.key)
        default: break
        }
        if let account: Versioned<Account> = try documents.find(Account.key) {
            keys += account.value.positions.keys.sorted().map(Quote.key)
        }
        return keys
    }

    package mutating func decide(_ input: Input, given documents: Documents) throws -> Decision {
        switch input {
        case .started:
            guard try documents.find(Account.key, as: Account.self) == nil else { return Decision() }
            return self.readAccount(at: Timestamp(seconds: 0), about: "start")
        case .message(let message):
            switch message.body {
            case .entrySignal(let signal): return try self.approveTrade(signal, message, documents)
            case .marketStatus(let status) where status.isTransition && !status.isOpen:
                return try self.recordEquity(status, message, documents)
            // One that is in the ledger holds until the ledger has it no more, however late its message comes.
            case .tradingHalted(let halt) where halt.since != nil: return Decision()
            case .tradingHalted(let halt): return try self.stopEntries(because: halt.reason, documents)
            case .tradingResumed: return try self.stopEntries(because: nil, documents)
            case .brokerCallCompleted(let answer): return try self.compareAccount(answer, message, documents)
            default: return Decision()
            }
        case .login(let login):
            self.login = login
            return try self.announce(login, documents)
        case .unprotected(let symbols):
            self.unprotected = symbols
            return Decision()
        case .quote, .feed, .poll: return Decision()
        }
    }

    private func approveTrade(_ signal: EntrySignal, _ message: Message, _ documents: Documents) throws -> Decision {
        var trade = try documents.trade(message.requiredTradeID)
        var account = try documents.account()
        let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
        guard let equity = try RiskRules.equity(of: account.value, prices: try self.prices(account.value, documents))
        else { throw NotYet("a held symbol has no price yet") }
        let objection =
            RiskRules.checkHalt(documents.halt)
            ?? Self.objection(to: signal.plan.session, at: message.timestamp, clock?.value)
        switch try objection.map(Result.failure)
            ?? self.verdict(signal, trade.value, account.value, equity: equity)
        {
        case .success(let quantity):
            let reserved = try signal.plan.entryPrice.times(quantity)
            // A session's last bar may end before the session does; by then the market has gone on to its close.
            let approvedAt = max(message.timestamp, clock?.value.lastBoundary ?? message.timestamp)
            let approval = TradeApproval(
                symbol: signal.symbol,
                quantity: quantity,
                plan: signal.plan,
                reservedCash: reserved,
                expiresAt: approvedAt + self.approvalLifetime
            )
            trade.value.quantity = quantity
            account.value.reserve(reserved, for: trade.value.id, symbol: signal.symbol)
            return try self.conclude(
                .tradeApproved(approval),
                to: .entryApproved,
                on: .tradeApproved,
                trade,
                message,
                account
            )
        case .failure(let refusal):
            trade.value.refusal = refusal
            return try self.conclude(
                .tradeRejected(LimitBreach(symbol: signal.symbol, refusal: refusal)),
                to: .scanning,
                on: .tradeRejected,
                trade,
                message,
                nil
            )
        }
    }

    /// What of the market's hours, or of this machine's clock, forbids an entry.
    private static func objection(
        to session: EntrySession,
        at signaledAt: Timestamp,
        _ clock: MarketClock?
    ) -> RiskRefusal? {
        if let reason = session.objection(clock, signaledAt: signaledAt) {
            return RiskRefusal(rule: .marketSession, limit: "the \(session.rawValue) session", value: reason)
        }
        return clock?.clockSkew.map {
            RiskRefusal(rule: .clockSkew, limit: "\(MarketClock.maximumSkew) ms", value: "\($0) ms")
        }
    }

    private func verdict(
        _ signal: EntrySignal,
        _ trade: Trade,
        _ account: Account,
        equity: Money
    ) throws -> Result<Quantity, RiskRefusal> {
        if let refusal = RiskRules.checkLogin(self.login, limits: self.limits) { return .failure(refusal) }
        if let refusal = RiskRules.checkProtection(of: self.unprotected) { return .failure(refusal) }
        let refusal = withSpan("risk.check_limits") { span in
            let refusal = RiskRules.checkLimits(
                signal.plan,
                symbol: signal.symbol,
                trade: trade.id,
                account: account,
                equity: equity,
                limits: self.limits
            )
            if let refusal { span.attributes["risk.refusal"] = "\(refusal)" }
            return refusal
        }
        if let refusal { return .failure(refusal) }
        return try withSpan("risk.calculate_size") { span in
            let size = try RiskRules.calculateSize(
                entryPrice: signal.plan.entryPrice,
                wanted: signal.quantity,
                account: account,
                equity: equity,
                limits: self.limits
            )
            span.attributes["risk.size"] = "\(size)"
            return size
        }
    }

    /// That entries stop for the login's sake is said once for each login, and that they go on again once.
    private func announce(_ login: BrokerLogin, _ documents: Documents) throws -> Decision {
        let announced: Versioned<LoginAlarm>? = try documents.find(LoginAlarm.key)
        var decision = Decision()
        guard let refusal = RiskRules.checkLogin(login, limits: self.limits) else {
            if announced != nil {
                decision.deletes = [LoginAlarm.key]
                decision.notes.append(Note(.info, "entries go on: somebody has logged in", ["login": "\(login)"]))
            }
            return decision
        }
        if let announced, announced.value.endsAt == login.endsAt { return decision }
        decision.puts.append((LoginAlarm.key, JSONWriter.bytes(LoginAlarm(endsAt: login.endsAt))))
        decision.messages.append(
            self.speaker.say(
                .limitExceeded(LimitBreach(symbol: nil, refusal: refusal)),
                at: login.asOf,
                about: "login \(login.endsAt?.description ?? "missing at \(login.asOf)")"
            )
        )
        decision.notes.append(
            Note(.error, "entries stopped: \(login.remedy)", ["risk.reason": "\(refusal)"])
        )
        return decision
    }

    private func conclude(
        _ body: MessageBody,
        to state: TradeState,
        on trigger: TradeTrigger,
        _ trade: Versioned<Trade>,
        _ message: Message,
        _ account: Versioned<Account>?
    ) throws -> Decision {
        var trade = trade
        var decision = Decision()
        let answer = self.speaker.say(body, trade: trade.value, at: message.timestamp, causedBy: message)
        let step = try trade.value.transition(to: state, on: trigger, at: message.timestamp, message: answer.id)
        decision.write(trade, history: [step])
        if let account { decision.write(account) }
        decision.messages.append(answer)
        return decision
    }

    /// After the close: the equity counts towards the high-water mark, and the ledger is held against the broker.
    private func recordEquity(_ status: MarketStatus, _ message: Message, _ documents: Documents) throws -> Decision {
        var account = try documents.account()
        // A closing told twice is old news: equity of the middle of a session must not count.
        if let recorded = account.value.recordedSession, status.sessionDate <= recorded { return Decision() }
        guard let equity = try RiskRules.equity(of: account.value, prices: try self.prices(account.value, documents))
        else { throw NotYet("a held symbol has no price yet") }
        account.value.record(equity: equity)
        account.value.recordedSession = status.sessionDate
        var decision = self.readAccount(at: message.timestamp, about: "\(status.sessionDate)")
        let drawdown = RiskRules.drawdown(of: equity, from: account.value.drawdownPeak)
        if drawdown >= self.limits.drawdown, account.value.entriesStopped == nil {
            let refusal = RiskRefusal(rule: .drawdown, limit: "below \(self.limits.drawdown)", value: "\(drawdown)")
            account.value.entriesStopped = "drawdown of \(drawdown) on \(status.sessionDate)"
            decision.messages.append(
                self.speaker.say(
                    .limitExceeded(LimitBreach(symbol: nil, refusal: refusal)),
                    at: message.timestamp,
                    about: "\(status.sessionDate)",
                    causedBy: message
                )
            )
            decision.notes.append(
                Note(.error, "entries stopped until an operator resumes them", ["risk.reason": "\(refusal)"])
            )
        }
        decision.write(account)
        return decision
    }

    private func stopEntries(because reason: String?, _ documents: Documents) throws -> Decision {
        var account = try documents.account()
        if let reason {
            account.value.entriesStopped = reason
        } else {
            // The end of a halt alone is no reason to measure falls anew.
            guard account.value.entriesStopped != nil else { return Decision() }
            account.value.resumeEntries()
        }
        var decision = Decision()
        decision.write(account)
        return decision
    }

    private func readAccount(at timestamp: Timestamp, about: String) -> Decision {
        var decision = Decision()
        decision.messages.append(
            self.speaker.say(
                .brokerCallRequested(BrokerCall(.account, lane: .account)),
                at: timestamp,
                about: "account \(about)"
            )
        )
        return decision
    }

    private func compareAccount(
        _ answer: BrokerAnswer,
        _ message: Message,
        _ documents: Documents
    ) throws -> Decision {
        var decision = Decision()
        switch answer.outcome {
        case .account(let cash, let equity):
            if let account: Versioned<Account> = try documents.find(Account.key) {
                if account.value.cash != cash {
                    decision.notes.append(
                        Note(
                            .error,
                            "ledger and broker disagree about the cash",
                            ["account.ledger": "\(account.value.cash)", "account.broker": "\(cash)"]
                        )
                    )
                }
            } else {
                var account = Account(cash: cash)
                if equity != cash {
                    let reason =
                        "the broker counts an equity of \(equity) and cash of \(cash): shares, or money tied up, of "
                        + "which this ledger knows nothing"
                    account.entriesStopped = reason
                    decision.notes.append(
                        Note(.error, "entries stopped until an operator resumes them", ["reason": reason])
                    )
                }
                decision.write(Versioned(new: Account.key, value: account))
            }
        case .unavailable(let reason), .unknown(let reason), .refused(_, let reason):
            decision.notes.append(Note(.warning, "the account could not be read", ["broker.reason": reason]))
            decision.messages.append(
                self.speaker.say(
                    .brokerCallRequested(answer.call.again()),
                    at: message.timestamp,
                    about: "account again \(answer.call.attempt) \(message.id)",
                    causedBy: message
                )
            )
        default: break
        }
        return decision
    }

    private func prices(_ account: Account, _ documents: Documents) throws -> [Symbol: Price] {
        let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
        // The broker's answer is on its way, and asked for until it comes.
        if clock?.value.isAwaitingQuotes == true, !account.positions.isEmpty {
            throw NotYet("the quotes are from before the data stream was lost")
        }
        var prices: [Symbol: Price] = [:]
        for symbol in account.positions.keys {
            if let quote = try documents.quote(symbol), quote.isUsable { prices[symbol] = quote.bid }
        }
        return prices
    }
}
