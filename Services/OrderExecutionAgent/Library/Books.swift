import TradingCore

/// The documents one decision works on, and what it has come to so far.
struct Books {
    private let documents: Documents
    private var trades: [TradeID: OpenTrade] = [:]
    private let unchangedAccount: Account?
    var account: Versioned<Account>?
    private let unchangedWatch: BrokerQuestion?
    var watch: Versioned<BrokerQuestion>
    private let unchangedHoldings: HoldingsWatch?
    var holdings: Versioned<HoldingsWatch>
    /// What the broker holds is to be asked for.
    var isInDoubt = false
    private var messages: [Message] = []
    private var notes: [Note] = []

    init(_ documents: Documents) throws {
        self.documents = documents
        self.account = try documents.find(Account.key)
        self.unchangedAccount = self.account?.value
        let watch: Versioned<BrokerQuestion>? = try documents.find(BrokerQuestion.key)
        self.unchangedWatch = watch?.value
        self.watch = watch ?? Versioned(new: BrokerQuestion.key, value: BrokerQuestion())
        let holdings: Versioned<HoldingsWatch>? = try documents.find(HoldingsWatch.key)
        self.unchangedHoldings = holdings?.value
        self.holdings = holdings ?? Versioned(new: HoldingsWatch.key, value: HoldingsWatch())
    }

    var openTrades: [TradeID] { self.account?.value.openTrades.keys.sorted() ?? [] }

    func trade(_ id: TradeID) throws -> OpenTrade {
        try self.trades[id] ?? OpenTrade(self.documents.trade(id))
    }

    /// One that cannot be read is left out: no other has to wait for it. ProtectionWatch and the comparison with the
    /// broker tell people of it.
    var readableTrades: [OpenTrade] { self.openTrades.compactMap { try? self.trade($0) } }

    /// Symbols of which an open trade cannot be read, with its id.
    var unreadableSymbols: [Symbol: TradeID] {
        guard let open = self.account?.value.openTrades else { return [:] }
        return Dictionary(
            open.sorted { $0.key < $1.key }.filter { (try? self.trade($0.key)) == nil }.map { ($0.value, $0.key) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    mutating func put(_ trade: OpenTrade) {
        self.trades[trade.trade.id] = trade
    }

    mutating func say(_ message: Message) { self.messages.append(message) }
    mutating func note(_ note: Note) { self.notes.append(note) }

    func decision() -> Decision {
        var decision = Decision()
        for (_, trade) in self.trades.sorted(by: { $0.key < $1.key }) {
            trade.write(to: &decision)
        }
        if let account, account.value != self.unchangedAccount { decision.write(account) }
        if self.watch.value != self.unchangedWatch ?? BrokerQuestion() { decision.write(self.watch) }
        if self.holdings.value != self.unchangedHoldings ?? HoldingsWatch() { decision.write(self.holdings) }
        decision.messages = self.messages
        decision.notes = self.notes
        return decision
    }
}
