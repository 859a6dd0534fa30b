package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

/// One connection to a WebSocket server (RFC 6455, no extensions). Everything that happens to it arrives in its inbox,
/// from `.connected` to exactly one `.disconnected`.
///
/// Its methods may be called from any thread and do not block. It does not reconnect: after `.disconnected` make a new
/// one, which may use the same inbox. It lives until `.disconnected`, whoever holds on to it; call `close()` to end it.
package final class WebSocketClient: Sendable {
    private enum Phase {
        case idle, connecting, open, closing, finished
    }

    private struct State {
        var phase = Phase.idle
        var channel: (any Channel)?
        var connectDeadline: Scheduled<Void>?
        var unsentBytes = 0
        var refusalStatus: Int?
    }

    private let endpoint: Endpoint
    private let headers: [(name: String, value: String)]
    private let eventLoop: any EventLoop
    private let inbox: WebSocketInbox
    private let configuration: WebSocketConfiguration
    private let state = Mutex(State())

    /// Takes `ws://host:port/path` and `wss://` URLs; throws `.malformedURL` for anything else.
    /// `headers` go into the upgrade request; throws `.malformedHeader` if one cannot.
    package init(
        url: String,
        headers: [(name: String, value: String)] = [],
        inbox: WebSocketInbox,
        configuration: WebSocketConfiguration = WebSocketConfiguration(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws(WebSocketError) {
        guard let endpoint = Endpoint(parsing: url), endpoint.scheme.hasPrefix("ws") else {
            throw WebSocketError(
                code: .malformedURL,
                message: "the URL of a WebSocket has to be an absolute ws or wss URL without credentials in it"
            )
        }
        guard headers.allSatisfy({ isSendableHeader(name: $0.name, value: $0.value) }) else {
            throw WebSocketError(
                code: .malformedHeader,
                message: "cannot connect to \(endpoint.authority): a header's name is empty or not plain ASCII, or its "
                    + "value has a line break or a NUL"
            )
        }
        self.endpoint = endpoint
        self.headers = headers
        self.eventLoop = eventLoopGroup.next()
        self.inbox = inbox
        self.configuration = configuration
    }

    /// The HTTP status with which the server has refused the upgrade; nil unless it has. Known before `.disconnected`.
    package var refusalStatus: Int? { self.state.withLock { $0.refusalStatus } }

    /// Starts connecting. To be called once.
    package func connect() {
        let timeout = self.configuration.connectTimeout
        let deadline = self.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            self.finish("no WebSocket connection to \(self.endpoint.authority) within \(timeout)")
        }
        let isFirst = self.state.withLock { state in
            guard state.phase == .idle else { return false }
            state.phase = .connecting
            state.connectDeadline = deadline
            return true
        }
        precondition(isFirst, "a WebSocketClient connects once: make a new one after .disconnected")
        switch self.endpoint.scheme {
        case "wss":
            TLSTunnel.open(
                host: self.endpoint.host,
                port: self.endpoint.port,
                settings: self.configuration.tls,
                connectTimeout: timeout
            ) { result in
                switch result {
                case .success(let descriptor):
                    self.makeBootstrap().withConnectedSocket(descriptor).whenComplete { self.connected($0) }
                case .failure(let error):
                    self.eventLoop.execute { self.finish("could not connect: \(error.message)") }
                }
            }
        default:
            self.makeBootstrap().channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: self.endpoint.host, port: self.endpoint.port)
                .whenComplete { self.connected($0) }
        }
    }

    private func makeBootstrap() -> ClientBootstrap {
        ClientBootstrap(group: self.eventLoop)
            .connectTimeout(TimeAmount(self.configuration.connectTimeout))
            // The inbox exceeds its capacity by what one round of reading brings: let that be one buffer.
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.addHandshake(to: channel) }
            }
    }

    /// On the event loop.
    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel): self.requestUpgrade(on: channel)
        case .failure(let error): self.finish("could not connect to \(self.endpoint.authority): \(error)")
        }
    }

    /// Sends a text message. Throws `.notConnected` unless the connection is open and `.sendBufferFull` if the peer
    /// does not keep up; it returns before the message has left.
    package func send(text: String) throws(WebSocketError) {
        try self.send(.text, ByteBuffer(string: text))
    }

    /// Sends a binary message, otherwise as `send(text:)`.
    package func send(binary: [UInt8]) throws(WebSocketError) {
        try self.send(.binary, ByteBuffer(bytes: binary))
    }

    /// Ends the connection: sends a close frame and waits for the peer's, at most `closeTimeout`. `.disconnected`
    /// follows unless it came before; messages may come until then.
    package func close() {
        let (phaseBefore, channel) = self.state.withLock { state in
            let phaseBefore = state.phase
            switch phaseBefore {
            case .idle: state.phase = .finished
            case .open: state.phase = .closing
            case .connecting, .closing, .finished: break
            }
            return (phaseBefore, state.channel)
        }
        switch phaseBefore {
        case .connecting:
            self.eventLoop.execute { self.finish("closed by this side") }
        case .open:
            channel?.writeAndFlush(WebSocketFrame.close(.normalClosure), promise: nil)
            self.eventLoop.scheduleTask(in: TimeAmount(self.configuration.closeTimeout)) {
                self.finish("closed by this side")
            }
        case .idle, .closing, .finished:
            break
        }
    }
}

