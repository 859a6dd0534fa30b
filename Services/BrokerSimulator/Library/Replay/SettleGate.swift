import Dispatch
import Glibc
package import Logging
package import MessageBus
import Synchronization

/// Asks whether the system behind the message bus has nothing left to do. Belongs to the replay's thread.
package typealias QuiescenceCheck = () throws -> Quiescence

/// Says when everybody has dealt with everything, so that the replay may take its next step.
///
/// Settled is: a client for each required role, each of which has answered a ping sent after the last frame it got
/// (clients answer pings only when they have dealt with all before); no HTTP request in flight; the bus quiescent; and
/// nothing sent to any socket and no request begun while all this was found out. What a request in flight at the
/// client's side has set off is covered by the bus: its cause stays unacknowledged until the answer is dealt with.
///
/// Event loops report through the short methods; one thread waits in `awaitSettled`.
package final class SettleGate: Sendable {
    private static let restlessness = Duration.milliseconds(1)

    private let requiredRoles: Set<StreamRole>
    private let logger: Logger
    private let state = Mutex(State())
    private let signal = DispatchSemaphore(value: 0)

    private struct State {
        var clients: [Int: Client] = [:]
        var requestsInFlight = 0
        /// Counts frames sent, requests begun and clients come and gone.
        var activity = 0
        /// Counts everything that may end a wait.
        var changes = 0
        var isWaiting = false
        var isStopped = false
        var waitingFor: String?
    }

    private struct Client {
        var roles: Set<StreamRole>
        let ping: @Sendable (Int) -> Void
        var sent = 0
        /// The number of frames that had been sent when the last ping went out; -1 before the first.
        var pinged = -1
        var answered = -1
    }

    package init(requiredRoles: Set<StreamRole>, logger: Logger) {
        self.requiredRoles = requiredRoles
        self.logger = logger
    }

    /// What the replay waits for, for people; nil while it does not.
    package var waitingFor: String? { self.state.withLock { $0.waitingFor } }

    // MARK: Reports

    package func requestBegan() {
        self.change {
            $0.requestsInFlight += 1
            $0.activity += 1
        }
    }

    package func requestEnded() {
        self.change { $0.requestsInFlight -= 1 }
    }

    /// Call it again when the client's roles change.
    ///
    /// - Parameter ping: Sends the client a ping that comes back to `pong` with the same number. Must not block.
    package func joined(_ id: Int, _ roles: Set<StreamRole>, ping: @escaping @Sendable (Int) -> Void) {
        self.change {
            // What it still owes an answer to does not change with its roles.
            $0.clients[id, default: Client(roles: roles, ping: ping)].roles = roles
            $0.activity += 1
        }
    }

    package func left(_ id: Int) {
        self.change {
            $0.clients[id] = nil
            $0.activity += 1
        }
    }

    /// Counts a frame and puts it on its way in one: a ping that counts it cannot overtake it, nor the replay go on in
    /// between. `send` must not block.
    package func sent(to id: Int, _ send: () -> Void = {}) {
        self.change {
            $0.clients[id]?.sent += 1
            $0.activity += 1
            send()
        }
    }

    package func pong(_ number: Int, from id: Int) {
        self.change { state in
            guard let client = state.clients[id], number <= client.pinged else { return }
            state.clients[id]?.answered = max(client.answered, number)
        }
    }

    /// Ends every wait; `awaitSettled` returns false from now on.
    package func stop() {
        self.change { $0.isStopped = true }
    }

    private func change(_ body: (inout State) -> Void) {
        let mustWake = self.state.withLock { state in
            body(&state)
            state.changes += 1
            let mustWake = state.isWaiting
            state.isWaiting = false
            return mustWake
        }
        if mustWake { self.signal.signal() }
    }

    // MARK: Waiting

    private enum Finding {
        case stopped
        /// Something has to change first; `changes` is the count at which it was so.
        case blocked(String, changes: Int)
        case quiet(activity: Int)
    }

    /// Returns true when settled, false when stopped. Only one thread may wait.
    package func awaitSettled(_ check: QuiescenceCheck?) -> Bool {
        var busyAnswers = 0
        var lastLine = ContinuousClock.now
        while true {
            switch self.inspect() {
            case .stopped:
                return false
            case .blocked(let reason, let changes):
                busyAnswers = 0
                self.note(reason, &lastLine)
                self.wait(whileChangesAre: changes, atMost: .seconds(10))
            case .quiet(let activity):
                guard let reason = Self.reasonToWait(check) else {
                    if self.isStillQuiet(activity) { return true }
                    continue
                }
                busyAnswers += 1
                self.note(reason, &lastLine)
                // One answer costs some 50 µs and a step's chain through the agents about a millisecond, so asking again
                // at once finds its end soonest. A chain that outlasts 50 answers is at work on something longer
                // (a restart, a slow call): from then on the processor is the agents'.
                if busyAnswers > 50 {
                    let changes = self.state.withLock { $0.changes }
                    self.wait(whileChangesAre: changes, atMost: .milliseconds(1))
                }
            }
        }
    }

    private func inspect() -> Finding {
        var pings: [(send: @Sendable (Int) -> Void, number: Int)] = []
        let finding = self.state.withLock { state -> Finding in
            if state.isStopped { return .stopped }
            for role in self.requiredRoles.sorted(by: { $0.rawValue < $1.rawValue })
            where !state.clients.values.contains(where: { $0.roles.contains(role) }) {
                return .blocked("a \(role.rawValue) client", changes: state.changes)
            }
            var isUnanswered = false
            for (id, client) in state.clients where !self.requiredRoles.isDisjoint(with: client.roles) {
                guard client.answered < client.sent else { continue }
                isUnanswered = true
                guard client.pinged < client.sent else { continue }
                state.clients[id]?.pinged = client.sent
                pings.append((client.ping, client.sent))
            }
            if isUnanswered { return .blocked("the answer to a ping", changes: state.changes) }
            if state.requestsInFlight > 0 {
                return .blocked("\(state.requestsInFlight) HTTP requests in flight", changes: state.changes)
            }
            return .quiet(activity: state.activity)
        }
        for ping in pings { ping.send(ping.number) }
        return finding
    }

    private func isStillQuiet(_ activity: Int) -> Bool {
        self.state.withLock { state in
            guard !state.isStopped, state.activity == activity else { return false }
            state.waitingFor = nil
            return true
        }
    }

    private static func reasonToWait(_ check: QuiescenceCheck?) -> String? {
        guard let check else { return nil }
        do {
            switch try check() {
            case .settled: return nil
            case .busy(let reason): return reason
            }
        } catch {
            return "the message bus (\(error))"
        }
    }

    private func note(_ reason: String, _ lastLine: inout ContinuousClock.Instant) {
        self.state.withLock { $0.waitingFor = reason }
        guard ContinuousClock.now - lastLine >= .seconds(10) else { return }
        lastLine = .now
        self.logger.info("replay waits", metadata: ["for": "\(reason)"])
    }

    /// Returns as soon as something changes, at once if something has since.
    private func wait(whileChangesAre changes: Int, atMost timeout: DispatchTimeInterval) {
        // Waking a processor that has gone idle can cost more than all the work of a step, so this thread first stays
        // awake and gives way to whoever can run. On two cores it makes the sample's replay a third faster.
        let patience = ContinuousClock.now + Self.restlessness
        while ContinuousClock.now < patience {
            if self.state.withLock({ $0.changes != changes || $0.isStopped }) { return }
            sched_yield()
        }
        let mustWait = self.state.withLock { state in
            state.isWaiting = state.changes == changes && !state.isStopped
            return state.isWaiting
        }
        guard mustWait, self.signal.wait(timeout: .now() + timeout) == .timedOut else { return }
        let isSignalDue = self.state.withLock { state in
            let isSignalDue = !state.isWaiting
            state.isWaiting = false
            return isSignalDue
        }
        // The change came together with the timeout: its signal must not end the next wait.
        if isSignalDue { self.signal.wait() }
    }
}
