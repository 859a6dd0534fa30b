/// A call that a `WebSocketClient` could not accept. What happens to the connection itself arrives as events.
package struct WebSocketError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case malformedURL
        case malformedHeader
        case notConnected
        case sendBufferFull
    }

    package let code: Code
    package let message: String

    package var description: String {
        self.message
    }
}
