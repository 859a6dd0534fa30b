import CoreMetrics
import NIOCore
import NIOHTTP1
import Synchronization
import Telemetry

/// What each path answers.
struct HealthResponder: Sendable {
    struct Response {
        let status: HTTPResponseStatus
        let contentType: String
        let body: ByteBuffer
    }

    let liveness: @Sendable () -> Liveness
    let readiness: ReadinessBoard
    let metrics: PrometheusMetricsFactory

    func respond(to head: HTTPRequestHead) -> Response {
        guard head.method == .GET || head.method == .HEAD else {
            return self.text(.methodNotAllowed, "only GET and HEAD are answered here\n")
        }
        switch head.uri.prefix(while: { $0 != "?" }) {
        case "/livez":
            return switch self.liveness() {
            case .alive: self.text(.ok, "ok\n")
            case .stalled(let reason): self.text(.serviceUnavailable, reason + "\n")
            }
        case "/readyz":
            let report = self.readiness.report(self.liveness())
            return Response(
                status: report.isReady ? .ok : .serviceUnavailable,
                contentType: "application/json",
                body: ByteBuffer(bytes: report.json)
            )
        case "/metrics":
            for (check, isReady) in self.readiness.verdicts(self.liveness()) {
                self.metrics.makeMeter(label: MetricName.ready.rawValue, dimensions: [("check", check)])
                    .set(isReady ? Int64(1) : 0)
            }
            return Response(
                status: .ok,
                contentType: PrometheusMetricsFactory.contentType,
                body: ByteBuffer(string: self.metrics.render())
            )
        default:
            return self.text(.notFound, "not found; there are /livez, /readyz and /metrics\n")
        }
    }

    private func text(_ status: HTTPResponseStatus, _ text: String) -> Response {
        Response(status: status, contentType: "text/plain; charset=utf-8", body: ByteBuffer(string: text))
    }
}

/// Answers each request once it has come in whole; bodies are read past.
final class HealthHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let responder: HealthResponder
    private var head: HTTPRequestHead?

    init(_ responder: HealthResponder) {
        self.responder = responder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end: self.answer(context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// A broken connection or request concerns nobody but its sender.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard let head = self.head else { return }
        self.head = nil
        let response = self.responder.respond(to: head)
        var headers = HTTPHeaders()
        headers.add(name: "content-type", value: response.contentType)
        headers.add(name: "content-length", value: String(response.body.readableBytes))
        headers.add(name: "cache-control", value: "no-store")
        if !head.isKeepAlive {
            headers.add(name: "connection", value: "close")
        }
        let responseHead = HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)
        context.write(self.wrapOutboundOut(.head(responseHead)), promise: nil)
        if head.method != .HEAD {
            context.write(self.wrapOutboundOut(.body(.byteBuffer(response.body))), promise: nil)
        }
        let ended = context.writeAndFlush(self.wrapOutboundOut(.end(nil)))
        if !head.isKeepAlive {
            let channel = context.channel
            ended.whenComplete { _ in channel.close(promise: nil) }
        }
    }
}

/// How many connections are open.
final class ConnectionCount: Sendable {
    let maximum: Int
    let open: Atomic<Int> = Atomic(0)

    init(maximum: Int) {
        self.maximum = maximum
    }
}

/// Closes a connection that comes in while the maximum is open.
final class ConnectionLimiter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connections: ConnectionCount

    init(_ connections: ConnectionCount) {
        self.connections = connections
    }

    func channelActive(context: ChannelHandlerContext) {
        let open = self.connections.open.wrappingAdd(1, ordering: .relaxed).newValue
        if open > self.connections.maximum {
            context.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.connections.open.wrappingSubtract(1, ordering: .relaxed)
        context.fireChannelInactive()
    }
}
