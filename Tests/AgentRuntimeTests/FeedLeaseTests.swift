import AgentRuntime
import Brokerage
import Glibc
import HTTPTransport
import Logging
import MessageBus
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization
import Testing
import TradingCore

/// What becomes of a broker's stream when another replica takes it over.
@Suite struct FeedLeaseTests {
    private struct Lost: Error {}

    /// Each frame tells of a quote, then of an order.
    private struct Feed: BrokerFeed {
        let url: String
        let quote: Quote
        let vitalSigns = FeedVitalSigns()

        func prepare() {}
        func opened() -> [FeedAction] { [.event(.connected)] }
        func received(_ frame: [UInt8]) -> [FeedAction] { [.event(.quote(self.quote)), .event(.ordersMoved("1"))] }
    }

    /// Sends one frame to whoever connects.
    private static func listen() async throws -> any Channel {
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in
                let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: "news"))
                channel.writeAndFlush(frame, promise: nil)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        )
        return try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in })
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    @Test func `who loses the lease tells of the stream's loss, and of no quote that still waits`() async throws {
        let server = try await Self.listen()
        let port = server.localAddress?.port ?? 0
        let quote = Quote(
            symbol: try #require(Symbol("AAPL")),
            bid: Price(10),
            ask: Price(10),
            timestamp: Timestamp(seconds: 0)
        )
        let outcome = Mutex<(taken: [FeedEvent], left: [FeedEvent], idle: [FeedEvent])>(([], [], []))
        try await DedicatedThread.run {
            let bus = InMemoryMessageBus(store: InMemoryMessageStore())
            let driver = FeedDriver(
                feed: Feed(url: "ws://127.0.0.1:\(port)", quote: quote),
                leaseName: "test",
                holder: "test",
                quoteSilence: nil,
                group: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                readiness: ReadinessBoard(waitingFor: []),
                wake: bus.wakeSignal.wake
            )
            var taken: [FeedEvent] = []
            // The ledger is lost when the quote is to be committed, so that it waits.
            var isLost = false
            for _ in 0..<2000 where !isLost {
                do {
                    try driver.turn(bus: bus, now: .zero) { event in
                        if case .quote = event { throw Lost() }
                        taken.append(event)
                    }
                    poll(nil, 0, 5)
                } catch is Lost {
                    isLost = true
                }
            }
            try bus.releaseLease("test", holder: "test")
            _ = try bus.acquireLease("test", holder: "another", for: .seconds(3600))
            var left: [FeedEvent] = []
            try driver.turn(bus: bus, now: .seconds(2)) { left.append($0) }
            var idle: [FeedEvent] = []
            try driver.turn(bus: bus, now: .seconds(4)) { idle.append($0) }
            outcome.withLock { $0 = (taken, left, idle) }
        }
        try await server.close()
        outcome.withLock { outcome in
            #expect(outcome.taken == [.connected])
            #expect(outcome.left == [.ordersMoved("1"), .disconnected])
            #expect(outcome.idle.isEmpty)
        }
    }
}
