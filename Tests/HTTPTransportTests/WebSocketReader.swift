import HTTPTransport

/// Takes events out of an inbox one at a time, as a consumer's thread would.
final class WebSocketReader {
    let inbox: WebSocketInbox
    /// True once `.disconnected` was taken.
    private(set) var isOver = false
    private let wakeUps: AsyncStream<Void>

    init(capacity: Int = 1024, maximumBytes: Int = 8 << 20) {
        let (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.wakeUps = wakeUps
        self.inbox = WebSocketInbox(capacity: capacity, maximumBytes: maximumBytes) { wakeUp.yield() }
    }

    /// Waits for the next event.
    func next() async -> WebSocketEvent? {
        while true {
            if let event = self.inbox.take(1).first {
                if case .disconnected = event { self.isOver = true }
                return event
            }
            guard await self.wakeUps.next() != nil else { return nil }
        }
    }

    /// The next event as text: its kind, then what it carries.
    func nextText() async -> String? {
        await self.next().map { event in
            switch event {
            case .connected: "connected"
            case .text(let bytes): "text \(String(decoding: bytes, as: UTF8.self))"
            case .binary(let bytes): "binary \(bytes)"
            case .ping(let ping): "ping \(String(decoding: ping.payload, as: UTF8.self))"
            case .disconnected(let reason): "disconnected \(reason)"
            }
        }
    }

    /// Waits until the inbox holds at least `count` events.
    func wait(for count: Int) async {
        while self.inbox.count < count {
            guard await self.wakeUps.next() != nil else { return }
        }
    }
}
