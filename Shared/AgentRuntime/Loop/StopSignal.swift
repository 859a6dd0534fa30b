import Glibc
import Synchronization

/// Tells threads to finish what they have in hand and end. Once given it stays.
package final class StopSignal: Sendable {
    private struct State {
        var isGiven = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())
    /// A pipe that nobody empties: what is written into it once ends every wait from then on.
    private let readEnd: Int32
    private let writeEnd: Int32

    package init() {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            preconditionFailure("No pipe for the stop signal: raise the limit of open files (ulimit -n).")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        self.readEnd = ends[0]
        self.writeEnd = ends[1]
    }

    deinit {
        close(self.readEnd)
        close(self.writeEnd)
    }

    package var isGiven: Bool { self.state.withLock { $0.isGiven } }

    /// Wakes every wait and calls every listener, once. From any thread.
    package func give() {
        let listeners: [@Sendable () -> Void]? = self.state.withLock { state in
            guard !state.isGiven else { return nil }
            defer { state.listeners = [] }
            state.isGiven = true
            return state.listeners
        }
        guard let listeners else { return }
        var byte: UInt8 = 1
        _ = write(self.writeEnd, &byte, 1)
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

    /// Blocks the thread until the signal is given or that much time has passed. Returns whether it was given.
    package func wait(for duration: Duration) -> Bool {
        let deadline = MonotonicClock.now() + duration
        while !self.isGiven {
            let remaining = deadline - MonotonicClock.now()
            guard remaining > .zero else { return false }
            let (seconds, attoseconds) = remaining.components
            // Rounded up: the last wait is not to become many of no length.
            let milliseconds = min(seconds, 1_000_000) * 1000 + attoseconds / 1_000_000_000_000_000 + 1
            var descriptor = pollfd(fd: self.readEnd, events: Int16(POLLIN), revents: 0)
            _ = poll(&descriptor, 1, Int32(milliseconds))
        }
        return true
    }

    /// As `wait(for:)`, showing at least every second that the thread still lives.
    package func wait(for duration: Duration, beating heartbeat: Heartbeat) -> Bool {
        let deadline = MonotonicClock.now() + duration
        while true {
            heartbeat.beat()
            let remaining = deadline - MonotonicClock.now()
            guard remaining > .zero else { return self.isGiven }
            if self.wait(for: min(remaining, .seconds(1))) { return true }
        }
    }
}
