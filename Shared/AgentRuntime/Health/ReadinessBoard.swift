import Synchronization
import TradingCore

/// What the process needs before it can work, by name, and how its circuit breakers stand. Safe from any thread.
///
/// An open breaker is no lack of readiness: the process works, goes on with its other lanes and finds out by itself
/// when the broker is back, and neither a restart nor another process could do better.
package final class ReadinessBoard: Sendable {
    package enum Status: Equatable, Sendable {
        case ready
        /// Why not yet, for the operator.
        case waiting(String)
    }

    private struct State {
        var checks: [String: Status]
        var breakers: [String: BreakerStatus] = [:]
    }

    private let state: Mutex<State>

    /// - Parameter names: the checks that stand in the way until they are set ready.
    package init(waitingFor names: [String]) {
        let waiting = names.map { ($0, Status.waiting("not checked yet")) }
        self.state = Mutex(State(checks: Dictionary(waiting) { first, _ in first }))
    }

    /// Adds the check if it is new. Returns whether its status is another one than before.
    @discardableResult
    package func set(_ check: String, _ status: Status) -> Bool {
        self.state.withLock { $0.checks.updateValue(status, forKey: check) != status }
    }

    package func setBreaker(_ lane: String, _ status: BreakerStatus) {
        self.state.withLock { $0.breakers[lane] = status }
    }

    /// Whether each check is ready, that no thread hangs among them.
    func verdicts(_ liveness: Liveness) -> [String: Bool] {
        var verdicts = self.state.withLock { $0.checks.mapValues { $0 == .ready } }
        verdicts["threads"] = liveness == .alive
        return verdicts
    }

    /// Whether every check is ready and no thread hangs, with the same moment's JSON:
    /// `{"ready":false,"checks":{"redis":"…"},"breakers":{"entries":{"state":"open",…}}}`.
    package func report(_ liveness: Liveness = .alive) -> (isReady: Bool, json: [UInt8]) {
        var (checks, breakers) = self.state.withLock { ($0.checks, $0.breakers) }
        if case .stalled(let reason) = liveness { checks["threads"] = .waiting(reason) }
        let isReady = checks.values.allSatisfy { $0 == .ready }
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("ready", isReady)
            writer.object("checks") { writer in
                for (name, status) in checks.sorted(by: { $0.key < $1.key }) {
                    switch status {
                    case .ready: writer.field(name, "ok")
                    case .waiting(let reason): writer.field(name, reason)
                    }
                }
            }
            guard !breakers.isEmpty else { return }
            writer.object("breakers") { writer in
                for (lane, status) in breakers.sorted(by: { $0.key < $1.key }) { writer.field(lane, status) }
            }
        }
        return (isReady, writer.bytes)
    }
}
