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
