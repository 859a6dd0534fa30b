import Synchronization

/// Issues and checks the codes and tokens of the broker's OAuth.
///
/// A code is good once and for 30 seconds, an access token for 30 minutes. A refresh token is good for seven days from
/// the login; using it does not lengthen that, and the same one comes back unless it is to be rotated.
final class SchwabTokenDesk: Sendable {
    struct Tokens: Hashable {
        let access: String
        let refresh: String
    }

    static let accessLifetime = Duration.seconds(30 * 60)
    private static let refreshLifetime = Duration.seconds(7 * 86_400)
    private static let codeLifetime = Duration.seconds(30)

    private let now: @Sendable () -> ContinuousClock.Instant
    private let credentials: BrokerSimulatorConfiguration.Credentials?
    private let state: Mutex<State>

    private struct State {
        var codes: [String: Code] = [:]
        /// When each access token ends.
        var accessTokens: [String: ContinuousClock.Instant] = [:]
        var refreshTokens: [String: ContinuousClock.Instant] = [:]

        mutating func dropExpired(at now: ContinuousClock.Instant) {
            self.codes = self.codes.filter { now < $0.value.end }
            self.accessTokens = self.accessTokens.filter { now < $0.value }
            self.refreshTokens = self.refreshTokens.filter { now < $0.value }
        }
    }

    private struct Code {
        let redirectURI: String
        let end: ContinuousClock.Instant
    }

    init(_ configuration: SchwabConfiguration) {
        self.now = configuration.now
        self.credentials = configuration.credentials
        var state = State()
        if let token = configuration.refreshToken {
            state.refreshTokens[token] = configuration.now() + Self.refreshLifetime
        }
        self.state = Mutex(state)
    }

    func isKnown(clientID: String) -> Bool {
        self.credentials.map { $0.key == clientID } ?? !clientID.isEmpty
    }

    /// - Parameter header: The value of `Authorization`: `Basic` and the app's key and secret.
    func acceptsClient(_ header: String) -> Bool {
        guard let credentials = self.credentials else { return header.hasPrefix("Basic ") && header.utf8.count > 6 }
        return header == "Basic \(Array("\(credentials.key):\(credentials.secret)".utf8).base64Text)"
    }

    /// The person at the browser has agreed.
    func makeCode(redirectURI: String) -> String {
        let now = self.now()
        let code = Self.randomText("C0.")
        self.state.withLock { state in
            state.dropExpired(at: now)
            state.codes[code] = Code(redirectURI: redirectURI, end: now + Self.codeLifetime)
        }
        return code
    }

    /// Nil unless the code is good and was given to that address; the code is spent in any case.
    func redeem(code: String, redirectURI: String) -> Tokens? {
        let now = self.now()
        return self.state.withLock { state in
            state.dropExpired(at: now)
            guard let found = state.codes.removeValue(forKey: code), found.redirectURI == redirectURI else {
                return nil
            }
            let refresh = Self.randomText("")
            state.refreshTokens[refresh] = now + Self.refreshLifetime
            return Self.issue(refresh: refresh, at: now, &state)
        }
    }

    /// - Parameter isRotating: The token is good for this time only, and another takes its place.
    func refresh(_ token: String, isRotating: Bool = false) -> Tokens? {
        let now = self.now()
        return self.state.withLock { state in
            state.dropExpired(at: now)
            guard let end = state.refreshTokens[token] else { return nil }
            guard isRotating else { return Self.issue(refresh: token, at: now, &state) }
            let next = Self.randomText("")
            state.refreshTokens[token] = nil
            state.refreshTokens[next] = end
            return Self.issue(refresh: next, at: now, &state)
        }
    }

    func expireAccessTokens() {
        self.state.withLock { $0.accessTokens = [:] }
    }

    func isValid(accessToken: String) -> Bool {
        let now = self.now()
        return self.state.withLock { state in state.accessTokens[accessToken].map { now < $0 } ?? false }
    }

    private static func issue(refresh: String, at now: ContinuousClock.Instant, _ state: inout State) -> Tokens {
        let access = Self.randomText("I0.")
        state.accessTokens[access] = now + Self.accessLifetime
        return Tokens(access: access, refresh: refresh)
    }

    /// Ends in `@`, as the broker's do: clients that encode it wrongly have to notice here.
    private static func randomText(_ prefix: String) -> String {
        let words = (0..<2).map { _ in String(UInt64.random(in: (1 << 60)...UInt64.max), radix: 16) }
        return "\(prefix)\(words.joined())@"
    }
}
