import NIOCore
import NIOHTTP1

/// Sits behind the HTTP handlers until the upgrade, and sees an answer only if it is not the one asked for.
final class WebSocketHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let client: WebSocketClient
    private let authority: String

    init(client: WebSocketClient, authority: String) {
        self.client = client
        self.authority = authority
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = Self.unwrapInboundIn(data) {
            self.client.refused(status: Int(head.status.code))
            self.client.finish("the server answered \(head.status.code) to the upgrade (\(self.authority))")
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.client.finish("the server closed the connection during the upgrade (\(self.authority))")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is NIOHTTPClientUpgradeError || error is HTTPParserError {
            self.client.finish("the server's answer to the upgrade is no WebSocket handshake (\(self.authority))")
        } else {
            self.client.finish("the connection failed during the upgrade (\(self.authority)): \(error)")
        }
    }
}
