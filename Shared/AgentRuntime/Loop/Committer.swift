import Logging
import MessageBus
import Telemetry
import TradingCore

/// Carries one input through an agent's judgement into one commit: reads what the judgement asks for, lets it decide,
/// and applies the decision all or nothing. Belongs to the agent's thread.
final class Committer {
    private let agent: AgentName
    private let bus: any MessageBus
    private var judgement: any Judgement
    private let logger: Logger
    private let outcomes: OutcomeCounters
    private let journal: Journal
    private var repetitions = RepetitionFilter()

    /// How often a decision is taken anew because somebody else changed a document meanwhile.
    private static let maximumConflicts = 100
    /// How often one document may lead to another.
    private static let maximumReadingRounds = 4

    init(judgement: any Judgement, bus: any MessageBus, journal: Journal, logger: Logger) {
        self.agent = judgement.agent
        self.journal = journal
        self.judgement = judgement
        self.bus = bus
        self.logger = logger
        self.outcomes = OutcomeCounters()
    }

    /// Handles one delivery to its end. Throws `NotYet` when it has to be tried again later and `MessageBusError` when
    /// the bus is in the way; everything else that goes wrong ends in the dead letters.
    func handle(_ delivery: Delivery, maximumDeliveries: Int) throws {
        guard delivery.deliveryCount <= maximumDeliveries else {
            return try self.setAside(delivery, "handling failed \(delivery.deliveryCount - 1) times")
        }
        let message: Message
        do {
            message = try Message(decoding: delivery.body)
        } catch {
            return try self.setAside(delivery, "\(error)")
        }
        guard self.agent.expects(message.event, on: delivery.stream) else {
            let reason = "\(message.event.rawValue) does not belong on this stream: somebody has put it there"
            return try self.setAside(delivery, reason)
        }
        let started = ContinuousClock.now
        do {
            try self.process(.message(message), acknowledging: delivery.input(of: self.agent))
        } catch let error as MessageBusError {
            throw error
        } catch let error as NotYet {
            self.outcomes.count(.message(message), .deferred, since: started)
            throw error
        } catch {
            try self.setAside(delivery, "\(error)")
            self.outcomes.count(.message(message), .deadLetter, since: started)
        }
    }

    /// Decides about one input and commits. Throws what the judgement throws, and `MessageBusError`.
    func process(_ input: Input, acknowledging acknowledgement: Acknowledgement? = nil) throws {
        let started = ContinuousClock.now
        for _ in 0..<Self.maximumConflicts {
            let documents = try self.read(for: input)
            // What it keeps in memory counts only when the ledger has taken the decision.
            var judgement = self.judgement
            let step = self.journal.begin()
            let decision = try step.tracing { try judgement.decide(input, given: documents) }
            for quote in decision.quotes {
                guard case .quoteUpdated(let body) = quote.body else { continue }
                _ = try self.bus.publishQuote(
                    key: Quote.key(body.symbol),
                    version: body.timestamp.microseconds,
                    body: quote.encoded(),
                    channel: EventName.quoteUpdated.rawValue
                )
            }
            var commit = self.commit(decision, acknowledging: acknowledgement)
            let scope = step.record(decision, on: input, in: &commit)
            switch commit.isEmpty ? .committed : try self.bus.commit(commit) {
            case .committed:
                self.judgement = judgement
                if !commit.isEmpty { self.outcomes.countCommit() }
                self.log(decision.notes, input, scope)
                return self.outcomes.count(input, .committed, since: started)
            case .alreadyAcknowledged: return self.outcomes.count(input, .duplicate, since: started)
            case .conflict: self.outcomes.countConflict()
            }
        }
        throw NotYet("others kept changing the same documents")
    }

    private func read(for input: Input) throws -> Documents {
        var documents = Documents()
        for _ in 0..<Self.maximumReadingRounds {
            let keys = try self.judgement.reads(for: input, given: documents).filter { !documents.hasRead($0) }
            guard !keys.isEmpty else { return documents }
            for (key, stored) in zip(keys, try self.bus.load(keys)) {
                // Without the account nothing can be judged: everything waits until it is restored, and nothing is lost.
                if key == Account.key, let fault = stored?.fault { throw MessageBusError(.protocolViolation, fault) }
                documents.insert(stored, for: key)
            }
        }
        throw NotYet("reading led from document to document without an end")
    }

    private func commit(_ decision: Decision, acknowledging acknowledgement: Acknowledgement?) -> Commit {
        var commit = Commit()
        commit.acknowledge = acknowledgement
        commit.writes = decision.changes.map { DocumentWrite($0) }
        commit.puts = decision.puts
        commit.deletes = decision.deletes
        commit.additions = decision.additions
        commit.messages = decision.messages.map(self.outbound)
        return commit
    }

    private func outbound(_ message: Message) -> OutboundMessage {
        if case .brokerCallRequested(let call) = message.body {
            return OutboundMessage(stream: self.agent.callStream(call.lane), channel: nil, body: message.encoded())
        }
        return OutboundMessage(message)
    }

    private func setAside(_ delivery: Delivery, _ reason: String) throws {
        try DeadLetter(agent: self.agent, delivery: delivery, reason: reason).send(on: self.bus, logger: self.logger)
    }

    /// A call that is made again every second need not be complained of every second. Errors are the same only when
    /// nothing but the number of the attempt sets them apart.
    private func isWorthSaying(_ note: Note, _ input: Input) -> Bool {
        guard case .message(let message) = input, case .brokerCallCompleted(let answer) = message.body else {
            return true
        }
        let details = note.details.filter { $0.key != "attempt" }.sorted { $0.key < $1.key }
            .map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        let said = "\(note.text) \(details)"
        let isNew = self.repetitions.isWorthSaying(
            note.level == .error ? "" : said,
            about: answer.call.subject + (note.level == .error ? " " + said : ""),
            now: MonotonicClock.now()
        )
        return isNew || answer.call.attempt == 1
    }

    private func log(_ notes: [Note], _ input: Input, _ scope: LogScope?) {
        for note in notes {
            var metadata = scope?.metadata ?? [:]
            for (key, value) in note.details { metadata[key] = "\(value)" }
            let level: Logger.Level =
                switch note.level {
                case .info: .info
                case .warning: self.isWorthSaying(note, input) ? .warning : .debug
                case .error: self.isWorthSaying(note, input) ? .error : .debug
                }
            self.logger.log(level: level, "\(note.text)", metadata: metadata)
        }
    }
}

extension Commit {
    var isEmpty: Bool {
        self.acknowledge == nil && self.writes.isEmpty && self.puts.isEmpty && self.deletes.isEmpty
            && self.additions.isEmpty && self.messages.isEmpty
    }
}
