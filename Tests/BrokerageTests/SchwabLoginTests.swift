import Brokerage
import HTTPTransport
import TestSupport
import Testing
import TradingCore

/// The login of a person, from the browser's address to the token file.
@Suite struct SchwabLoginTests {
    private static let route = "POST /v1/oauth/token"

    @Test func `the authorize address carries key and callback, encoded`() throws {
        #expect(
            try Self.login(SchwabStage(accessTokenLife: nil)).authorizeURL
                == "https://api.schwabapi.test/v1/oauth/authorize?response_type=code"
                + "&client_id=quintet-app-key-0000000000000000&redirect_uri=https%3A%2F%2F127.0.0.1%3A8182"
        )
    }

    @Test(arguments: [
        ("https://127.0.0.1:8182/?code=C0.b2F1dGgy.xyz%40&session=1-2", "C0.b2F1dGgy.xyz%40"),
        ("  https://127.0.0.1:8182/?session=1&code=C0.a-_b%40&state=s#top\n", "C0.a-_b%40"),
        // Encoded twice on the way here, it is decoded once all the same.
        ("https://127.0.0.1:8182/?code=C0.x%2540", "C0.x%2540"),
        ("https://127.0.0.1:8182/?code=C0.x@", "C0.x%40"),
        ("https://127.0.0.1:8182/?code=C0.x+y%2Bz%3D%40", "C0.x%2By%2Bz%3D%40"),
    ])
    func `the code is decoded once and encoded once`(address: String, sent: String) throws {
        let stage = try SchwabStage(accessTokenLife: nil)
        stage.client.on(Self.route, SchwabStage.tokenAnswer(1, refresh: SchwabStage.refreshToken))
        #expect(try Self.login(stage).finish(redirectedTo: address) == .seconds(7 * 86_400))
        #expect(
            stage.client.requests.map { String(decoding: $0.body ?? [], as: UTF8.self) } == [
                "grant_type=authorization_code&code=\(sent)&redirect_uri=https%3A%2F%2F127.0.0.1%3A8182"
            ]
        )
        #expect(stage.folder.mode("token.json") == 0o600)
        #expect(stage.folder.names() == ["token.json", "token.json.lock"])
        #expect(try stage.tokens().accessToken() == SchwabStage.accessToken)
    }

    @Test(arguments: [
        "", "C0.abc@", "https://127.0.0.1:8182/", "https://127.0.0.1:8182/?code=", "https://127.0.0.1:8182/?code=C0%4",
        "https://127.0.0.1:8182/?code=C0%zz", "https://127.0.0.1:8182/?session=code", "?code=%FF",
    ])
    func `an address without a code is not sent`(address: String) throws {
        let stage = try SchwabStage(accessTokenLife: nil)
        let error = try #require(
            #expect(throws: BrokerError.self) { try Self.login(stage).finish(redirectedTo: address) }
        )
        #expect(error.reason.contains("Paste all"))
        #expect(stage.client.requests.isEmpty)
        #expect(stage.folder.names() == [])
    }

    @Test(arguments: [
        "https://example.com/?code=C0.abc%40", "https://127.0.0.1.example.com:8182/?code=C0.abc%40",
        "?code=C0.abc%40", "127.0.0.1:8182/?code=C0.abc%40",
        "https://example.com/https://127.0.0.1:8182/?code=C0.abc%40",
    ])
    func `an address of another site is not used`(address: String) throws {
        let stage = try SchwabStage(accessTokenLife: nil)
        let error = try #require(
            #expect(throws: BrokerError.self) { try Self.login(stage).finish(redirectedTo: address) }
        )
        #expect(error.reason.contains("https://127.0.0.1:8182"))
        #expect(!error.reason.contains("C0.abc"))
        #expect(stage.client.requests.isEmpty)
        #expect(stage.folder.names() == [])
    }

    @Test func `whether the login can be kept is found out beforehand, and changes nothing`() throws {
        let stage = try SchwabStage()
        let before = try stage.storedToken()
        try Self.login(stage).checkTokenFile()
        #expect(try stage.storedToken() == before)
        #expect(stage.folder.names() == ["token.json", "token.json.lock"])
        stage.endpoints.tokenFile = stage.folder.path + "/nowhere/token.json"
        let error = try #require(#expect(throws: BrokerError.self) { try Self.login(stage).checkTokenFile() })
        #expect(error.reason.contains("SCHWAB_TOKEN_FILE") && error.reason.contains("folder has to exist"))
    }

    @Test(arguments: [nil, "{}"])
    func `that there is no login is told with one remedy`(text: String?) throws {
        let stage = try SchwabStage(accessTokenLife: nil)
        if let text { try stage.folder.write(text, to: "token.json") }
        let advice = SchwabLogin.kept(in: stage.endpoints.tokenFile, at: stage.now()).advice
        #expect(advice.split(separator: "tradectl schwab login", omittingEmptySubsequences: false).count == 2)
        #expect(advice.contains(stage.endpoints.tokenFile))
    }

    @Test func `a login that has ended is told with its remedy`() throws {
        let stage = try SchwabStage()
        stage.pass(.seconds(7 * 86_400))
        let advice = SchwabLogin.kept(in: stage.endpoints.tokenFile, at: stage.now()).advice
        #expect(
            advice
                == "the login has ended, at 2026-11-29T14:30:00Z: log in to Schwab again with `tradectl schwab login`"
        )
    }

    @Test func `a refused code leaves the old login as it was`() throws {
        let stage = try SchwabStage()
        stage.client.on(Self.route, #"{"error":"invalid_grant"}"#, status: 400)
        let error = try #require(
            #expect(throws: BrokerError.self) {
                try Self.login(stage).finish(redirectedTo: "https://127.0.0.1:8182/?code=C0.old%40")
            }
        )
        #expect(error.reason.contains("half a minute"))
        #expect(!error.reason.contains("C0.old"))
        SchwabStage.expectNoSecret(error.reason)
        // A code works once: it is not sent again.
        #expect(stage.client.requests.count == 1)
        #expect(try stage.storedToken()["access_token"] == .string(SchwabStage.accessToken))
        #expect(stage.folder.names() == ["token.json", "token.json.lock"])
    }

    @Test func `a person who declines is told so`() throws {
        let stage = try SchwabStage(accessTokenLife: nil)
        let error = try #require(
            #expect(throws: BrokerError.self) {
                try Self.login(stage).finish(redirectedTo: "https://127.0.0.1:8182/?error=access_denied")
            }
        )
        #expect(error.reason.contains("access_denied"))
        #expect(stage.client.requests.isEmpty)
    }

    private static func login(_ stage: SchwabStage) -> SchwabLogin {
        SchwabLogin(endpoints: stage.endpoints, client: stage.client, now: stage.now)
    }
}
