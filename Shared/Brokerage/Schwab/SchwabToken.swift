import TradingCore

/// What a login has brought, as the token file keeps it.
struct SchwabToken: Hashable, Sendable, JSONCodable, SchwabSecretKeeper {
    /// For half an hour of requests.
    var accessToken: String
    /// For new access tokens. Schwab may send another one with each of them.
    var refreshToken: String
    var accessTokenEndsAt: Timestamp
    /// When a person logged in. Refreshing does not move it.
    var authorizedAt: Timestamp

    /// How long a login lasts, however often it is refreshed.
    static let loginLifetime = Duration.seconds(7 * 86_400)

    var loginEndsAt: Timestamp { self.authorizedAt + Self.loginLifetime }

    init(accessToken: String, refreshToken: String, accessTokenEndsAt: Timestamp, authorizedAt: Timestamp) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.accessTokenEndsAt = accessTokenEndsAt
        self.authorizedAt = authorizedAt
    }

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.accessToken = try object.value("access_token")
        self.refreshToken = try object.value("refresh_token")
        self.accessTokenEndsAt = try object.value("access_token_ends_at")
        self.authorizedAt = try object.value("authorized_at")
    }

    /// The token endpoint's answer to a request sent at `sentAt`. A refresh token that is not sent anew stays.
    init(
        answer: JSONValue,
        sentAt: Timestamp,
        authorizedAt: Timestamp,
        refreshToken: String? = nil
    ) throws(JSONError) {
        let object = try JSONObject(answer)
        self.accessToken = try object.value("access_token")
        guard let newest: String = try object.optional("refresh_token") ?? refreshToken else {
            throw JSONError("is missing").inside("refresh_token")
        }
        self.refreshToken = newest
        self.accessTokenEndsAt = sentAt + .seconds(try object.value("expires_in", as: Int.self))
        self.authorizedAt = authorizedAt
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("access_token", self.accessToken)
            $0.field("refresh_token", self.refreshToken)
            $0.field("access_token_ends_at", self.accessTokenEndsAt)
            $0.field("authorized_at", self.authorizedAt)
        }
    }
}
