import NIOCore
import NIOWebSocket

/// Turns frames into events, withholds reading while the inbox is full, and pings.
final class WebSocketFrameHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let client: WebSocketClient
    private let inbox: WebSocketInbox
    private let configuration: WebSocketConfiguration
    private var message: (opcode: WebSocketOpcode, data: ByteBuffer)?
    private var isReadingWithheld = false
    private var wasReadingWithheldSincePing = false
    private var pingCount: UInt64 = 0
    /// The time of the next ping, or the end of the wait for a pong.
    private var keepAlive: Scheduled<Void>?

    init(client: WebSocketClient, inbox: WebSocketInbox, configuration: WebSocketConfiguration) {
        self.client = client
        self.inbox = inbox
        self.configuration = configuration
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.schedulePing(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.keepAlive?.cancel()
    }

    func read(context: ChannelHandlerContext) {
        let channel = context.channel
        self.isReadingWithheld = self.inbox.isFull { channel.read() }
        if self.isReadingWithheld {
            self.wasReadingWithheldSincePing = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = Self.unwrapInboundIn(data)
        guard frame.maskKey == nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return self.client.fail(.protocolError, "the server sent a masked frame or one with reserved bits")
        }
        switch frame.opcode {
        case .text, .binary:
            guard self.message == nil else {
                return self.client.fail(.protocolError, "the server began a message inside another")
            }
            if frame.fin {
                self.deliver(frame.opcode, frame.data)
            } else {
                self.message = (frame.opcode, frame.data)
            }
        case .continuation:
            self.append(frame)
        case .ping:
            self.client.deliverPing(Array(frame.data.readableBytesView))
        case .pong:
            self.receivedPong(frame.data, context)
        case .connectionClose:
            var data = frame.data
            let code = data.readWebSocketErrorCode()
            self.client.peerClosed(code, String(buffer: data))
        default:
            self.client.fail(.protocolError, "the server sent a frame of an unknown kind")
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.client.finish("the server closed the connection without a close frame")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength:
            self.failTooLarge()
        case is NIOWebSocketError:
            self.client.fail(.protocolError, "the server sent a malformed control frame")
        case is ByteToMessageDecoderError:
            // The connection ended inside a frame: `channelInactive` follows.
            break
        default:
            self.client.finish("the connection failed: \(error)")
        }
    }

    private func append(_ frame: WebSocketFrame) {
        guard var message = self.message else {
            return self.client.fail(.protocolError, "the server continued a message it had not begun")
        }
        self.message = nil
        guard message.data.readableBytes + frame.data.readableBytes <= self.configuration.maximumMessageBytes else {
            return self.failTooLarge()
        }
        var data = frame.data
        message.data.writeBuffer(&data)
        if frame.fin {
            self.deliver(message.opcode, message.data)
        } else {
            self.message = message
        }
    }

    private func deliver(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        let bytes = Array(data.readableBytesView)
        if opcode == .binary {
            self.client.deliver(.binary(bytes))
        } else if (try? UTF8Span(validating: bytes.span)) != nil {
            self.client.deliver(.text(bytes))
        } else {
            self.client.fail(.dataInconsistentWithMessage, "the server sent a text that is not UTF-8")
        }
    }

    private func failTooLarge() {
        let limit = self.configuration.maximumMessageBytes
        self.client.fail(.messageTooLarge, "the server sent a message of more than \(limit) bytes")
    }

    private func schedulePing(_ context: ChannelHandlerContext) {
        guard let interval = self.configuration.pingInterval else { return }
        self.keepAlive = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(interval)) {
            self.pingCount += 1
            self.wasReadingWithheldSincePing = self.isReadingWithheld
            let data = ByteBuffer(integer: self.pingCount)
            let frame = WebSocketFrame(fin: true, opcode: .ping, maskKey: .random(), data: data)
            context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
            self.awaitPong(context)
        }
    }

    private func awaitPong(_ context: ChannelHandlerContext) {
        let timeout = self.configuration.pongTimeout
        self.keepAlive = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
            if self.wasReadingWithheldSincePing {
                // The pong may be there, unread.
                self.wasReadingWithheldSincePing = self.isReadingWithheld
                self.awaitPong(context)
            } else {
                self.client.finish("no pong within \(timeout)")
            }
        }
    }

    private func receivedPong(_ data: ByteBuffer, _ context: ChannelHandlerContext) {
        guard self.pingCount > 0, data == ByteBuffer(integer: self.pingCount) else { return }
        self.keepAlive?.cancel()
        self.schedulePing(context)
    }
}
