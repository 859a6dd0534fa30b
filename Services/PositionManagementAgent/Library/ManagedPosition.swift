import TradingCore

/// A trade under change, and what the decision about it has come to so far.
struct ManagedPosition {
    private var open: OpenTrade
    private var result = Decision()

    init(_ document: Versioned<Trade>) {
        self.open = OpenTrade(document)
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
    mutating func tell(_ agent: AgentName, _ message: Message) { self.result.privateMessages.append((agent, message)) }
    mutating func note(_ note: Note) { self.result.notes.append(note) }

    mutating func watch(_ watch: TargetWatch) {
        self.result.puts.append((TargetWatch.key(self.trade.symbol), JSONWriter.bytes(watch)))
    }

    mutating func stopWatching() {
        let key = TargetWatch.key(self.trade.symbol)
        self.result.puts.removeAll { $0.key == key }
        self.result.deletes.append(key)
    }

    func decision() -> Decision {
        var decision = self.result
        self.open.write(to: &decision)
        return decision
    }
}
