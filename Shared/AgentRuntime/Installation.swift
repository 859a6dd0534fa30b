import Logging
import MessageBus
import TradingCore

/// What tells one installation from another: a text made once and kept in the ledger, so that trace ids of two
/// installations never meet.
enum Installation {
    private static let key = DocumentKey(rawValue: "installation")

    /// Waits for the bus as long as it takes; empty when the process is asked to stop first.
    static func seed(
        bus: any MessageBus,
        stop: StopSignal,
        heartbeat: Heartbeat,
        logger: Logger
    ) throws -> String {
        var backOff = BackOff()
        while !stop.isGiven {
            do {
                if let known = try bus.load([Self.key]).first.flatMap({ $0 }) {
                    return String(decoding: known.body, as: UTF8.self)
                }
                let made = StableHash.hexadecimal(
                    "installation",
                    "\(UInt64.random(in: .min ... .max))",
                    "\(UInt64.random(in: .min ... .max))"
                )
                var commit = Commit()
                commit.writes = [
                    DocumentWrite(
                        key: Self.key,
                        expectedVersion: 0,
                        expectedState: "",
                        state: "",
                        body: Array(made.utf8)
                    )
                ]
                if try bus.commit(commit) == .committed { return made }
            } catch {
                logger.warning("bus not there yet", metadata: ["reason": "\(error)"])
                backOff.wait(stop: stop, heartbeat: heartbeat)
            }
        }
        return ""
    }
}
