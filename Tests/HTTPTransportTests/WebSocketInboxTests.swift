import HTTPTransport
import Synchronization
import Testing

struct WebSocketInboxTests {
    @Test func `events come out in the order in which they went in, at most as many as asked for`() {
        let inbox = WebSocketInbox {}
        for number in UInt8(0)..<10 { inbox.push(.binary([number])) }
        #expect(Self.numbers(inbox.take(4)) == [0, 1, 2, 3])
        #expect(inbox.count == 6)
        #expect(Self.numbers(inbox.take(100)) == [4, 5, 6, 7, 8, 9])
        #expect(inbox.take(100).isEmpty)
    }

    @Test func `each event notifies once, when it can be taken`() {
        let seen = Mutex<[Int]>([])
        let inbox = Mutex<WebSocketInbox?>(nil)
        let notifying = WebSocketInbox {
            let count = inbox.withLock { $0?.count ?? 0 }
            seen.withLock { $0.append(count) }
        }
        inbox.withLock { $0 = notifying }
        notifying.push(.connected)
        notifying.push(.disconnected(reason: "over"))
        #expect(seen.withLock { $0 } == [1, 2])
    }

    private static func numbers(_ events: [WebSocketEvent]) -> [UInt8] {
        events.compactMap { event in
            guard case .binary(let bytes) = event else { return nil }
            return bytes.first
        }
    }
}
