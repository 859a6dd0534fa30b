/// The metrics of an agent.
package enum MetricName: String, CaseIterable {
    case inputs = "quintet_inputs_total"
    case handlingTime = "quintet_handling_seconds"
    case conflicts = "quintet_commit_conflicts_total"
    case deadLetters = "quintet_dead_letters_total"
    case brokerCalls = "quintet_broker_calls_total"
    case brokerCallTime = "quintet_broker_call_seconds"
    case breakerState = "quintet_circuit_breaker_state"
    case rateBudgetLeft = "quintet_rate_budget_left"
    case brokerChecks = "quintet_broker_checks_total"
    case loginTimeLeft = "quintet_broker_login_seconds"
    case unprotectedTime = "quintet_unprotected_seconds"
    case spans = "quintet_spans_total"

    /// What each tells, by name.
    package static let help = Dictionary(uniqueKeysWithValues: Self.allCases.map { ($0.rawValue, $0.help) })

    private var help: String {
        switch self {
        case .inputs: "Messages, quotes, broker events and polls handled; duplicates had been handled before."
        case .handlingTime: "From taking an input in hand to its commit."
        case .conflicts: "Decisions taken anew because another process had changed a document meanwhile."
        case .deadLetters: "Messages set aside in the dead_letter stream because they could not be handled."
        case .brokerCalls: "Calls to the broker, by lane and how they ended."
        case .brokerCallTime: "From making a call to the broker to its answer, lookups and waiting included."
        case .breakerState: "The lane's circuit breaker: 0 closed, 1 half-open, 2 open."
        case .rateBudgetLeft:
            "Requests that the API key's budget had left for stops, exits and cancels after this process's last one."
        case .brokerChecks: "Questions to the broker at the start whose account this is, by how they ended."
        case .spans: "Spans sent to the trace collector, and those that could not be."
        case .unprotectedTime:
            "For how long the position that has waited longest has had no stop and no exit at the broker."
        case .loginTimeLeft: "Until the login at the broker ends unless a person renews it; negative once it has ended."
        }
    }
}
