import MessageBus
package import TradingCore

/// What giving a dead letter back means. Every agent may write dead letters, so a person has to look at it first.
package struct DeadLetterReturn {
    package let letter: StoredDeadLetter
    package let destination: StreamName
    let agent: AgentName
    let body: String

    /// Nil if the letter cannot be given back.
    init?(_ letter: StoredDeadLetter) {
        guard let agent = letter.agent, let destination = letter.destination, let body = letter.body else { return nil }
        self.letter = letter
        self.destination = destination
        self.agent = agent
        self.body = body
    }

    /// Everything that the message says, such as how many shares an approval is for.
    private var data: String {
        let data = (try? JSONValue(parsing: Array(self.body.utf8)))?["data"]
        return data.map { String(decoding: JSONWriter.bytes($0), as: UTF8.self) } ?? "nothing"
    }

    /// Whole lines.
    package var text: String {
        var facts = TextTable(.left("LETTER"), .left(self.letter.id))
        facts.add("for", "\(self.agent.rawValue), on \(self.destination)")
        guard let message = self.letter.message else {
            facts.add("event", "none that can be read")
            return facts.text
        }
        facts.add("event", message.event.rawValue)
        facts.add("trade", message.tradeID?.rawValue ?? "-")
        facts.add("says", self.data)
        if case .brokerCallRequested(let call) = message.body {
            facts.add("call", call.name)
            for id in call.orders { facts.add("order", "\(id)") }
            if case .place(let terms) = call.operation { facts.add("terms", terms.summary) }
        }
        return facts.text
    }
}
