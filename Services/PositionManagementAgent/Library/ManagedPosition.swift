import TradingCore

/// A trade under change, and what the decision about it has come to so far.
struct ManagedPosition {
    private let document: Versioned<Trade>
    var trade: Trade
    private var steps: [Transition] = []
    private var result = Decision()

    init(_ document: Versioned<Trade>) {
        self.document = document
        self.trade = document.value
    }

    mutating func step(
        to state: TradeState,
        on trigger: TradeTrigger,
        at timestamp: Timestamp,
        message: MessageID
    ) throws(InvalidTransition) {
        self.steps.append(try self.trade.transition(to: state, on: trigger, at: timestamp, message: message))
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
        if self.trade != self.document.value {
            var changed = self.document
            changed.value = self.trade
            decision.write(changed, history: self.steps)
        }
        return decision
    }
}
