/// The metrics of an agent.
package enum MetricName: String, CaseIterable {
    case startTime = "process_start_time_seconds"
    case buildInfo = "quintet_build_info"
    case ready = "quintet_ready"
    case inputs = "quintet_inputs_total"
    case handlingTime = "quintet_handling_seconds"
    case commits = "quintet_commits_total"
    case conflicts = "quintet_commit_conflicts_total"
    case deadLetters = "quintet_dead_letters_total"
    case deadLettersWaiting = "quintet_dead_letters_waiting"
    case consumerLag = "quintet_consumer_lag"
    case consumerPending = "quintet_consumer_pending"
    case consumerPendingAge = "quintet_consumer_pending_age_seconds"
    case brokerCalls = "quintet_broker_calls_total"
    case brokerCallTime = "quintet_broker_call_seconds"
    case breakerState = "quintet_circuit_breaker_state"
    case rateBudgetLeft = "quintet_rate_budget_left"
    case rateBudgetLimit = "quintet_rate_budget_limit"
    case brokerChecks = "quintet_broker_checks_total"
    case loginTimeLeft = "quintet_broker_login_seconds"
    case unprotectedTime = "quintet_unprotected_seconds"
    case openTrades = "quintet_open_trades"
    case orders = "quintet_orders"
    case unknownOrderAge = "quintet_unknown_order_age_seconds"
    case tradingHalted = "quintet_trading_halted"
    case entriesStopped = "quintet_entries_stopped"
    case frozenSymbols = "quintet_frozen_symbols"
    case equity = "quintet_equity_dollars"
    case highWaterMark = "quintet_high_water_mark_dollars"
    case drawdown = "quintet_drawdown_ratio"
    case exposure = "quintet_exposure_dollars"
    case cash = "quintet_cash_dollars"
    case reservedCash = "quintet_reserved_cash_dollars"
    case marketOpen = "quintet_market_open"
    case quoteAge = "quintet_quote_age_seconds"
    case clockSkew = "quintet_clock_skew_seconds"
    case spans = "quintet_spans_total"

    /// What each tells, by name.
    package static let help = Dictionary(uniqueKeysWithValues: Self.allCases.map { ($0.rawValue, $0.help) })

    private var help: String {
        switch self {
        case .startTime: "When the process started, in seconds since 1970."
        case .buildInfo: "Always 1; the labels say what runs."
        case .ready: "What the process needs before it can work, as in /readyz: 1 it has it, 0 it waits."
        case .inputs:
            "Messages, quotes, broker events and polls handled. A duplicate had been handled before, a deferred one is "
                + "tried again, a dead letter was set aside."
        case .handlingTime: "From taking an input in hand to its commit."
        case .commits: "Decisions written to the ledger."
        case .conflicts: "Decisions taken anew because another process had changed a document meanwhile."
        case .deadLetters: "Messages set aside in the dead_letter stream because they could not be handled."
        case .deadLettersWaiting: "Dead letters that nobody has replayed or discarded."
        case .consumerLag:
            "Messages and calls in the stream that the agent was never handed. All replicas tell the same."
        case .consumerPending:
            "Messages and calls of the stream that the agent was handed and has not dealt with. All replicas tell the "
                + "same."
        case .consumerPendingAge: "How long ago the oldest of these was written; 0 when there is none."
        case .brokerCalls: "Calls to the broker, by lane and how they ended."
        case .brokerCallTime: "From making a call to the broker to its answer, lookups and waiting included."
        case .breakerState: "The lane's circuit breaker: 0 closed, 1 half-open, 2 open."
        case .rateBudgetLeft:
            "Requests that the API key's budget has left now for stops, exits and cancels, for all processes together."
        case .rateBudgetLimit: "Requests that the API key may send in a minute."
        case .brokerChecks: "Questions to the broker at the start whose account this is, by how they ended."
        case .loginTimeLeft: "Until the login at the broker ends unless a person renews it; negative once it has ended."
        case .unprotectedTime:
            """
            For how long the position that has waited longest has had no stop and no exit at the broker; an open trade \
            that cannot be read counts as one.
            """
        case .openTrades: "Trades approved and not ended, by state."
        case .orders: "Orders of these trades, by state."
        case .unknownOrderAge:
            "For how long the order that has been so longest has been sent without anybody knowing what became of it; 0 "
                + "when there is none."
        case .tradingHalted: "1 while an operator has halted trading."
        case .entriesStopped: "1 while entries are stopped, as for drawdown, until an operator resumes them."
        case .frozenSymbols: "Symbols that take no entries because broker and ledger do not agree about them."
        case .equity: "Cash and positions at the last bid; not told while a held symbol has no quote."
        case .highWaterMark: "The highest equity ever recorded."
        case .drawdown:
            "How far equity is below its highest, as a share of it: ever, or since an operator last resumed entries."
        case .exposure: "What the positions are worth at the last bid."
        case .cash: "Cash in the account, reserved cash included."
        case .reservedCash: "Cash set aside for approvals that are not filled yet."
        case .marketOpen: "1 while a session is open, 0 while none is."
        case .quoteAge:
            "How old the symbol's newest quote is, by this machine's clock; in a replay by the newest quote of all."
        case .clockSkew: "By how much this machine's clock is ahead of the other's."
        case .spans: "Spans sent to the trace collector, and those that could not be."
        }
    }
}
