import NIOCore
import NIOHTTP1

/// Reads a request completely, has it answered and writes the answer. Lives on its channel's event loop.
final class RESTChannelHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    static let name = "rest"
    private static let maximumBodyBytes = 1 << 20

    private let respond: @Sendable (RESTRequest) -> RESTReply
    /// Hears of every request from its head until its answer has left or its connection is gone.
    private let gate: SettleGate?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var unfinished = 0

    init(gate: SettleGate?, respond: @escaping @Sendable (RESTRequest) -> RESTReply) {
        self.gate = gate
        self.respond = respond
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
            self.isTooLarge = false
            self.unfinished += 1
            self.gate?.requestBegan()
        case .body(let buffer):
            self.isTooLarge = self.isTooLarge || self.body.count + buffer.readableBytes > Self.maximumBodyBytes
            if !self.isTooLarge { self.body.append(contentsOf: buffer.readableBytesView) }
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.send(self.reply(to: head), keepAlive: head.isKeepAlive, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        while self.unfinished > 0 { self.finishRequest() }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func reply(to head: HTTPRequestHead) -> RESTReply {
        if self.isTooLarge { return RESTFailure(status: 413, code: 40_010_000, message: "body too large").reply }
        return self.respond(
            RESTRequest(
                method: head.method.rawValue,
                target: head.uri,
                key: head.headers.first(name: "APCA-API-KEY-ID") ?? "",
                secret: head.headers.first(name: "APCA-API-SECRET-KEY") ?? "",
                authorization: head.headers.first(name: "Authorization") ?? "",
                host: head.headers.first(name: "Host") ?? "",
                body: self.body
            )
        )
    }

    private func send(_ reply: RESTReply, keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard reply.delay > .zero else { return self.write(reply, keepAlive: keepAlive, context) }
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(reply.delay)) {
            // Whoever asked may have given up.
            if context.channel.isActive { self.write(reply, keepAlive: keepAlive, context) }
        }
    }

    private func write(_ reply: RESTReply, keepAlive: Bool, _ context: ChannelHandlerContext) {
        guard !reply.isLost else { return context.close(promise: nil) }
        var headers = HTTPHeaders()
        // 204 has no body and may not announce one.
        if reply.status != 204 {
            if let contentType = reply.contentType { headers.add(name: "Content-Type", value: contentType) }
            headers.add(name: "Content-Length", value: "\(reply.body.count)")
        }
        for header in reply.headers { headers.add(name: header.name, value: header.value) }
        if !keepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(
            version: .http1_1,
            status: HTTPResponseStatus(statusCode: reply.status),
            headers: headers
        )
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if !reply.body.isEmpty {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.finishRequest()
            if !keepAlive { context.close(promise: nil) }
        }
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: written)
    }

    private func finishRequest() {
        guard self.unfinished > 0 else { return }
        self.unfinished -= 1
        self.gate?.requestEnded()
    }
}
