/// The limits of one WebSocket connection.
package struct WebSocketConfiguration: Sendable {
    /// From `connect()` to the accepted upgrade.
    package var connectTimeout: Duration = .seconds(10)
    /// For `wss` URLs.
    package var tls = TLSSettings()
    /// How long `close()` waits for the peer's close frame.
    package var closeTimeout: Duration = .seconds(2)
    /// A longer incoming message ends the connection.
    package var maximumMessageBytes = 1 << 20
    /// Sending fails while this much waits for the socket.
    package var maximumUnsentBytes = 1 << 20
    /// Pause between the last pong and the next ping of this side's own; nil sends none.
    package var pingInterval: Duration? = .seconds(10)
    /// A ping unanswered for this long ends the connection. Time in which a full inbox kept the socket from being
    /// read does not count.
    package var pongTimeout: Duration = .seconds(10)

    package init() {}
}
