import HTTPTransport
import TradingCore

/// Schwab's `/v1/oauth/token`: tokens for a code that a person brought, and for a refresh token.
struct SchwabTokenEndpoint {
    let endpoints: SchwabEndpoints
    let client: any HTTPClient
    let now: () -> Timestamp

    /// The code of the error when code or refresh token are not accepted.
    static let refusedGrant = "refused_grant"

    /// `code` as it is, not percent-encoded.
    func exchange(code: String) throws(BrokerError) -> SchwabToken {
        let sentAt = self.now()
        let answer = try self.request([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", self.endpoints.callbackURL),
        ])
        return try self.token(answer) { json throws(JSONError) in
            try SchwabToken(answer: json, sentAt: sentAt, authorizedAt: sentAt)
        }
    }

    func refresh(_ token: SchwabToken) throws(BrokerError) -> SchwabToken {
        let sentAt = self.now()
        let answer = try self.request([("grant_type", "refresh_token"), ("refresh_token", token.refreshToken)])
        return try self.token(answer) { json throws(JSONError) in
            try SchwabToken(
                answer: json,
                sentAt: sentAt,
                authorizedAt: token.authorizedAt,
                refreshToken: token.refreshToken
            )
        }
    }

    private func request(_ form: [(name: String, value: String)]) throws(BrokerError) -> HTTPResponse {
        let credentials = base64("\(self.endpoints.appKey):\(self.endpoints.appSecret)".utf8)
        let body = form.map { "\($0.name)=\(percentEncoded($0.value))" }.joined(separator: "&")
        do throws(HTTPTransportError) {
            return try self.client.perform(
                HTTPRequest(
                    method: .post,
                    url: self.endpoints.base + "/v1/oauth/token",
                    headers: [
                        ("Authorization", "Basic \(credentials)"),
                        ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"),
                    ],
                    body: Array(body.utf8)
                )
            )
        } catch {
            throw BrokerError(error, setting: "SCHWAB_BASE_URL")
        }
    }

    /// The errors quote nothing of the answer but its error code: the rest may hold tokens.
    private func token(
        _ response: HTTPResponse,
        _ read: (JSONValue) throws(JSONError) -> SchwabToken
    ) throws(BrokerError) -> SchwabToken {
        let json = try? JSONValue(parsing: response.body)
        switch response.status {
        case 200:
            guard let json, let token = try? read(json) else {
                throw BrokerError(.unknownOutcome, "Schwab's token endpoint sends an answer that cannot be read")
            }
            return token
        case 400 where json != nil, 401 where json != nil || response.body.isEmpty:
            var code = "no reason given"
            if case .string(let text)? = json?["error"] { code = self.endpoints.redacted(String(text.prefix(60))) }
            if String(decoding: response.body, as: UTF8.self).contains("invalid_client") {
                throw BrokerError(
                    .refused(code: "invalid_client"),
                    "Schwab does not know the app: check SCHWAB_APP_KEY and SCHWAB_APP_SECRET, and that the app is "
                        + "\"Ready For Use\""
                )
            }
            throw BrokerError(.refused(code: Self.refusedGrant), "\(code), HTTP \(response.status)")
        default:
            // A gateway's page or an outage: it says nothing of the login.
            throw BrokerError(
                response.status == 429 ? .notExecuted : .unknownOutcome,
                "Schwab's token endpoint does not work (HTTP \(response.status))"
                    + (json == nil && (300..<500).contains(response.status) ? "; check SCHWAB_BASE_URL" : "")
            )
        }
    }
}

/// RFC 4648, with padding.
func base64(_ bytes: some Collection<UInt8>) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        let group = rest.prefix(3)
        rest = rest.dropFirst(3)
        var bits = group.reduce(0) { $0 << 8 | Int($1) }
        bits <<= 8 * (3 - group.count)
        for position in 0..<4 {
            text.append(position <= group.count ? alphabet[bits >> (18 - 6 * position) & 63] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}
