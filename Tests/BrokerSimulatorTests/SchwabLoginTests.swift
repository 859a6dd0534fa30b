import BrokerSimulator
import Testing
import TradingCore

struct SchwabLoginTests {
    private static let callback = "https://127.0.0.1:8182"
    private static let authorize =
        "client_id=\(SchwabCalls.appKey)&redirect_uri=https%3A%2F%2F127.0.0.1%3A8182&state=a%26b"

    /// Agrees as a person would; returns the code as it stands in the redirect.
    private static func consent(_ http: HTTPClient) throws -> String {
        let answer = try http.call("POST", "/v1/oauth/authorize", Self.authorize)
        #expect(answer.status == 302)
        let location = answer.header("Location") ?? ""
        #expect(location.hasPrefix("\(Self.callback)?code=C0."))
        #expect(location.contains("&session="))
        #expect(location.hasSuffix("&state=a%26b"))
        let code = String(location.split(separator: "code=").last?.prefix { $0 != "&" } ?? "")
        #expect(code.hasSuffix("%40"))
        return code
    }

    private static func redeem(
        _ http: HTTPClient,
        _ code: String,
        at callback: String = "https%3A%2F%2F127.0.0.1%3A8182"
    ) throws -> HTTPAnswer {
        try SchwabCalls.token(http, "grant_type=authorization_code&code=\(code)&redirect_uri=\(callback)")
    }

    private static func refresh(_ http: HTTPClient, _ token: String) throws -> HTTPAnswer {
        let encoded = token.replacing("@", with: "%40")
        return try SchwabCalls.token(http, "grant_type=refresh_token&refresh_token=\(encoded)")
    }

    private static func run(_ body: (HTTPClient, HandClock) throws -> Void) async throws {
        let clock = HandClock()
        try await withSimulator(SchwabCalls.configuration(clock: clock)) { simulator in
            let http = try HTTPClient(port: simulator.port)
            http.headers = ""
            try body(http, clock)
        }
    }

    @Test func `a person agrees on a page that sends back a code`() async throws {
        try await Self.run { http, _ in
            let page = try http.call("GET", "/v1/oauth/authorize?response_type=code&\(Self.authorize)")
            #expect(page.status == 200)
            #expect(page.header("Content-Type") == "text/html; charset=UTF-8")
            #expect(page.text.contains(#"<form method="post" action="/v1/oauth/authorize">"#))
            #expect(page.text.contains(#"name="redirect_uri" value="https://127.0.0.1:8182""#))
            #expect(page.text.contains(#"name="state" value="a&amp;b""#))
            _ = try Self.consent(http)
            for query in [
                "client_id=somebody&redirect_uri=https://127.0.0.1", "client_id=\(SchwabCalls.appKey)",
                "client_id=\(SchwabCalls.appKey)&redirect_uri=http://127.0.0.1",
                "response_type=token&\(Self.authorize)",
            ] {
                #expect(try http.call("GET", "/v1/oauth/authorize?\(query)").status == 400, "\(query)")
            }
        }
    }

    @Test func `a code gives tokens once, within 30 seconds, to the address it was sent to`() async throws {
        try await Self.run { http, clock in
            let code = try Self.consent(http)
            let answer = try Self.redeem(http, code)
            #expect(answer.status == 200)
            #expect(answer.json["expires_in"] == .number("1800"))
            #expect(answer.json["token_type"] == .string("Bearer"))
            #expect(answer.json["scope"] == .string("api"))
            #expect(answer.json["id_token"]?.text?.isEmpty == false)
            let access = answer.json["access_token"]?.text ?? ""
            #expect(access.hasSuffix("@"))
            #expect(try Self.redeem(http, code).status == 400)

            let late = try Self.consent(http)
            clock.advance(by: .seconds(30))
            #expect(try Self.redeem(http, late).status == 400)

            let elsewhere = try Self.consent(http)
            #expect(try Self.redeem(http, elsewhere, at: "https%3A%2F%2F127.0.0.1%3A8182%2F").status == 400)

            let encodedTwice = try Self.consent(http).replacing("%40", with: "%2540")
            #expect(try Self.redeem(http, encodedTwice).status == 400)

            http.headers = "Authorization: Bearer \(access)\r\n"
            #expect(try http.call("GET", "/trader/v1/accounts/accountNumbers").status == 200)
        }
    }

    @Test func `an access token dies after 30 minutes and a refresh gives the next one`() async throws {
        try await Self.run { http, clock in
            let first = try Self.redeem(http, try Self.consent(http)).json
            http.headers = "Authorization: Bearer \(first["access_token"]?.text ?? "")\r\n"
            clock.advance(by: .seconds(1799))
            #expect(try http.call("GET", "/marketdata/v1/markets/equity").status == 200)
            clock.advance(by: .seconds(1))
            for target in ["/marketdata/v1/markets/equity", "/trader/v1/accounts"] {
                let refusal = try http.call("GET", target)
                #expect(refusal.status == 401)
                let error = refusal.json["errors"]?[0]
                #expect(error?["status"] == .number("401"))
                #expect(error?["title"] == .string("Unauthorized"))
                #expect(error?["detail"] == .string("Client not authorized"))
                #expect(error?["id"]?.text?.count == 36)
            }
            let second = try Self.refresh(http, first["refresh_token"]?.text ?? "").json
            #expect(second["access_token"] != first["access_token"])
            #expect(second["refresh_token"]?.text?.isEmpty == false)
            http.headers = "Authorization: Bearer \(second["access_token"]?.text ?? "")\r\n"
            #expect(try http.call("GET", "/trader/v1/accounts").status == 200)
        }
    }

    @Test func `a refresh token dies seven days after the login, however often it was used`() async throws {
        try await Self.run { http, clock in
            let token = try Self.redeem(http, try Self.consent(http)).json["refresh_token"]?.text ?? ""
            clock.advance(by: .seconds(6 * 86_400))
            #expect(try Self.refresh(http, token).status == 200)
            clock.advance(by: .seconds(86_399))
            #expect(try Self.refresh(http, token).status == 200)
            clock.advance(by: .seconds(1))
            let refusal = try Self.refresh(http, token)
            #expect(refusal.status == 400)
            #expect(refusal.json["error"] == .string("unsupported_token_type"))
            #expect(refusal.json["error_description"]?.text?.contains("refresh_token_authentication_error") == true)
            #expect(try Self.refresh(http, SchwabCalls.refreshToken).status == 400)
        }
    }

    @Test func `only the app itself gets tokens`() async throws {
        try await Self.run { http, _ in
            let form = "grant_type=refresh_token&refresh_token=prepared-refresh-token%40"
            let refusal = try SchwabCalls.token(http, form, basic: "c29tZWJvZHk6ZWxzZQ==")
            #expect(refusal.status == 401)
            #expect(refusal.json["error"] == .string("invalid_client"))
            #expect(try http.call("POST", "/v1/oauth/token", form).status == 401)
            #expect(
                try SchwabCalls.token(http, "grant_type=password").json["error"] == .string("unsupported_grant_type")
            )
            #expect(try SchwabCalls.token(http, form).status == 200)
        }
    }
}
