import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// A WebSocket server on loopback that does nothing by itself: the test writes and reads its frames.
struct WebSocketServer {
    struct Connection: Sendable {
        let channel: any Channel
        let request: HTTPRequestHead
        /// What the client sent, unmasked; ends with the connection.
        let frames: AsyncStream<WebSocketFrame>

        func send(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) async throws {
            try await self.send(opcode, bytes: Array(text.utf8), fin: fin)
        }

        func send(_ opcode: WebSocketOpcode, bytes: [UInt8], fin: Bool = true) async throws {
            let frame = WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes))
            try await self.channel.writeAndFlush(frame)
        }
    }

    let port: Int
    let connections: AsyncStream<Connection>

    /// Runs `body` with a server, and stops it afterwards. `greeting` goes out right behind the accepted upgrade.
    static func run(greeting: String? = nil, _ body: (WebSocketServer) async throws -> Void) async throws {
        let (connections, accepted) = AsyncStream.makeStream(of: Connection.self, bufferingPolicy: .bufferingOldest(16))
        let upgrader = NIOWebSocketServerUpgrader(
            maxFrameSize: 1 << 20,
            automaticErrorHandling: true,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, request in
                let (frames, received) = AsyncStream.makeStream(
                    of: WebSocketFrame.self,
                    bufferingPolicy: .bufferingOldest(100_000)
                )
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FrameCollector(received))
                    if let greeting {
                        let frame = WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: greeting))
                        channel.writeAndFlush(frame, promise: nil)
                    }
                    accepted.yield(Connection(channel: channel, request: request, frames: frames))
                }
            }
        )
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in })
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let outcome: Result<Void, any Error>
        do {
            let port = listener.localAddress?.port ?? 0
            outcome = .success(try await body(WebSocketServer(port: port, connections: connections)))
        } catch {
            outcome = .failure(error)
        }
        try await listener.close()
        accepted.finish()
        for await connection in connections { connection.channel.close(promise: nil) }
        try outcome.get()
    }

    private final class FrameCollector: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame

        private let received: AsyncStream<WebSocketFrame>.Continuation

        init(_ received: AsyncStream<WebSocketFrame>.Continuation) {
            self.received = received
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = Self.unwrapInboundIn(data)
            // RFC 6455: a client masks every frame.
            precondition(frame.maskKey != nil)
            self.received.yield(WebSocketFrame(fin: frame.fin, opcode: frame.opcode, data: frame.unmaskedData))
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.received.finish()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

extension AsyncStream where Element: Sendable {
    /// The next element.
    func next() async -> Element? {
        for await element in self { return element }
        return nil
    }
}

extension WebSocketFrame {
    var text: String {
        String(buffer: self.data)
    }
}
