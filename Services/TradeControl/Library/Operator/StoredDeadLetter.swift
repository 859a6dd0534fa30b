package import TradingCore

/// A message that an agent has set aside, as it lies in the stream of dead letters.
package struct StoredDeadLetter: Hashable, Sendable, JSONEncodable {
    /// The entry's id, which names the letter.
    package var id: String
    /// Nil where the letter itself cannot be read.
    package var agent: AgentName?
    /// Where the message had been.
    package var stream: StreamName?
    /// How often it was handed out.
    package var deliveries: Int?
    package var reason: String
    /// The message as it was.
    package var body: String?

    package init(id: String, entry: [UInt8]) {
        self.id = id
        do {
            let object = try JSONObject(try JSONValue(parsing: entry))
            self.agent = AgentName(rawValue: try object.value("agent", as: String.self))
            self.stream = StreamName(rawValue: try object.value("stream"))
            self.deliveries = try object.optional("deliveries")
            self.reason = try object.value("reason")
            self.body = try object.value("body", as: String.self)
        } catch {
            self.reason = "this letter cannot be read: \(error)"
        }
    }

    /// Nil where the message cannot be read.
    var message: Message? { self.body.flatMap { try? Message(decoding: Array($0.utf8)) } }

    /// Where the message is put for the agent alone that set it aside: its lane's calls, or what it is given back. Nil if
    /// the letter does not say whose it was; for what is no call of the lane it is said to have been on; and for a message
    /// that stood where it does not belong, since given back it would count as the operator's word.
    package var destination: StreamName? {
        guard let agent, let stream else { return nil }
        if let lane = agent.lanes.first(where: { agent.callStream($0) == stream }) {
            guard case .brokerCallRequested(let call)? = self.message?.body, call.lane == lane else { return nil }
            return stream
        }
        if let message = self.message, !agent.expects(message.event, on: stream) { return nil }
        return agent.replays
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", self.id)
            $0.field("agent", self.agent?.rawValue)
            $0.field("stream", self.stream?.rawValue)
            $0.field("deliveries", self.deliveries)
            $0.field("reason", self.reason)
            $0.field("body", self.body)
        }
    }
}

/// The dead letters, oldest first.
package struct DeadLetterList: OperatorAnswer {
    package var letters: [StoredDeadLetter]

    /// The newest `limit`.
    package init(reading desk: OperatorDesk, limit: Int) throws {
        self.letters = try desk.deadLetters(limit: limit)
    }

    package var text: String {
        guard !self.letters.isEmpty else { return "No dead letters.\n" }
        var table = TextTable(.left("LETTER"), .left("AGENT"), .left("STREAM"), .right("HANDED OUT"), .left("REASON"))
        for letter in self.letters {
            table.add(
                letter.id,
                letter.agent?.rawValue ?? "-",
                letter.stream?.rawValue ?? "-",
                letter.deliveries.map(String.init) ?? "-",
                letter.reason.count > 120 ? letter.reason.prefix(119) + "…" : letter.reason
            )
        }
        return table.text
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("dead_letters", self.letters) }
    }
}

/// One dead letter, whole.
package struct DeadLetterRecord: OperatorAnswer {
    package var letter: StoredDeadLetter

    package init(reading desk: OperatorDesk, _ id: String) throws {
        self.letter = try desk.deadLetter(id)
    }

    package var text: String {
        var facts = TextTable(.left("LETTER"), .left(self.letter.id))
        facts.add("agent", self.letter.agent?.rawValue ?? "-")
        facts.add("stream", self.letter.stream?.rawValue ?? "-")
        facts.add("handed out", self.letter.deliveries.map(String.init) ?? "-")
        facts.add("reason", self.letter.reason)
        return facts.text + (self.letter.body.map { "\n\($0)\n" } ?? "")
    }

    package func write(to writer: inout JSONWriter) { self.letter.write(to: &writer) }
}

/// What became of a dead letter.
package struct DeadLetterFate: OperatorAnswer {
    package var letter: StoredDeadLetter
    /// Where its message went; nil if it is gone for good.
    package var destination: StreamName?

    package var text: String {
        guard let destination, let agent = self.letter.agent else {
            return "Discarded \(self.letter.id): \(self.letter.reason)\n"
        }
        return
            "Put the message of \(self.letter.id) on \(destination) for \(agent), and removed the letter. If it fails "
            + "again it comes back as another.\n"
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("id", self.letter.id)
            $0.field("done", self.destination == nil ? "discarded" : "replayed")
            $0.field("agent", self.letter.agent?.rawValue)
            $0.field("stream", self.destination?.rawValue)
        }
    }
}
