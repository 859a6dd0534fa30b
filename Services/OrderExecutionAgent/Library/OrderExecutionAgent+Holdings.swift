package import TradingCore

/// The broker is the truth: what it holds is held against the ledger at every start, every reconnect and every close, and
/// every minute while there are positions. A symbol with shares or orders that no trade accounts for takes no entries
/// until both agree again. Nothing is sold for it; what rests to be sold is made to fit what the broker holds.
extension OrderExecutionAgent {
    package var readinessReads: [DocumentKey] { [HoldingsWatch.key, Account.key] }

    package func obstacle(given documents: Documents) throws -> String? {
        let watch = try documents.find(HoldingsWatch.key, orNew: HoldingsWatch()).value
        guard watch.isPending else { return nil }
        guard try documents.find(Account.key, as: Account.self) != nil else {
            return "risk-management-agent has not read the account from the broker yet"
        }
        return watch.suspicions.isEmpty
            ? "the broker has not said yet what it holds"
            : "broker and ledger do not agree yet about \(watch.suspicions.keys.sorted().map(\.rawValue))"
    }

    /// After a start and a reconnect: whatever the broker's stream said while nobody listened is asked for.
    func compareAnew(_ books: inout Books, _ documents: Documents) throws {
        books.holdings.value.isPending = true
        try self.wantOpenOrders(&books, documents)
        try self.wantHoldings(&books, documents)
    }

    /// A comparison that is due is seen to; while there are positions, or a frozen symbol, the next is due after a minute
    /// or so.
    func pollHoldings(_ books: inout Books, _ documents: Documents) throws {
        let isFrozen = books.account?.value.frozenSymbols.isEmpty == false
        let isHolding = books.account?.value.positions.isEmpty == false
        guard books.holdings.value.isPending || isFrozen || isHolding else { return }
        books.holdings.value.pollsSince += 1
        guard books.holdings.value.isPending || books.holdings.value.pollsSince >= Self.pollsBetweenLooks else {
            return
        }
        try self.wantHoldings(&books, documents, isPoll: true)
    }

    private static let pollsBetweenLooks = 4

    /// Asks what the broker holds, unless that is under way.
    func wantHoldings(_ books: inout Books, _ documents: Documents, isPoll: Bool = false) throws {
        guard books.holdings.value.question.wants(poll: isPoll) else { return }
        try self.askForHoldings(&books, documents)
    }

    private func askForHoldings(_ books: inout Books, _ documents: Documents, delaySeconds: Int = 0) throws {
        let clock: Versioned<MarketClock>? = try documents.find(MarketClock.key)
        // Before the market was first looked at there is no trade whose executions could have been missed.
        let now = clock?.value.lastBoundary
        let call = BrokerCall(
            .holdings(since: books.holdings.value.comparedThrough ?? now),
            lane: .account,
            delaySeconds: delaySeconds
        )
        books.say(
            self.speaker.say(
                .brokerCallRequested(call),
                at: now ?? Timestamp(seconds: 0),
                about: "\(call.subject) \(books.holdings.version) \(delaySeconds)"
            )
        )
        books.holdings.value.question.asked()
    }

    func take(
        _ holdings: BrokerHoldings,
        _ message: Message,
        _ books: inout Books,
        _ documents: Documents
    ) throws {
        guard let account = books.account?.value else {
            throw NotYet("the account has not been read from the broker yet")
        }
        let (_, isDueAgain) = books.holdings.value.question.answered()
        let comparison = HoldingsComparison(
            holdings,
            account: account,
            trades: books.readableTrades.map(\.trade),
            unreadable: books.unreadableSymbols
        )
        for id in comparison.filledLate {
            try self.look(for: id, about: "late \(message.id)", &books, at: message.timestamp, causedBy: message)
        }
        let suspicions = books.holdings.value.suspicions
        let confirmed = comparison.disagreements.filter { symbol, reason in
            guard let suspicion = suspicions[symbol] else { return false }
            return suspicion.reason == reason || suspicion.looks + 1 >= HoldingsWatch.Suspicion.patience
        }
        self.freeze(confirmed, disagreements: comparison.disagreements, &books)
        // Other shares each time are a fill under way: reason enough to buy nothing more, and none to lift a stop.
        let symbols = Set(comparison.disagreements.filter { suspicions[$0]?.reason == $1 }.keys)
        try self.fitTrades(to: holdings, confirmed: symbols, isNewest: !isDueAgain, message, &books)
        books.holdings.value.suspicions = comparison.disagreements.reduce(into: [:]) { suspected, disagreement in
            let looks = (suspicions[disagreement.key]?.looks ?? 0) + 1
            suspected[disagreement.key] = HoldingsWatch.Suspicion(reason: disagreement.value, looks: looks)
        }
        if confirmed.count < comparison.disagreements.count {
            // Fills may be under way: they are asked for, and then everything is looked at again.
            try self.wantOpenOrders(&books, documents)
            try self.askForHoldings(&books, documents, delaySeconds: 1)
        } else {
            books.holdings.value.isPending = false
            books.holdings.value.pollsSince = 0
            // A question from before the market was first looked at has no market time.
            if message.timestamp > Timestamp(seconds: 0) { books.holdings.value.comparedThrough = message.timestamp }
            if isDueAgain { try self.askForHoldings(&books, documents) }
        }
    }

    private func freeze(_ confirmed: [Symbol: String], disagreements: [Symbol: String], _ books: inout Books) {
        let frozen = books.account?.value.frozenSymbols ?? [:]
        for (symbol, reason) in confirmed.sorted(by: { $0.key < $1.key }) where frozen[symbol] != reason {
            books.account?.value.frozenSymbols[symbol] = reason
            books.note(
                Note(
                    .error,
                    "no entries in this symbol until broker and ledger agree: see to what is not this system's at the "
                        + "broker",
                    ["symbol": symbol.rawValue, "reason": reason]
                )
            )
        }
        for symbol in frozen.keys.sorted() where disagreements[symbol] == nil {
            books.account?.value.frozenSymbols[symbol] = nil
            books.note(Note(.info, "broker and ledger agree again", ["symbol": symbol.rawValue]))
        }
    }
}
