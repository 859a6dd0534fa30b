package import MessageBus
import Telemetry
import Tracing
package import TradingCore

/// Writes what one agent commits into the journal, in the same commit. Belongs to the agent's thread.
package struct Journal {
    private let agent: AgentName
    private let instance: String
    private let traces: TraceSampler

    package init(agent: AgentName, instance: String, traces: TraceSampler) {
        self.agent = agent
        self.instance = instance
        self.traces = traces
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
            let now = WallClock.now()
            let trace = DecisionTrace(of: decision, on: input, by: self.journal.agent, from: self.start, to: now)
            guard trace.isWorthTelling else { return trace.logScope }
            let spans = self.journal.traces == .none ? [] : trace.spans(steps: self.steps.spans)
            var cause: MessageID?
            if case .message(let message) = input { cause = message.id }
            self.journal.append(spans, causedBy: cause, to: &commit, at: now)
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
        if self.traces != .none { context.spanCollector = steps }
        context.logScope = scope
        return try InstrumentationContext.withValue(context, operation: work)
    }

    /// Adds the entry for what `commit` holds so far.
    package func append(_ spans: [TraceSpan], causedBy cause: MessageID?, to commit: inout Commit, at now: Timestamp) {
        let entry = JournalEntry(
            commit,
            spans: spans.filter { self.traces.takes($0.traceID) },
            causedBy: cause,
            by: self.agent.rawValue,
            instance: self.instance,
            at: now
        )
        commit.messages.append(entry.message)
    }
}
