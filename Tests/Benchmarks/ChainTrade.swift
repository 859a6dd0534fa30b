import MessageBus
import TradingCore

/// A trade as the strategy agent leaves it when it has found a candidate, and the message that says so.
struct ChainTrade {
    let trade: Trade
    private let step: Transition
    let candidateFound: Message

    /// Each number gives another trade, a second of market time after the one before.
    init(number: Int) throws {
        guard let symbol = Symbol("AAPL"), let close = Price("175.50") else {
            throw BenchmarkFailure("the sample trade cannot be made")
        }
        let time = Self.firstSignal + .seconds(number)
        let id = TradeID(symbol: symbol, signaledAt: time)
        var trade = Trade(
            id: id,
            symbol: symbol,
            strategy: Self.strategy,
            traceID: TraceID(seed: "benchmark", trade: id),
            signaledAt: time
        )
        let scan = ScanResult(symbol: symbol, strategy: Self.strategy, barTimestamp: time, close: close)
        self.candidateFound = Speaker(.strategy).say(.candidateFound(scan), trade: trade, at: time)
        self.step = try trade.transition(
            to: .setupDetected,
            on: .candidateFound,
            at: time,
            message: self.candidateFound.id
        )
        self.trade = trade
    }

    /// After the simulator's market time, which stands half an hour before its first session.
    private static let firstSignal = Timestamp(seconds: 1_230_908_400)
    private static let strategy = "ma-rsi-volume"

    /// The trade's record, as the strategy agent writes it.
    var record: Commit {
        var decision = Decision()
        decision.write(Versioned(new: Trade.key(self.trade.id), value: self.trade), history: [self.step])
        var commit = Commit()
        commit.writes = decision.changes.map { DocumentWrite($0) }
        commit.additions = decision.additions
        return commit
    }

    /// What the strategy agent makes of the candidate.
    var entrySignal: Message {
        get throws {
            guard let entry = Price("175.50"), let stop = Price("166.72"), let target = Price("201.82") else {
                throw BenchmarkFailure("the sample signal cannot be made")
            }
            let plan = EntryPlan(entryPrice: entry, stopPrice: stop, targetPrice: target, session: .next)
            return Speaker(.strategy).say(
                .entrySignal(EntrySignal(symbol: self.trade.symbol, plan: plan)),
                trade: self.trade,
                at: self.trade.signaledAt,
                causedBy: self.candidateFound
            )
        }
    }
}
