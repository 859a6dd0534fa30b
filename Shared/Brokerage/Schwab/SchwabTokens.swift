package import HTTPTransport
package import TradingCore

/// Hands out access tokens of the login in the token file, and refreshes them: once for all processes, early, and when
/// Schwab turns one away.
///
/// Blocks on the file and the network; an instance belongs to one thread.
package final class SchwabTokens {
    private let endpoints: SchwabEndpoints
    private let endpoint: SchwabTokenEndpoint
    private let file: SchwabTokenFile
    private let now: () -> Timestamp
    private var current: SchwabToken?
    /// Not to be tried again: only a new login helps.
    private var deadRefreshToken: String?
    private var nextRefresh = Timestamp(nanoseconds: .min)

    /// So much of an access token's life is left when the next one is asked for.
    private static let refreshAhead = Duration.seconds(300)
    /// With less left it may end on the way.
    private static let shortestLife = Duration.seconds(30)
    /// After a failed refresh, while the old token still lives.
    private static let refreshPause = Duration.seconds(30)
    /// One spurious refusal is on record, so a login is not declared dead at the first.
    private static let refreshAttempts = 3

    /// `now` tells wall time.
    package init(endpoints: SchwabEndpoints, client: any HTTPClient, now: @escaping () -> Timestamp) {
        self.endpoints = endpoints
        self.endpoint = SchwabTokenEndpoint(endpoints: endpoints, client: client, now: now)
        self.file = SchwabTokenFile(path: endpoints.tokenFile)
        self.now = now
    }

    /// When the login began whose token was handed out last.
    var authorizedAt: Timestamp? { self.current?.authorizedAt }

    /// The tokens known here, for taking them out of texts.
    var secrets: [String] { self.current.map { [$0.accessToken, $0.refreshToken] } ?? [] }

    /// `refused`: the token that Schwab has just turned away.
    ///
    /// Every error means that nothing was sent to the broker.
    package func accessToken(insteadOf refused: String? = nil) throws(BrokerError) -> String {
        if let current, self.left(of: current, refused) > Self.refreshAhead { return current.accessToken }
        let stored = try self.file.read()
        let left = self.left(of: stored, refused)
        self.current = stored
        if left > Self.refreshAhead { return stored.accessToken }
        let isUsable = left > Self.shortestLife
        if isUsable, self.now() < self.nextRefresh { return stored.accessToken }
        do throws(BrokerError) {
            let renew = { () throws(BrokerError) in try self.renewed(insteadOf: refused) }
            // While the old token lives, nobody has to wait for another process that fetches the new one.
            let token = isUsable ? try self.file.lockedIfFree(renew) ?? stored : try self.file.locked(renew)
            self.current = token
            return token.accessToken
        } catch {
            guard isUsable else { throw error }
            self.nextRefresh = self.now() + Self.refreshPause
            return stored.accessToken
        }
    }

    private func left(of token: SchwabToken, _ refused: String?) -> Duration {
        token.accessToken == refused ? .zero : token.accessTokenEndsAt - self.now()
    }

    /// To be called under the lock: whoever had it before may have refreshed already.
    private func renewed(insteadOf refused: String?) throws(BrokerError) -> SchwabToken {
        let token = try self.file.read()
        if self.left(of: token, refused) > Self.refreshAhead { return token }
        guard token.refreshToken != self.deadRefreshToken else { throw self.loginEnded(token, "refused before") }
        let draft = try self.file.draft()
        let renewed = try self.refresh(token)
        try draft.save(renewed)
        return renewed
    }

    private func refresh(_ token: SchwabToken) throws(BrokerError) -> SchwabToken {
        var refusal = ""
        for _ in 0..<Self.refreshAttempts {
            do throws(BrokerError) {
                return try self.endpoint.refresh(token)
            } catch {
                guard error.kind == .refused(code: SchwabTokenEndpoint.refusedGrant) else {
                    throw BrokerError(.notExecuted, "no access token: \(error.reason)")
                }
                refusal = error.reason
            }
        }
        self.deadRefreshToken = token.refreshToken
        throw self.loginEnded(token, refusal)
    }

    private func loginEnded(_ token: SchwabToken, _ refusal: String) -> BrokerError {
        BrokerError(
            .loginExpired,
            "the Schwab login of \(token.authorizedAt) has ended (\(refusal)). Log in again with `tradectl schwab login`"
        )
    }
}
