import Brokerage
import Glibc
import HTTPTransport
import Synchronization
import TestSupport
import Testing
import TradingCore

/// The tokens of one login, shared through a file.
@Suite struct SchwabTokensTests {
    private static let route = "POST /v1/oauth/token"
    private static let refusal = """
        {"error":"unsupported_token_type","error_description":"400 Bad Request: \\"{Exception while authenticating \
        refresh token refresh-token-1}\\""}
        """

    @Test func `a token with life left is used as it is`() throws {
        let stage = try SchwabStage(accessTokenLife: .seconds(301))
        let tokens = stage.tokens()
        #expect(try tokens.accessToken() == SchwabStage.accessToken)
        #expect(stage.client.requests.isEmpty)
        #expect(SchwabLogin.kept(in: stage.endpoints.tokenFile, at: stage.now()).timeLeft == .seconds(6 * 86_400))
    }

    @Test func `five minutes before its end it is refreshed, and what came back is stored`() throws {
        let stage = try SchwabStage(accessTokenLife: .seconds(300))
        stage.client.on(Self.route, SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        #expect(try stage.tokens().accessToken() == "access-token-2")
        let request = try #require(stage.client.requests.first)
        #expect(String(decoding: request.body ?? [], as: UTF8.self) == Self.refreshForm(SchwabStage.refreshToken))
        #expect(
            request.headers.first { $0.name == "Authorization" }?.value
                == "Basic cXVpbnRldC1hcHAta2V5LTAwMDAwMDAwMDAwMDAwMDA6cXVpbnRldC1hcHAtc2VjcmV0"
        )
        #expect(
            request.headers.first { $0.name == "Content-Type" }?.value == "application/x-www-form-urlencoded"
        )
        let stored = try stage.storedToken()
        #expect(stored["access_token"] == .string("access-token-2"))
        #expect(stored["refresh_token"] == .string("refresh-token-2"))
        #expect(stored["access_token_ends_at"] == .string("2026-11-23T15:00:00Z"))
        // Refreshing does not make the login last longer.
        #expect(stored["authorized_at"] == .string("2026-11-22T14:30:00Z"))
        #expect(stage.folder.mode("token.json") == 0o600)
        #expect(stage.folder.names() == ["token.json", "token.json.lock"])
    }

    @Test func `a refresh token that is not sent anew stays`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, SchwabStage.tokenAnswer(2))
        _ = try stage.tokens().accessToken()
        #expect(try stage.storedToken()["refresh_token"] == .string(SchwabStage.refreshToken))
    }

    @Test func `the next refresh presents the token that came with the last`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, SchwabStage.tokenAnswer(2, refresh: "refresh+token/2@"))
        stage.client.on(Self.route, SchwabStage.tokenAnswer(3, refresh: "refresh-token-3"))
        let tokens = stage.tokens()
        _ = try tokens.accessToken()
        stage.pass(.seconds(1800))
        #expect(try tokens.accessToken() == "access-token-3")
        #expect(
            stage.client.requests.map { String(decoding: $0.body ?? [], as: UTF8.self) } == [
                Self.refreshForm("refresh-token-1"), Self.refreshForm("refresh%2Btoken%2F2%40"),
            ]
        )
    }

    @Test func `a token that another process has fetched is taken over`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        let (mine, others) = (stage.tokens(), stage.tokens())
        #expect(try others.accessToken() == "access-token-2")
        #expect(try mine.accessToken() == "access-token-2")
        // Schwab has ended it before its time, and both notice.
        stage.client.on(Self.route, SchwabStage.tokenAnswer(3, refresh: "refresh-token-3"))
        try stage.store(access: "access-token-3", refresh: "refresh-token-3")
        #expect(try mine.accessToken(insteadOf: "access-token-2") == "access-token-3")
        #expect(try others.accessToken(insteadOf: "access-token-2") == "access-token-3")
        #expect(stage.client.requests.count == 1)
    }

    @Test func `many at once refresh once`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        let server = RotatingTokens()
        let seen = Mutex<[String]>([])
        let (endpoints, time) = (stage.endpoints, stage.time)
        let threads = (0..<8).map { _ in
            TestThread {
                let tokens = SchwabTokens(endpoints: endpoints, client: server, now: { time })
                let token = (try? tokens.accessToken()) ?? "none"
                seen.withLock { $0.append(token) }
            }
        }
        for thread in threads { thread.join() }
        #expect(server.refreshes == 1)
        #expect(seen.withLock { $0 } == Array(repeating: "access-2", count: 8))
        #expect(try stage.storedToken()["refresh_token"] == .string("refresh-2"))
    }

    @Test func `nobody waits for a refresh while the old token lives`() throws {
        let stage = try SchwabStage(accessTokenLife: .seconds(120))
        let lock = open(stage.endpoints.tokenFile + ".lock", O_RDWR | O_CREAT, 0o600)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        #expect(try stage.tokens().accessToken() == SchwabStage.accessToken)
        #expect(stage.client.requests.isEmpty)
    }

    @Test func `one refusal of a refresh is no dead login, three are`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, Self.refusal, status: 400)
        stage.client.on(Self.route, SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        #expect(try stage.tokens().accessToken() == "access-token-2")

        let dead = try SchwabStage(accessTokenLife: .zero)
        dead.client.on(Self.route, Self.refusal, status: 400)
        let tokens = dead.tokens()
        for _ in 0..<2 {
            let error = try #require(#expect(throws: BrokerError.self) { try tokens.accessToken() })
            #expect(error.kind == .loginExpired)
            #expect(error.reason.contains("tradectl schwab login"))
            SchwabStage.expectNoSecret(error.reason)
        }
        // Once dead it is not asked again, until somebody logs in.
        #expect(dead.client.requests.count == 3)
        try dead.store(access: "access-token-9", refresh: "refresh-token-9")
        #expect(try tokens.accessToken() == "access-token-9")
    }

    @Test(arguments: [(503, ""), (403, "<html>Access Denied</html>"), (400, "<html>Access Denied</html>"), (429, "")])
    func `an endpoint out of order says nothing of the login`(status: Int, body: String) throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, body, status: status)
        let error = try #require(#expect(throws: BrokerError.self) { try stage.tokens().accessToken() })
        #expect(error.kind == .notExecuted)
        #expect(!error.reason.contains("login"))
        #expect(stage.client.requests.count == 1)
    }

    @Test func `an app that Schwab does not know is told apart from a login that has ended`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, #"{"error":"invalid_client"}"#, status: 401)
        let error = try #require(#expect(throws: BrokerError.self) { try stage.tokens().accessToken() })
        #expect(error.reason.contains("SCHWAB_APP_KEY"))
        SchwabStage.expectNoSecret(error.reason)
    }

    @Test func `while the old token lives a failed refresh does not stop the requests`() throws {
        let stage = try SchwabStage(accessTokenLife: .seconds(120))
        stage.client.on(Self.route, "", status: 503)
        let tokens = stage.tokens()
        for _ in 0..<3 { #expect(try tokens.accessToken() == SchwabStage.accessToken) }
        #expect(stage.client.requests.count == 1)
        stage.pass(.seconds(30))
        #expect(try tokens.accessToken() == SchwabStage.accessToken)
        #expect(stage.client.requests.count == 2)
        stage.pass(.seconds(60))
        #expect(throws: BrokerError.self) { try tokens.accessToken() }
    }

    @Test func `without a login the error says how to make one`() throws {
        for text in [nil, "", "{}", #"{"access_token":"access-token-1"}"#] {
            let stage = try SchwabStage(accessTokenLife: nil)
            if let text { try stage.folder.write(text, to: "token.json") }
            let error = try #require(#expect(throws: BrokerError.self) { try stage.tokens().accessToken() })
            #expect(error.kind == .notExecuted)
            #expect(error.reason.contains("tradectl schwab login"))
            SchwabStage.expectNoSecret(error.reason)
        }
    }

    @Test func `no token is fetched that could not be stored`() throws {
        let stage = try SchwabStage(accessTokenLife: .zero)
        stage.client.on(Self.route, SchwabStage.tokenAnswer(2, refresh: "refresh-token-2"))
        // A folder stands where the new file would be written, which stops a superuser too.
        #expect(mkdir(stage.endpoints.tokenFile + ".new", 0o700) == 0)
        defer { rmdir(stage.endpoints.tokenFile + ".new") }
        let error = try #require(#expect(throws: BrokerError.self) { try stage.tokens().accessToken() })
        #expect(error.reason.contains("SCHWAB_TOKEN_FILE"))
        #expect(stage.client.requests.isEmpty)
        #expect(try stage.storedToken()["refresh_token"] == .string(SchwabStage.refreshToken))
    }

    @Test func `settings show nothing of themselves`() throws {
        let endpoints = try SchwabStage().endpoints
        var dumped = ""
        dump(endpoints, to: &dumped)
        SchwabStage.expectNoSecret("\(endpoints) \(String(reflecting: endpoints)) \(dumped)")
    }

    private static func refreshForm(_ token: String) -> String { "grant_type=refresh_token&refresh_token=\(token)" }
}

/// Accepts each refresh token once and sends another, as Schwab may.
private final class RotatingTokens: HTTPClient, Sendable {
    private let number = Mutex(1)

    var refreshes: Int { self.number.withLock { $0 } - 1 }

    func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        let form = String(decoding: request.body ?? [], as: UTF8.self)
        return self.number.withLock { number in
            let isKnown = number == 1 ? form.hasSuffix("refresh-token-1") : form.hasSuffix("refresh-\(number)")
            guard isKnown else { return HTTPResponse(status: 400, body: Array(#"{"error":"invalid_grant"}"#.utf8)) }
            number += 1
            let body = """
                {"expires_in":1800,"access_token":"access-\(number)","refresh_token":"refresh-\(number)"}
                """
            return HTTPResponse(status: 200, body: Array(body.utf8))
        }
    }
}
