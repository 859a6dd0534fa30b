package import Brokerage
import HTTPTransport

/// How to reach Alpaca. The defaults are the paper account and the free feed.
///
/// | environment | file | default |
/// |---|---|---|
/// | `APCA_API_KEY_ID` or `APCA_API_KEY_ID_FILE` | `apca.api.keyId`, `apca.api.keyIdFile` | required |
/// | `APCA_API_SECRET_KEY` or `APCA_API_SECRET_KEY_FILE` | `apca.api.secretKey`, `apca.api.secretKeyFile` | required |
/// | `APCA_API_BASE_URL` | `apca.api.baseUrl` | `https://paper-api.alpaca.markets` |
/// | `APCA_API_DATA_URL` | `apca.api.dataUrl` | `https://data.alpaca.markets` |
/// | `APCA_API_STREAM_URL` | `apca.api.streamUrl` | `wss://stream.data.alpaca.markets` |
/// | `APCA_API_FEED` | `apca.api.feed` | `iex` |
/// | `APCA_ACCOUNT_NUMBER` or `APCA_ACCOUNT_NUMBER_FILE` | `apca.accountNumber`, … | none: the key's account, whichever |
///
/// A `/v2` at the end of the first two URLs, as many write them, is dropped. Unencrypted URLs are for a simulator:
/// they are refused for Alpaca's own hosts, since each request carries the keys.
package struct AlpacaSettings: Sendable {
    /// Alpaca's names for its market data feeds.
    package enum Feed: String, CaseIterable, Sendable {
        case iex
        case sip
        case delayedSIP = "delayed_sip"
        case boats
        case overnight
        case test
    }

    package var keyID: Secret
    package var secretKey: Secret
    package var baseURL: String
    package var dataURL: String
    /// The market data WebSocket's scheme and host.
    package var streamURL: String
    package var feed: Feed
    /// The only account that may be traded; nil for the key's.
    package var accountNumber: Secret?

    package init(
        keyID: Secret,
        secretKey: Secret,
        baseURL: String = "https://paper-api.alpaca.markets",
        dataURL: String = "https://data.alpaca.markets",
        streamURL: String = "wss://stream.data.alpaca.markets",
        feed: Feed = .iex,
        accountNumber: Secret? = nil
    ) {
        self.keyID = keyID
        self.secretKey = secretKey
        self.baseURL = baseURL
        self.dataURL = dataURL
        self.streamURL = streamURL
        self.feed = feed
        self.accountNumber = accountNumber
    }

    package init(_ settings: Settings) throws(ConfigurationError) {
        self.init(
            keyID: try settings.secret("apca.api.keyId"),
            secretKey: try settings.secret("apca.api.secretKey"),
            baseURL: try Self.url(settings, "apca.api.baseUrl", default: "https://paper-api.alpaca.markets"),
            dataURL: try Self.url(settings, "apca.api.dataUrl", default: "https://data.alpaca.markets"),
            streamURL: try Self.url(
                settings,
                "apca.api.streamUrl",
                default: "wss://stream.data.alpaca.markets",
                scheme: "ws"
            ),
            feed: try settings.choice("apca.api.feed", default: .iex),
            accountNumber: try settings.optionalSecret("apca.accountNumber")
        )
    }

    private static func url(
        _ settings: Settings,
        _ path: String,
        default defaultValue: String,
        scheme: String = "http"
    ) throws(ConfigurationError) -> String {
        let url = try settings.url(path, default: defaultValue, schemes: ["\(scheme)s", scheme])
        if url.hasPrefix("\(scheme)://"), url.contains("alpaca.markets") {
            let key = SettingsKey(path: path)
            throw ConfigurationError(
                .malformed,
                "\(key): keys must not travel unencrypted; start it with \(scheme)s://"
            )
        }
        return url.hasSuffix("/v2") ? String(url.dropLast(3)) : url
    }
}

extension AlpacaEndpoints {
    package init(_ settings: AlpacaSettings) {
        self.init(
            trading: settings.baseURL,
            data: settings.dataURL,
            stream: settings.streamURL,
            feed: settings.feed.rawValue,
            keyID: settings.keyID.exposed,
            secretKey: settings.secretKey.exposed,
            accountNumber: settings.accountNumber?.exposed
        )
    }

    /// The simulator's one address, and no keys: real ones must not travel unencrypted.
    init(simulator settings: Settings) throws(ConfigurationError) {
        let path = "simulator.url"
        let url = try settings.url(path, default: "http://127.0.0.1:8080", schemes: ["http"])
        guard let host = hostName(of: url), Self.isOwn(host) else {
            throw ConfigurationError(
                .malformed,
                "\(SettingsKey(path: path)) names no machine of one's own; expected one such as http://127.0.0.1:8080, or "
                    + "another BROKER for a real one"
            )
        }
        self.init(
            trading: url,
            data: url,
            stream: "ws" + url.dropFirst(4),
            feed: AlpacaSettings.Feed.iex.rawValue,
            keyID: "simulator",
            secretKey: "simulator"
        )
        self.settingNames = SettingNames(all: SettingsKey(path: path).environmentName)
    }

    /// This machine, or a name that only its own network resolves.
    private static func isOwn(_ host: String) -> Bool {
        host.hasPrefix("127.") || host == "::1" || !host.contains(".") && !host.contains(":")
            || [".local", ".internal"].contains(where: host.hasSuffix)
    }
}
