import Logging
import MessageBus

/// What a thread does once the ledger is not the one its process belongs to: nothing, until the process is stopped.
/// Going on would mean to trade without knowing what is held.
enum LedgerLoss {
    static func waitForStop(
        _ error: MessageBusError,
        stop: StopSignal,
        readiness: ReadinessBoard,
        heartbeat: Heartbeat,
        logger: Logger
    ) {
        // Each thread finds out by itself; it is said once.
        if readiness.set("ledger", .waiting(error.message)) {
            logger.error("the ledger is lost, nothing more is done", metadata: ["reason": "\(error.message)"])
        }
        // A process that does not beat would be killed and, started again, begin a new ledger.
        while !stop.wait(for: .seconds(60), beating: heartbeat) {}
    }
}