extension WebSocketClient {
    /// On the event loop: the server's answer to the upgrade is a refusal. `finish` follows.
    func refused(status: Int) { self.state.withLock { $0.refusalStatus = status } }

    /// On the event loop: the connection is over. Only the first call has an effect.
    func finish(_ reason: String) {
        let (isFirst, channel, connectDeadline) = self.state.withLock { state in
            defer {
                state.phase = .finished
                state.channel = nil
                state.connectDeadline = nil
            }
            return (state.phase != .finished, state.channel, state.connectDeadline)
        }
        guard isFirst else { return }
        connectDeadline?.cancel()
        self.inbox.push(.disconnected(reason: reason))
        channel?.close(promise: nil)
    }

    /// On the event loop: the peer's close frame came.
    func peerClosed(_ code: WebSocketErrorCode?, _ text: String) {
        let isAnswer = self.state.withLock { $0.phase == .closing }
        guard !isAnswer else { return self.finish("closed by this side") }
        let channel = self.state.withLock { $0.channel }
        channel?.writeAndFlush(WebSocketFrame.close(code), promise: nil)
        let number = code.map { "\(UInt16(webSocketErrorCode: $0))" } ?? "without a code"
        self.finish("the server closed the connection: \(number)" + (text.isEmpty ? "" : " (\(text))"))
    }

    /// On the event loop: the peer broke the protocol or a limit.
    func fail(_ code: WebSocketErrorCode, _ reason: String) {
        let channel = self.state.withLock { $0.channel }
        channel?.writeAndFlush(WebSocketFrame.close(code), promise: nil)
        self.finish(reason)
    }

    /// On the event loop. Nothing follows `.disconnected`.
    func deliver(_ event: WebSocketEvent) {
        let isOver = self.state.withLock { $0.phase == .finished }
        if !isOver { self.inbox.push(event) }
    }

    func deliverPing(_ payload: [UInt8]) {
        self.deliver(
            .ping(
                WebSocketPing(payload: payload) { payload in
                    // A pong that cannot be sent is one the peer never gets, which is what it then has to know.
                    try? self.send(.pong, ByteBuffer(bytes: payload))
                }
            )
        )
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer) throws(WebSocketError) {
        // A frame's own size counts too, lest empty messages be free.
        let size = data.readableBytes + 64
        let limit = self.configuration.maximumUnsentBytes
        let (channel, isFull) = self.state.withLock { state in
            guard state.phase == .open, let channel = state.channel else { return (nil as (any Channel)?, false) }
            guard state.unsentBytes == 0 || state.unsentBytes + size <= limit else { return (channel, true) }
            state.unsentBytes += size
            return (channel, false)
        }
        guard let channel else {
            throw WebSocketError(
                code: .notConnected,
                message: "nothing was sent: there is no WebSocket connection to \(self.endpoint.authority)"
            )
        }
        guard !isFull else {
            throw WebSocketError(
                code: .sendBufferFull,
                message: "nothing was sent: more than \(limit) bytes wait to be sent to \(self.endpoint.authority)"
            )
        }
        channel.writeAndFlush(WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data))
            .whenComplete { _ in self.state.withLock { $0.unsentBytes -= size } }
    }

    private func addHandshake(to channel: any Channel) throws {
        let refusal = WebSocketHandshakeHandler(client: self, authority: self.endpoint.authority)
        let boundRefusal = NIOLoopBound(refusal, eventLoop: channel.eventLoop)
        let upgrader = NIOWebSocketClientUpgrader(
            maxFrameSize: self.configuration.maximumMessageBytes,
            automaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let frames = WebSocketFrameHandler(
                    client: self,
                    inbox: self.inbox,
                    configuration: self.configuration
                )
                try channel.pipeline.syncOperations.addHandler(frames)
                channel.pipeline.syncOperations.removeHandler(boundRefusal.value, promise: nil)
                self.opened()
            }
        }
        try channel.pipeline.syncOperations.addHTTPClientHandlers(
            leftOverBytesStrategy: .forwardBytes,
            withClientUpgrade: (upgraders: [upgrader], completionHandler: { _ in })
        )
        try channel.pipeline.syncOperations.addHandler(refusal)
    }

    private func requestUpgrade(on channel: any Channel) {
        let isStillWanted = self.state.withLock { state in
            guard state.phase == .connecting else { return false }
            state.channel = channel
            return true
        }
        guard isStillWanted else { return channel.close(promise: nil) }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: self.endpoint.target)
        head.headers.add(name: "Host", value: self.endpoint.authority)
        head.headers.add(name: "User-Agent", value: "quintet")
        for (name, value) in self.headers { head.headers.add(name: name, value: value) }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    private func opened() {
        let connectDeadline = self.state.withLock { state in
            guard state.phase == .connecting else { return nil as Scheduled<Void>? }
            state.phase = .open
            defer { state.connectDeadline = nil }
            return state.connectDeadline
        }
        connectDeadline?.cancel()
        self.deliver(.connected)
    }
}

extension WebSocketFrame {
    /// As a client sends it: masked. Without a code it has no payload.
    fileprivate static func close(_ code: WebSocketErrorCode?) -> WebSocketFrame {
        var data = ByteBuffer()
        if let code { data.write(webSocketErrorCode: code) }
        return WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
    }
}
