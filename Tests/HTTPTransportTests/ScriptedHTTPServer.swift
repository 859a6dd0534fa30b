import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on loopback that answers each request with the bytes its script returns, and remembers the request.
final class ScriptedHTTPServer: Sendable {
    struct Request: Sendable {
        /// Connections are numbered from 1 in the order in which they were accepted.
        let connection: Int
        let method: String
        let target: String
        let headers: HTTPHeaders
        let body: [UInt8]
    }

    enum Reply: Sendable {
        case send(String)
        case sendThenClose(String)
        case sendThenReset(String)
        case nothing
    }

    private struct State {
        var requests: [Request] = []
        var connections: [any Channel] = []
    }

    private let state = Mutex(State())
    private let script: @Sendable (Request) -> Reply

    private init(_ script: @escaping @Sendable (Request) -> Reply) {
        self.script = script
    }

    /// Everything received so far.
    var requests: [Request] {
        self.state.withLock { $0.requests }
    }

    /// Runs `body` with the server's port, and stops the server afterwards.
    static func run(
        _ script: @escaping @Sendable (Request) -> Reply,
        _ body: (ScriptedHTTPServer, _ port: Int) async throws -> Void
    ) async throws {
        let server = ScriptedHTTPServer(script)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let number = server.state.withLock { state in
                    state.connections.append(channel)
                    return state.connections.count
                }
                return channel.eventLoop.makeCompletedFuture {
                    let handlers = channel.pipeline.syncOperations
                    try handlers.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
                    try handlers.addHandler(Handler(server: server, connection: number))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(server, listener.localAddress?.port ?? 0))
        } catch {
            outcome = .failure(error)
        }
        try await listener.close()
        for connection in server.state.withLock({ $0.connections }) { connection.close(promise: nil) }
        try outcome.get()
    }

    static func answer(_ status: Int = 200, headers: [String] = [], body: String = "") -> String {
        (["HTTP/1.1 \(status) X", "Content-Length: \(body.utf8.count)"] + headers + ["", body]).joined(
            separator: "\r\n"
        )
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = ByteBuffer

        private let server: ScriptedHTTPServer
        private let connection: Int
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(server: ScriptedHTTPServer, connection: Int) {
            self.server = server
            self.connection = connection
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch Self.unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                self.body = []
            case .body(let part):
                self.body += part.readableBytesView
            case .end:
                guard let head = self.head else { return }
                let request = Request(
                    connection: self.connection,
                    method: head.method.rawValue,
                    target: head.uri,
                    headers: head.headers,
                    body: self.body
                )
                self.server.state.withLock { $0.requests.append(request) }
                self.reply(self.server.script(request), context)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        private func reply(_ reply: Reply, _ context: ChannelHandlerContext) {
            switch reply {
            case .send(let text):
                context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .sendThenClose(let text):
                context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                context.close(promise: nil)
            case .sendThenReset(let text):
                context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                let channel = context.channel
                (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                    .whenComplete { _ in channel.close(promise: nil) }
            case .nothing:
                break
            }
        }
    }
}
