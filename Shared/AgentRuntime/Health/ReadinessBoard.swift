import Synchronization
import TradingCore

/// What the process needs before it can work, by name. Safe from any thread.
package final class ReadinessBoard: Sendable {
    package enum Status: Equatable, Sendable {
        case ready
        /// Why not yet, for the operator.
        case waiting(String)
    }

    private let checks: Mutex<[String: Status]>

    /// - Parameter names: the checks that stand in the way until they are set ready.
    package init(waitingFor names: [String]) {
        let waiting = names.map { ($0, Status.waiting("not checked yet")) }
        self.checks = Mutex(Dictionary(waiting) { first, _ in first })
    }

    /// Adds the check if it is new. Returns whether its status is another one than before.
    @discardableResult
    package func set(_ check: String, _ status: Status) -> Bool {
        self.checks.withLock { $0.updateValue(status, forKey: check) != status }
    }

    /// Whether every check is ready and no thread hangs, with the same moment's JSON:
    /// `{"ready":false,"checks":{"redis":"…"}}`.
    package func report(_ liveness: Liveness = .alive) -> (isReady: Bool, json: [UInt8]) {
        var checks = self.checks.withLock { $0 }
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
        }
        return (isReady, writer.bytes)
    }
}
