import Logging
import MessageBus
import Synchronization
import TradingCore

/// Which ledger this process belongs to: a text made once for each ledger and kept in it, so that trace ids of two
/// installations never meet and an emptied ledger is not taken for the old one.
final class Installation: Sendable {
    private let id = Mutex<String?>(nil)

    /// The ledger's id. What the first thread finds, or makes on an empty ledger, holds for all threads of the process.
    /// Waits for the bus as long as it takes; empty when the process is asked to stop first.
    func join(bus: any MessageBus, stop: StopSignal, heartbeat: Heartbeat, logger: Logger) -> String {
        var backOff = BackOff()
        while !stop.isGiven {
            do {
                if let found = try Self.found(bus) {
                    return self.id.withLock { id in
                        id = id ?? found
                        return id ?? found
                    }
                }
            } catch {
                logger.warning("bus not there yet", metadata: ["reason": "\(error)"])
                backOff.wait(stop: stop, heartbeat: heartbeat)
            }
        }
        return ""
    }

    /// Nil when another process has just made it.
    private static func found(_ bus: any MessageBus) throws -> String? {
        if let known = try bus.load([.installation]).first.flatMap({ $0 }) {
            return String(decoding: known.body, as: UTF8.self)
        }
        let made = StableHash.hexadecimal(
            "installation",
            "\(UInt64.random(in: .min ... .max))",
            "\(UInt64.random(in: .min ... .max))"
        )
        var commit = Commit()
        commit.writes = [
            DocumentWrite(key: .installation, expectedVersion: 0, expectedState: "", state: "", body: Array(made.utf8))
        ]
        return try bus.commit(commit) == .committed ? made : nil
    }
}
