package import MessageBus
import Telemetry
import Tracing
package import TradingCore

/// Writes what one agent commits into the journal, in the same commit. Belongs to the agent's thread.
package struct Journal {
    private let agent: AgentName
    private let instance: String
    private let isTraced: Bool

    /// `isTraced`: whether it is to hold what spans are made of. Which of them are sent is decided when they are.
    package init(agent: AgentName, instance: String, isTraced: Bool) {
        self.agent = agent
        self.instance = instance
        self.isTraced = isTraced
    }

    /// A decision is about to be taken.
    func begin() -> Step { Step(journal: self, start: WallClock.now(), steps: SpanCollector()) }

    struct Step {
        let journal: Journal
        let start: Timestamp
        let steps: SpanCollector

        func tracing<Result>(_ work: () throws -> Result) rethrows -> Result {
            try self.journal.tracing(into: self.steps, work)
        }

        /// Returns what log lines about the decision belong to.
        func record(_ decision: Decision, on input: Input, in commit: inout Commit) -> LogScope? {
            let trace = DecisionTrace(of: decision, on: input, by: self.journal.agent)
            guard trace.isWorthTelling else { return trace.logScope }
            let handling = JournalEntry.Handling(
                operation: OperationName.handling(input, by: self.journal.agent),
                startedAt: self.start,
                failure: decision.failure
            )
            var cause: MessageHead?
            if case .message(let message) = input { cause = MessageHead(message) }
            self.journal.append(
                self.steps.spans,
                of: self.journal.isTraced ? handling : nil,
                causedBy: cause,
                to: &commit,
                at: WallClock.now()
            )
            return trace.logScope
        }
    }

    /// Spans that `work` opens with swift-distributed-tracing go into `steps`.
    func tracing<Result>(
        into steps: SpanCollector,
        logging scope: LogScope? = nil,
        _ work: () throws -> Result
    ) rethrows -> Result {
        var context = InstrumentationContext.topLevel
        if self.isTraced { context.spanCollector = steps }
        context.logScope = scope
        return try InstrumentationContext.withValue(context, operation: work)
    }

    /// Adds the entry for what `commit` holds so far.
    package func append(
        _ spans: [TraceSpan],
        of handling: JournalEntry.Handling? = nil,
        causedBy cause: MessageHead?,
        to commit: inout Commit,
        at now: Timestamp
    ) {
        let entry = JournalEntry(
            commit,
            handling: handling,
            spans: self.isTraced ? spans : [],
            causedBy: cause,
            by: self.agent.rawValue,
            instance: self.instance,
            at: now
        )
        commit.messages.append(entry.message(on: .journal))
    }

    /// Adds the entry for a call to the broker that belongs to no one trade's story. Its spans tell all of it, whether or
    /// not traces are on; what the broker has answered, such as a year of bars, is not repeated.
    func append(call spans: [TraceSpan], causedBy request: MessageHead, to commit: inout Commit, at now: Timestamp) {
        let entry = JournalEntry(
            Commit(),
            spans: spans,
            causedBy: request,
            by: self.agent.rawValue,
            instance: self.instance,
            at: now
        )
        commit.messages.append(entry.message(on: .callJournal))
    }
}

extension Decision {
    /// The first error it tells of.
    fileprivate var failure: String? {
        self.notes.first { $0.level == .error }.map { note in
            ([note.text] + [note.details["reason"]].compactMap(\.self)).joined(separator: ": ")
        }
    }
}
