import NIOCore
import Synchronization

/// The events of one WebSocket at a time, between the event loop that fills it and the thread that takes them out.
///
/// While it is full the client reads nothing from its socket, so the peer is slowed down and nothing is lost. Reading
/// resumes below half. What the socket's last read contained is still added, and so is what the kernel had received
/// when the peer closed: the inbox can exceed its capacity by that much and no more.
package final class WebSocketInbox: Sendable {
    private struct State {
        var events = CircularBuffer<WebSocketEvent>()
        var bytes = 0
        var resumptions: [@Sendable () -> Void] = []
    }

    private let capacity: Int
    private let maximumBytes: Int
    private let notify: @Sendable () -> Void
    private let state = Mutex(State())

    /// Full at `capacity` events or `maximumBytes` of payload, whichever comes first. `notify` is called after each
    /// event, on the event loop: it must not block.
    package init(capacity: Int = 1024, maximumBytes: Int = 8 << 20, notify: @escaping @Sendable () -> Void) {
        precondition(capacity > 0 && maximumBytes > 0, "an inbox needs room for at least one event")
        self.capacity = capacity
        self.maximumBytes = maximumBytes
        self.notify = notify
    }

    package var count: Int {
        self.state.withLock { $0.events.count }
    }

    /// The oldest events, at most `limit`, without waiting for any. From any thread.
    package func take(_ limit: Int) -> [WebSocketEvent] {
        let (taken, resumptions) = self.state.withLock { state in
            let taken = Array(state.events.prefix(limit))
            state.events.removeFirst(taken.count)
            state.bytes -= taken.reduce(0) { $0 + $1.payloadBytes }
            guard state.events.count < (self.capacity + 1) / 2, state.bytes < (self.maximumBytes + 1) / 2 else {
                return (taken, [] as [@Sendable () -> Void])
            }
            defer { state.resumptions = [] }
            return (taken, state.resumptions)
        }
        for resume in resumptions { resume() }
        return taken
    }

    /// Adds an event at the end, beyond the capacity if need be, and notifies. From any thread.
    package func push(_ event: WebSocketEvent) {
        self.state.withLock { state in
            state.events.append(event)
            state.bytes += event.payloadBytes
        }
        self.notify()
    }

    /// If the inbox is full: returns true, and calls `resume` once it has been drained below half.
    func isFull(callingWhenDrained resume: @escaping @Sendable () -> Void) -> Bool {
        self.state.withLock { state in
            guard state.events.count >= self.capacity || state.bytes >= self.maximumBytes else { return false }
            state.resumptions.append(resume)
            return true
        }
    }
}
