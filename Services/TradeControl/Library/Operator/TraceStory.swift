import AgentRuntime
package import TradingCore

/// One trade's trace, as the journal has it.
package struct TraceStory: OperatorAnswer {
    package struct Step: Hashable, Sendable {
        package var service: String
        package var span: TraceSpan
    }

    package var trade: TradeID
    package var traceID: TraceID
    /// Parents before their children, children in order of time.
    package private(set) var steps: [(step: Step, depth: [Bool])] = []

    package init(reading desk: OperatorDesk, _ id: TradeID) throws {
        let trade = try desk.existingTrade(id)
        var steps: [Step] = []
        try JournalReader(desk.bus).forEach(holding: trade.traceID.rawValue) { id, bytes in
            let told = JournalReader.read(bytes, id) { entry in
                try entry.allSpans.map { Step(service: entry.source, span: $0) }
            }
            steps += (told ?? []).filter { $0.span.traceID == trade.traceID }
        }
        guard !steps.isEmpty else {
            throw CommandFailure(
                .notFound,
                "The journal has no spans of the trade \(id): they are older than what it keeps, or "
                    + "traces are off (OTEL_TRACES_SAMPLER)."
            )
        }
        self.init(id, trade.traceID, steps)
    }

    package init(_ trade: TradeID, _ traceID: TraceID, _ steps: [Step]) {
        self.trade = trade
        self.traceID = traceID
        // A question that is asked again with the same id has the same span again: told once, or each would tell all that
        // follows anew.
        var seen: Set<SpanID> = []
        let steps = steps.filter { seen.insert($0.span.id).inserted }
        let known = Set(steps.map(\.span.id))
        let children = Dictionary(grouping: steps) { step in step.span.parent.flatMap { known.contains($0) ? $0 : nil }
        }
        func add(below parent: SpanID?, depth: [Bool]) {
            let siblings = (children[parent] ?? []).sorted {
                ($0.span.start, $0.span.end, $0.span.id.rawValue) < ($1.span.start, $1.span.end, $1.span.id.rawValue)
            }
            for (index, step) in siblings.enumerated() {
                let line = depth + [index == siblings.count - 1]
                self.steps.append((step, line))
                add(below: step.span.id, depth: line)
            }
        }
        add(below: nil, depth: [])
    }

    package var text: String {
        guard let first = self.steps.first?.step.span.start else { return "" }
        var table = TextTable(
            .left("STEP"),
            .right("AFTER"),
            .right("TOOK"),
            .left("AGENT"),
            .left("MARKET TIME"),
            .left("WHAT")
        )
        for (step, depth) in self.steps {
            table.add(
                Self.branch(depth) + step.span.name,
                Self.duration(step.span.start - first),
                Self.duration(step.span.end - step.span.start),
                step.service,
                Self.text(step.span.attributes["market.time"]) ?? "",
                Self.remark(step.span)
            )
        }
        return "trade \(self.trade), trace \(self.traceID)\n\n" + table.text
    }

    /// The lines that lead to a step; the last flag says whether it is the last of its parent's.
    private static func branch(_ depth: [Bool]) -> String {
        guard depth.count > 1, let isLast = depth.last else { return "" }
        return depth.dropFirst().dropLast().map { $0 ? "   " : "│  " }.joined() + (isLast ? "└─ " : "├─ ")
    }

    private static func duration(_ duration: Duration) -> String {
        let microseconds = duration.components.seconds * 1_000_000 + duration.components.attoseconds / 1_000_000_000_000
        if microseconds < 1000 { return "\(microseconds) µs" }
        if microseconds < 1_000_000 { return "\(Self.tenths(microseconds / 100)) ms" }
        return "\(Self.tenths(microseconds / 100_000)) s"
    }

    private static func tenths(_ count: Int64) -> String { "\(count / 10).\(count % 10)" }

    private static func text(_ value: TraceSpan.AttributeValue?) -> String? {
        switch value {
        case .text(let text): text
        case .integer(let number): "\(number)"
        default: nil
        }
    }

    private static func remark(_ span: TraceSpan) -> String {
        var remarks = span.events.compactMap { event in
            Self.text(event.attributes["trade.state.to"]).map { "→ \($0)" }
        }
        for name in ["url.path", "http.response.status_code", "order.id", "broker.outcome", "risk.refusal"] {
            if let text = Self.text(span.attributes[name]) { remarks.append(text) }
        }
        if let failure = span.failure { remarks.append("ERROR \(failure)") }
        return remarks.joined(separator: ", ")
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("trade_id", self.trade)
            $0.field("trace_id", self.traceID)
            $0.field("spans", self.steps.map { ToldStep(step: $0.step, depth: $0.depth.count - 1) })
        }
    }

    private struct ToldStep: JSONEncodable {
        let step: Step
        let depth: Int

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("depth", self.depth)
                $0.field("service", self.step.service)
                $0.field("span", self.step.span)
            }
        }
    }
}
