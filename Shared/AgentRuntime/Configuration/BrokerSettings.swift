package import Brokerage
package import HTTPTransport
import Telemetry
package import TradingCore

/// Which broker the process talks to, and how to reach it.
///
/// | environment | file | default |
/// |---|---|---|
/// | `BROKER` | `broker` | `alpaca`; or `schwab`, or `simulator` |
/// | `TRADE_LIVE` | `trade.live` | `no`; must be `yes` where the broker's host trades real money |
/// | `SIMULATOR_URL` | `simulator.url` | `http://127.0.0.1:8080`; for `BROKER=simulator`, on this machine or its network |
/// | `TLS_AUTHORITIES_FILE` | `tls.authoritiesFile` | none; PEM file of the authorities to trust in place of the system's |
///
/// and the keys of `AlpacaSettings` or `SchwabEndpoints`. The simulator is spoken to as Alpaca is, and needs no keys.
package enum BrokerSettings: Sendable {
    case alpaca(AlpacaEndpoints)
    case schwab(SchwabEndpoints)

    private enum Choice: String, CaseIterable {
        case alpaca
        case schwab
        case simulator
    }

    private static func choice(_ settings: Settings) throws(ConfigurationError) -> Choice {
        try settings.choice("broker", default: .alpaca)
    }

    /// For traces and metrics: whose API is spoken. Needs no keys.
    static func name(_ settings: Settings) throws(ConfigurationError) -> String {
        switch try Self.choice(settings) {
        case .alpaca, .simulator: "alpaca"
        case .schwab: "schwab"
        }
    }

    package init(_ settings: Settings) throws(ConfigurationError) {
        let isLiveMeant = try settings.consent("trade.live")
        switch try Self.choice(settings) {
        case .alpaca:
            let endpoints = AlpacaEndpoints(try AlpacaSettings(settings))
            if endpoints.environment == .live, !isLiveMeant {
                throw Self.liveNotMeant("apca.api.baseUrl", "set it to https://paper-api.alpaca.markets")
            }
            self = .alpaca(endpoints)
        case .schwab:
            let endpoints = try SchwabEndpoints(settings)
            if endpoints.environment == .live, !isLiveMeant {
                throw Self.liveNotMeant("schwab.baseUrl", "choose another BROKER: Schwab has no paper accounts")
            }
            self = .schwab(endpoints)
        case .simulator: self = .alpaca(try AlpacaEndpoints(simulator: settings))
        }
    }

    private static func liveNotMeant(_ path: String, _ alternative: String) -> ConfigurationError {
        ConfigurationError(
            .missing,
            "\(SettingsKey(path: "trade.live")) is not set, and \(SettingsKey(path: path)) leads to real money: set it to "
                + "yes to let the agents trade with it, or \(alternative)"
        )
    }

    /// A broker for the thread that calls this, whose requests go through the gate, if there is one.
    package func makeBroker(_ tls: TLSSettings, gate: RateGate? = nil) -> any Broker {
        var client: any HTTPClient = TracedHTTPClient(CurlHTTPClient(tls: tls))
        switch self {
        case .alpaca(let endpoints):
            if let gate { client = MeteredHTTPClient(client, gate: gate, alpaca: endpoints, now: WallClock.now) }
            return AlpacaBroker(endpoints: endpoints, client: client)
        case .schwab(let endpoints):
            if let gate { client = MeteredHTTPClient(client, gate: gate, schwab: endpoints, now: WallClock.now) }
            return SchwabBroker(endpoints: endpoints, client: client, now: WallClock.now)
        }
    }

    /// Reads how long the login lasts that a person has to renew; nil where keys do not end.
    package var loginReader: (@Sendable () -> BrokerLogin)? {
        switch self {
        case .alpaca: nil
        case .schwab(let endpoints): { SchwabLogin.kept(in: endpoints.tokenFile, at: WallClock.now()) }
        }
    }

    var names: BrokerSettingNames {
        switch self {
        case .alpaca(let endpoints):
            BrokerSettingNames(
                prefix: "APCA_",
                address: endpoints.settingNames.trading,
                keys: "APCA_API_KEY_ID and APCA_API_SECRET_KEY"
            )
        case .schwab:
            BrokerSettingNames(
                prefix: "SCHWAB_",
                address: "SCHWAB_BASE_URL",
                keys: "SCHWAB_APP_KEY and SCHWAB_APP_SECRET"
            )
        }
    }
}

extension TLSSettings {
    package init(_ settings: Settings) throws(ConfigurationError) {
        self.init(authoritiesFile: try settings.optionalString("tls.authoritiesFile"))
    }
}

extension SchwabEndpoints {
    /// | environment | file | default |
    /// |---|---|---|
    /// | `SCHWAB_APP_KEY` or `SCHWAB_APP_KEY_FILE` | `schwab.app.key`, `schwab.app.keyFile` | required |
    /// | `SCHWAB_APP_SECRET` or `SCHWAB_APP_SECRET_FILE` | `schwab.app.secret`, `schwab.app.secretFile` | required |
    /// | `SCHWAB_CALLBACK_URL` | `schwab.callbackUrl` | required: as registered with the app, byte for byte |
    /// | `SCHWAB_ACCOUNT_NUMBER` | `schwab.accountNumber` | required: the account to trade |
    /// | `SCHWAB_TOKEN_FILE` | `schwab.tokenFile` | required: where `tradectl schwab login` keeps the login |
    /// | `SCHWAB_BASE_URL` | `schwab.baseUrl` | `https://api.schwabapi.com` |
    package init(_ settings: Settings) throws(ConfigurationError) {
        let base = try settings.url("schwab.baseUrl", default: "https://api.schwabapi.com", schemes: ["https", "http"])
        if base.hasPrefix("http://"), base.contains("schwabapi.com") {
            throw ConfigurationError(
                .malformed,
                "\(SettingsKey(path: "schwab.baseUrl")): tokens must not travel unencrypted; start it with https://"
            )
        }
        let callback = try settings.requiredString("schwab.callbackUrl")
        guard callback.hasPrefix("https://"), hostName(of: callback) != nil else {
            throw ConfigurationError(
                .malformed,
                "\(SettingsKey(path: "schwab.callbackUrl")) is no https:// address; expected the callback URL as it was "
                    + "registered with the app, such as https://127.0.0.1:8182"
            )
        }
        self.init(
            base: base.hasSuffix("/") ? String(base.dropLast()) : base,
            appKey: try settings.secret("schwab.app.key").exposed,
            appSecret: try settings.secret("schwab.app.secret").exposed,
            callbackURL: callback,
            accountNumber: try settings.secret("schwab.accountNumber").exposed,
            tokenFile: try settings.requiredString("schwab.tokenFile")
        )
    }
}
