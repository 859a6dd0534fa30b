import Synchronization
package import TradingCore

/// Keeps a process from its broker until the broker has said whose account this is, so that a wrong key, host or account
/// leads to one line and to nothing sent. Safe from any thread.
package final class BrokerGate: Sendable {
    /// Which calls may be made.
    package enum Position: Hashable, Sendable {
        case closed
        /// Stops, exits, cancels and questions about orders alone.
        case protectionOnly
        /// These, and questions about the account, which is known to be the right one: a sale may have to wait for what
        /// it holds.
        case knownAccount
        case open
    }

    private struct State {
        var position = Position.closed
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    private let stop: StopSignal

    /// The end of the process ends every wait, and leaves the gate as it is.
    package init(stop: StopSignal) {
        self.stop = stop
    }

    /// Nothing works before a person has changed something.
    package func close() { self.state.withLock { $0.position = .closed } }

    /// That nobody knows yet whose account this is must not keep back what protects positions.
    package func openForProtection() { self.state.withLock { $0.position = .protectionOnly } }

    /// The broker has turned against a key whose account it had named before.
    package func closeForEntries() { self.state.withLock { $0.position = .knownAccount } }

    package func open() {
        let listeners = self.state.withLock { state in
            defer { state.listeners = [] }
            state.position = .open
            return state.listeners
        }
        for listener in listeners { listener() }
    }

    package func isOpen(for lane: BrokerLane) -> Bool {
        switch (self.state.withLock(\.position), lane) {
        case (.open, _), (.protectionOnly, .protective), (.knownAccount, .protective), (.knownAccount, .account): true
        case (.closed, _), (.protectionOnly, .marketData), (.protectionOnly, .entries), (.protectionOnly, .account),
            (.knownAccount, .marketData), (.knownAccount, .entries):
            false
        }
    }

    /// Blocks the thread until the gate is open for the lane or the process is to stop.
    package func wait(for lane: BrokerLane, beating heartbeat: Heartbeat) {
        while !self.isOpen(for: lane), !self.stop.wait(for: .milliseconds(100), beating: heartbeat) {}
    }

    /// Calls `listener` once when the gate opens for all calls; at once if it is.
    package func onOpen(_ listener: @escaping @Sendable () -> Void) {
        let isOpen = self.state.withLock { state in
            if state.position != .open { state.listeners.append(listener) }
            return state.position == .open
        }
        if isOpen { listener() }
    }
}
