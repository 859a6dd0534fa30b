import Logging
import MessageBus
import Synchronization
import TradingCore

/// Which ledger this process belongs to: a text made once for each ledger and kept in it, so that trace ids of two
/// installations never meet and an emptied ledger is not taken for the old one.
final class Installation: Sendable {
    private let id = Mutex<String?>(nil)
    /// What stands in the way is the same for all threads, and said once for them.
    private let repetitions = Mutex(RepetitionFilter())

    /// The ledger's id. What the first thread finds, or makes on an empty ledger, holds for all threads of the process.
    /// Waits for Redis as long as it takes; empty when the process is asked to stop first.
    ///
    /// `readiness` gets what stands in the way, where the thread later says there that Redis can be used; nil for others.
    func join(
        bus: any MessageBus,
        stop: StopSignal,
        readiness: ReadinessBoard?,
        heartbeat: Heartbeat,
        logger: Logger
    ) -> String {
        var backOff = BackOff()
        while !stop.isGiven {
            do {
                let found = try bus.beginLedger(Self.newID())
                return self.id.withLock { id in
                    id = id ?? found
                    return id ?? found
                }
            } catch {
                readiness?.set("redis", .waiting("\(error)"))
                let now = MonotonicClock.now()
                if self.repetitions.withLock({ $0.isWorthSaying("\(error)", now: now) }) {
                    logger.warning("waiting for Redis: \(error)")
                }
                backOff.wait(stop: stop, heartbeat: heartbeat)
            }
        }
        return ""
    }

    private static func newID() -> String {
        StableHash.hexadecimal(
            "installation",
            "\(UInt64.random(in: .min ... .max))",
            "\(UInt64.random(in: .min ... .max))"
        )
    }
}
