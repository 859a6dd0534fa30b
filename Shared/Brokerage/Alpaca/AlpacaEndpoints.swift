/// Where Alpaca is and who asks. Never printed.
package struct AlpacaEndpoints: Sendable {
    /// Trading REST, such as `https://paper-api.alpaca.markets`.
    package var trading: String
    /// Market data REST, such as `https://data.alpaca.markets`.
    package var data: String
    /// Market data stream, such as `wss://stream.data.alpaca.markets`.
    package var stream: String
    /// `iex`, `sip` or `delayed_sip`.
    package var feed: String
    package var keyID: String
    package var secretKey: String

    package init(trading: String, data: String, stream: String, feed: String, keyID: String, secretKey: String) {
        self.trading = trading
        self.data = data
        self.stream = stream
        self.feed = feed
        self.keyID = keyID
        self.secretKey = secretKey
    }

    var headers: [(name: String, value: String)] {
        [("APCA-API-KEY-ID", self.keyID), ("APCA-API-SECRET-KEY", self.secretKey)]
    }

    /// The trading stream lives on the trading host.
    var tradeUpdatesURL: String {
        if self.trading.hasPrefix("https://") { return "wss://\(self.trading.dropFirst(8))/stream" }
        if self.trading.hasPrefix("http://") { return "ws://\(self.trading.dropFirst(7))/stream" }
        return self.trading
    }
}
