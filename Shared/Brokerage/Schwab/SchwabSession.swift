import HTTPTransport
import TradingCore

/// Sends requests to Schwab's REST API with a good access token, each at most once unless it was turned away for the
/// token's sake.
final class SchwabSession {
    let endpoints: SchwabEndpoints
    private let client: any HTTPClient
    private let tokens: SchwabTokens
    private let now: () -> Timestamp
    /// How far Schwab's clock is ahead of this one.
    private var clockLead = Duration.zero
    /// Hashes belong to the login, so a new login asks again.
    private var account: (hash: String, login: Timestamp?)?

    init(endpoints: SchwabEndpoints, client: any HTTPClient, now: @escaping () -> Timestamp) {
        self.endpoints = endpoints
        self.client = client
        self.tokens = SchwabTokens(endpoints: endpoints, client: client, now: now)
        self.now = now
    }

    /// The time at Schwab, by the last answer.
    var brokerTime: Timestamp { self.now() + self.clockLead }
    /// By this clock or by Schwab's, whichever is ahead. In a replay Schwab's jumps between answers.
    var latestTime: Timestamp { max(self.now(), self.brokerTime) }

    func accessToken(insteadOf refused: String? = nil) throws(BrokerError) -> String {
        try self.tokens.accessToken(insteadOf: refused)
    }

    func redacted(_ text: String) -> String {
        self.endpoints.redacted(text, besides: self.tokens.secrets + [self.account?.hash ?? ""])
    }

    /// `call` names the request in errors, which do not show its URL.
    func send(
        _ method: HTTPRequest.Method,
        _ path: String,
        body: [UInt8]? = nil,
        as call: String
    ) throws(BrokerError) -> SchwabAnswer {
        var token = try self.tokens.accessToken()
        var answer = try self.perform(method, path, body, call, token)
        // Turned away at the door: it was not executed, whatever it was. A token that another process has fetched may
        // have ended too by the time it is used here.
        for _ in 0..<2 where answer.status == 401 {
            token = try self.tokens.accessToken(insteadOf: token)
            answer = try self.perform(method, path, body, call, token)
        }
        guard answer.status != 401 else {
            throw BrokerError(
                .loginExpired,
                answer.failure().reason + ", with an access token just issued. Log in again with `tradectl schwab "
                    + "login`, and check that the app has both API products, for trading and for market data"
            )
        }
        return answer
    }

    /// The path of the traded account, `/trader/v1/accounts/` and its hash.
    func accountPath() throws(BrokerError) -> String {
        if let account, account.login == self.tokens.authorizedAt { return "/trader/v1/accounts/\(account.hash)" }
        let accounts = try self.send(.get, "/trader/v1/accounts/accountNumbers", as: "GET accountNumbers")
            .decoded(as: [NumberedAccount].self)
        guard let found = accounts.first(where: { $0.number == self.endpoints.accountNumber }) else {
            let names = accounts.map { BrokerAccountCheck.name(of: $0.number) }.joined(separator: ", ")
            throw BrokerError(
                .refused(code: "account"),
                "the Schwab login does not have account \(self.endpoints.accountName), but "
                    + "\(names.isEmpty ? "none at all" : names): check SCHWAB_ACCOUNT_NUMBER, or tick the account when "
                    + "you log in again with `tradectl schwab login`"
            )
        }
        self.account = (found.hash, self.tokens.authorizedAt)
        return "/trader/v1/accounts/\(found.hash)"
    }

    private func perform(
        _ method: HTTPRequest.Method,
        _ path: String,
        _ body: [UInt8]?,
        _ call: String,
        _ token: String
    ) throws(BrokerError) -> SchwabAnswer {
        var headers = [("Authorization", "Bearer \(token)"), ("Accept", "application/json")]
        if body != nil { headers.append(("Content-Type", "application/json")) }
        let response: HTTPResponse
        do throws(HTTPTransportError) {
            response = try self.client.perform(
                HTTPRequest(method: method, url: self.endpoints.base + path, headers: headers, body: body)
            )
        } catch {
            throw BrokerError(error, setting: "SCHWAB_BASE_URL")
        }
        let answer = SchwabAnswer(response, to: call) { self.redacted($0) }
        if let date = answer.date { self.clockLead = date - self.now() }
        return answer
    }

    private struct NumberedAccount: JSONDecodable {
        let number: String
        let hash: String

        init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.number = try object.value("accountNumber")
            self.hash = percentEncoded(try object.value("hashValue", as: String.self))
        }
    }
}
