import Synchronization

/// Tells threads to finish what they have in hand and end. Once given it stays.
package final class StopSignal: Sendable {
    private struct State {
        var isGiven = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var isGiven: Bool { self.state.withLock { $0.isGiven } }

    package func give() {
        let listeners = self.state.withLock { state in
            defer { state.listeners = [] }
            state.isGiven = true
            return state.listeners
        }
        for listener in listeners { listener() }
    }

    /// Calls `listener` when the signal is given; at once if it already was.
    package func onStop(_ listener: @escaping @Sendable () -> Void) {
        let isGiven = self.state.withLock { state in
            if !state.isGiven { state.listeners.append(listener) }
            return state.isGiven
        }
        if isGiven { listener() }
    }
}
