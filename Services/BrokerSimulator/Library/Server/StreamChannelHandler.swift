import NIOCore
import NIOWebSocket

/// One WebSocket: passes messages to the hub and answers control frames. Lives on its channel's event loop.
final class StreamChannelHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let hub: StreamHub
    private let endpoint: StreamEndpoint
    private let form: StreamForm
    private let key: String
    private let secret: String
    /// Nil: the endpoint's clients get no heartbeats.
    private let heartbeatInterval: TimeAmount?
    private var id: Int?
    private var authenticationDeadline: Scheduled<Void>?
    private var heartbeat: RepeatedTask?

    init(
        hub: StreamHub,
        endpoint: StreamEndpoint,
        form: StreamForm,
        key: String,
        secret: String,
        heartbeatInterval: TimeAmount?
    ) {
        self.hub = hub
        self.endpoint = endpoint
        self.form = form
        self.key = key
        self.secret = secret
        self.heartbeatInterval = heartbeatInterval
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let connection = ChannelStreamConnection(channel: context.channel)
        let id = self.hub.opened(
            self.endpoint,
            connection,
            form: self.form,
            key: self.key,
            secret: self.secret
        )
        let hub = self.hub
        self.id = id
        self.authenticationDeadline = context.eventLoop.scheduleTask(in: .seconds(10)) {
            hub.authenticationTimedOut(id)
        }
        if let interval = self.heartbeatInterval {
            self.heartbeat = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
                hub.heartbeat(id)
            }
        }
        if !context.channel.isActive { self.end() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let id = self.id else { return }
        let frame = self.unwrapInboundIn(data)
        var bytes = frame.unmaskedData
        switch frame.opcode {
        case .text, .binary:
            self.hub.received(Array(bytes.readableBytesView), from: id)
        case .pong:
            if let number = bytes.readInteger(as: Int64.self) { self.hub.pong(Int(number), from: id) }
        case .ping:
            context.writeAndFlush(
                self.wrapOutboundOut(WebSocketFrame(fin: true, opcode: .pong, data: bytes)),
                promise: nil
            )
        case .connectionClose:
            // The peer's code goes back to it; whatever follows is not read any more.
            self.end()
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            context.writeAndFlush(
                self.wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: bytes)),
                promise: written
            )
        default:
            break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    /// A client that does not read must not fill this process's memory (the broker's error 407).
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if !context.channel.isWritable { context.close(promise: nil) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func end() {
        self.authenticationDeadline?.cancel()
        self.authenticationDeadline = nil
        self.heartbeat?.cancel()
        self.heartbeat = nil
        if let id = self.id { self.hub.closed(id) }
        self.id = nil
    }
}

/// Every write is a task of the event loop, so that frames from the replay's thread and from the loop itself keep the
/// order of the calls.
private struct ChannelStreamConnection: StreamConnection {
    let channel: any Channel

    func send(_ bytes: [UInt8], isText: Bool) {
        self.write(WebSocketFrame(fin: true, opcode: isText ? .text : .binary, data: ByteBuffer(bytes: bytes)))
    }

    func ping(_ number: Int) {
        self.write(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(integer: Int64(number))))
    }

    func close() {
        let channel = self.channel
        channel.eventLoop.execute { channel.close(promise: nil) }
    }

    private func write(_ frame: WebSocketFrame) {
        let channel = self.channel
        channel.eventLoop.execute { channel.writeAndFlush(frame, promise: nil) }
    }
}
