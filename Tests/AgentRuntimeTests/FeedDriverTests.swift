import AgentRuntime
import Brokerage
import Glibc
import HTTPTransport
import Logging
import MessageBus
import NIOPosix
import Synchronization
import Testing
import TradingCore

@Suite struct FeedDriverTests {
    /// Refuses every upgrade with one status.
    private final class RefusingServer: Sendable {
        let port: UInt16
        private let listener: Int32
        private let count = Mutex(0)

        init(status: Int) throws {
            self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let listener = self.listener
            let isListening = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    bind(listener, address, length) == 0 && listen(listener, 8) == 0
                        && getsockname(listener, address, &length) == 0
                }
            }
            try #require(isListening)
            self.port = UInt16(bigEndian: address.sin_port)
            let error = DetachedThread.start { [self] in
                while true {
                    let peer = accept(listener, nil, nil)
                    guard peer >= 0 else { return }
                    self.count.withLock { $0 += 1 }
                    var bytes = [UInt8](repeating: 0, count: 4096)
                    _ = recv(peer, &bytes, bytes.count, 0)
                    let answer = Array("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n".utf8)
                    _ = send(peer, answer, answer.count, Int32(MSG_NOSIGNAL))
                    close(peer)
                }
            }
            #expect(error == nil)
        }

        var connections: Int { self.count.withLock { $0 } }

        /// Ends the thread.
        func stop() {
            shutdown(self.listener, Int32(SHUT_RDWR))
            close(self.listener)
        }
    }

    /// When the driver tries again after each refusal, in its own seconds.
    private func attempts(status: Int, count: Int) async throws -> [Int] {
        let server = try RefusingServer(status: status)
        defer { server.stop() }
        let port = server.port
        let attempts = Mutex<[Int]>([])
        try await DedicatedThread.run {
            let bus = InMemoryMessageBus(store: InMemoryMessageStore())
            let driver = FeedDriver(
                feed: AlpacaMarketDataFeed(
                    endpoints: AlpacaEndpoints(
                        trading: "",
                        data: "",
                        stream: "ws://127.0.0.1:\(port)",
                        feed: "iex",
                        keyID: "",
                        secretKey: ""
                    ),
                    symbols: [],
                    timeframe: .day
                ),
                leaseName: "test",
                holder: "test",
                quoteSilence: nil,
                group: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                readiness: ReadinessBoard(waitingFor: []),
                wake: bus.wakeSignal.wake
            )
            for second in 0..<300 {
                try driver.turn(bus: bus, now: .seconds(second)) { _ in }
                // A second of the driver's takes ten milliseconds, in which the server answers.
                poll(nil, 0, 10)
                let isDone = attempts.withLock { attempts in
                    if server.connections > attempts.count { attempts.append(second) }
                    return attempts.count == count
                }
                if isDone { return }
            }
        }
        return attempts.withLock { $0 }
    }

    @Test func `a handshake refused for too many connections is not tried again before its time`() async throws {
        let attempts = try await self.attempts(status: 429, count: 3)
        try #require(attempts.count == 3)
        #expect(attempts[1] - attempts[0] >= 29)
        #expect(attempts[2] - attempts[1] >= 59)
        let others = try await self.attempts(status: 503, count: 3)
        #expect((others.last ?? .max) - (others.first ?? 0) < 25)
    }
}
