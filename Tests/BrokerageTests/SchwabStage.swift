import Brokerage
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import TradingCore

/// A Schwab of scripted answers, a token file in a folder of its own, and a clock that stands still.
final class SchwabStage {
    let folder: TemporaryFolder
    let client = ScriptedSchwab()
    var endpoints: SchwabEndpoints
    private(set) var time: Timestamp

    static let appKey = "quintet-app-key-0000000000000000"
    static let appSecret = "quintet-app-secret"
    static let accountNumber = "12345678"
    static let hash = String(repeating: "ab12", count: 16)
    static let accessToken = "access-token-1"
    static let refreshToken = "refresh-token-1"

    /// `accessTokenLife` is what is left of the stored token; nil stores none.
    init(accessTokenLife: Duration? = .seconds(1800)) throws {
        self.folder = try TemporaryFolder()
        self.time = try #require(Timestamp("2026-11-23T14:30:00Z"))
        self.endpoints = SchwabEndpoints(
            base: "https://api.schwabapi.test",
            appKey: Self.appKey,
            appSecret: Self.appSecret,
            callbackURL: "https://127.0.0.1:8182",
            accountNumber: Self.accountNumber,
            tokenFile: self.folder.path + "/token.json"
        )
        if let accessTokenLife { try self.store(accessTokenLife: accessTokenLife) }
    }

    func store(
        access: String = SchwabStage.accessToken,
        refresh: String = SchwabStage.refreshToken,
        accessTokenLife: Duration = .seconds(1800)
    ) throws {
        try self.folder.write(
            """
            {"access_token":"\(access)","refresh_token":"\(refresh)",
            "access_token_ends_at":"\(self.time + accessTokenLife)","authorized_at":"2026-11-22T14:30:00Z"}
            """,
            to: "token.json"
        )
    }

    func pass(_ duration: Duration) { self.time = self.time + duration }

    var now: () -> Timestamp {
        let time = self.time
        return { time }
    }

    func tokens() -> SchwabTokens {
        SchwabTokens(endpoints: self.endpoints, client: self.client, now: { self.time })
    }

    func broker() -> SchwabBroker {
        SchwabBroker(endpoints: self.endpoints, client: self.client, now: { self.time })
    }

    func storedToken() throws -> JSONValue {
        try JSONValue(parsing: try #require(self.folder.bytes("token.json")))
    }

    /// What must be read in no error, note or description.
    static let secrets = [
        appKey, appSecret, accountNumber, hash, accessToken, refreshToken, "access-token-2", "refresh-token-2",
    ]

    static func expectNoSecret(_ text: String) {
        for secret in Self.secrets { #expect(!text.contains(secret), "\(text) tells \(secret)") }
    }

    static func tokenAnswer(_ number: Int, refresh: String? = nil) -> String {
        let refresh = refresh.map { #""refresh_token":"\#($0)","# } ?? ""
        return """
            {"expires_in":1800,"token_type":"Bearer","scope":"api",\(refresh)
            "access_token":"access-token-\(number)","id_token":"id"}
            """
    }

    static let unauthorized = """
        {"errors":[{"id":"4a5e","status":401,"title":"Unauthorized","detail":"Client not authorized"}]}
        """
}

/// Answers by method and path, the query left out; each route's answers in turn, the last one for ever.
final class ScriptedSchwab: HTTPClient {
    private var routes: [String: [Result<HTTPResponse, HTTPTransportError>]] = [:]
    private(set) var requests: [HTTPRequest] = []

    init() {
        self.on(
            "GET /trader/v1/accounts/accountNumbers",
            """
            [{"accountNumber":"87654321","hashValue":"\(String(repeating: "0", count: 64))"},
            {"accountNumber":"\(SchwabStage.accountNumber)","hashValue":"\(SchwabStage.hash)"}]
            """
        )
    }

    func on(
        _ route: String,
        _ body: String = "",
        status: Int = 200,
        headers: [(name: String, value: String)] = []
    ) {
        self.on(route, .success(HTTPResponse(status: status, headers: headers, body: Array(body.utf8))))
    }

    func on(_ route: String, _ answer: Result<HTTPResponse, HTTPTransportError>) {
        self.routes[Self.expanded(route), default: []].append(answer)
    }

    /// What was sent on a route.
    func requests(_ route: String) -> [HTTPRequest] {
        self.requests.filter { Self.route($0) == Self.expanded(route) }
    }

    func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        self.requests.append(request)
        let route = Self.route(request)
        guard var answers = self.routes[route], let answer = answers.first else {
            throw HTTPTransportError(code: .other, message: "nothing scripted", requestMayHaveBeenSent: true)
        }
        if answers.count > 1 {
            answers.removeFirst()
            self.routes[route] = answers
        }
        return try answer.get()
    }

    private static func route(_ request: HTTPRequest) -> String {
        let path = request.url.dropFirst("https://api.schwabapi.test".count).prefix { $0 != "?" }
        return "\(request.method.rawValue) \(path)"
    }

    private static func expanded(_ route: String) -> String {
        route.replacing("{account}", with: "/trader/v1/accounts/\(SchwabStage.hash)")
    }
}
