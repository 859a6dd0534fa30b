/// What came from a WebSocket, in the order in which it came.
package enum WebSocketEvent: Sendable {
    /// The first event of a connection: the upgrade was accepted.
    case connected
    /// A complete text message, valid UTF-8.
    case text([UInt8])
    /// A complete binary message.
    case binary([UInt8])
    /// The peer asks whether everything before this was dealt with. Nothing answers it but `reply()`.
    case ping(WebSocketPing)
    /// The last event of a connection, whether it was ever connected or not.
    case disconnected(reason: String)

    /// The bytes of payload the event carries.
    var payloadBytes: Int {
        switch self {
        case .text(let bytes), .binary(let bytes): bytes.count
        case .ping(let ping): ping.payload.count
        case .connected, .disconnected: 0
        }
    }
}

/// A ping that waits for its pong.
package struct WebSocketPing: Sendable {
    /// At most 125 bytes.
    package let payload: [UInt8]
    private let answer: @Sendable ([UInt8]) -> Void

    /// `answer` sends a pong with the payload it is given, from whatever thread calls `reply()`.
    package init(payload: [UInt8], answer: @escaping @Sendable ([UInt8]) -> Void) {
        self.payload = payload
        self.answer = answer
    }

    /// Sends the pong, from any thread. Without effect once the connection is gone.
    package func reply() {
        self.answer(self.payload)
    }
}
