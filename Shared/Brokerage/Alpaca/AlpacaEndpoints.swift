import HTTPTransport

/// Where Alpaca is, who asks, and which account is meant. Never printed.
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
    /// The account that is traded. Nil takes the key's, whichever it is.
    package var accountNumber: String?
    /// The keys of the configuration that hold the addresses, for errors.
    package var settingNames = SettingNames()

    package struct SettingNames: Sendable {
        package var trading = "APCA_API_BASE_URL"
        package var data = "APCA_API_DATA_URL"

        package init() {}

        /// Where one key holds all addresses.
        package init(all name: String) {
            self.trading = name
            self.data = name
        }
    }

    package init(
        trading: String,
        data: String,
        stream: String,
        feed: String,
        keyID: String,
        secretKey: String,
        accountNumber: String? = nil
    ) {
        self.trading = trading
        self.data = data
        self.stream = stream
        self.feed = feed
        self.keyID = keyID
        self.secretKey = secretKey
        self.accountNumber = accountNumber
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

    /// What the trading host stands for. Of Alpaca's own hosts all but the paper one count as live.
    package var environment: BrokerAccountCheck.Environment {
        guard let host = hostName(of: self.trading) else { return .simulator }
        if host == "paper-api.alpaca.markets" { return .paper }
        return host == "alpaca.markets" || host.hasSuffix(".alpaca.markets") ? .live : .simulator
    }
}
