import TradingCore

/// A trade under change, and what the decision about it has come to so far.
struct ManagedPosition {
    private var open: OpenTrade
    private var watches: Versioned<TargetWatches>
    private let unchangedWatches: TargetWatches
    private var result = Decision()

    init(_ id: TradeID, _ documents: Documents) throws {
        let trade = try documents.trade(id)
        self.open = OpenTrade(trade)
        self.watches = try documents.find(TargetWatches.key(trade.value.symbol), orNew: TargetWatches())
        self.unchangedWatches = self.watches.value
    }

    var trade: Trade {
        get { self.open.trade }
        set { self.open.trade = newValue }
    }

    mutating func step(
        to state: TradeState,
        on trigger: TradeTrigger,
        at timestamp: Timestamp,
        message: MessageID
    ) throws(InvalidTransition) {
        try self.open.step(to: state, on: trigger, at: timestamp, message: message)
    }

    mutating func say(_ message: Message) { self.result.messages.append(message) }
    mutating func note(_ note: Note) { self.result.notes.append(note) }

    mutating func watch(_ watch: TargetWatch) { self.watches.value.set(watch) }
    mutating func stopWatching() { self.watches.value.remove(self.trade.id) }

    func decision() -> Decision {
        var decision = self.result
        self.open.write(to: &decision)
        if self.watches.value != self.unchangedWatches { decision.write(self.watches) }
        return decision
    }
}
