import MessageBus
import TradingCore

extension OperatorDesk {
    /// The newest, oldest first.
    func deadLetters(limit: Int) throws -> [StoredDeadLetter] {
        try self.bus.tail(of: .deadLetter, limit: limit).map { StoredDeadLetter(id: $0.id, entry: $0.body) }
    }

    /// - Throws: `CommandFailure` if there is no such letter.
    func deadLetter(_ id: String) throws -> StoredDeadLetter {
        guard let entry = try self.bus.entry(id, of: .deadLetter) else { throw self.missing(id) }
        return StoredDeadLetter(id: id, entry: entry)
    }

    /// What giving the letter back would mean.
    ///
    /// - Throws: `CommandFailure` if there is no such letter, or it cannot be given back.
    package func deadLetterReturn(_ id: String) throws -> DeadLetterReturn {
        let letter = try self.deadLetter(id)
        guard let back = DeadLetterReturn(letter) else {
            throw CommandFailure(
                .failed,
                "The letter \(id) cannot be given back, only discarded: \(letter.reason)."
            )
        }
        return back
    }

    /// Gives the message back to the agent that set it aside, and takes the letter away, in one step.
    package func replay(_ back: DeadLetterReturn) throws -> DeadLetterFate {
        let (id, body) = (back.letter.id, Array(back.body.utf8))
        guard try self.bus.remove(id, of: .deadLetter, appending: body, to: back.destination) else {
            throw self.missing(id)
        }
        return DeadLetterFate(letter: back.letter, destination: back.destination)
    }

    package func discardDeadLetter(_ id: String) throws -> DeadLetterFate {
        let letter = try self.deadLetter(id)
        guard try self.bus.remove(id, of: .deadLetter) else { throw self.missing(id) }
        return DeadLetterFate(letter: letter, destination: nil)
    }

    private func missing(_ id: String) -> CommandFailure {
        CommandFailure(.notFound, "There is no dead letter \(id). `tradectl deadletters list` lists them.")
    }
}
