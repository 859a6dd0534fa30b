import MarketSimulation
import TradingCore

/// The login: a page on which a person agrees, and the endpoint that gives tokens.
struct SchwabLoginEndpoints {
    let tokens: SchwabTokenDesk

    /// - Parameter path: What follows `/v1/oauth`.
    func reply(_ request: RESTRequest, _ path: [String]) -> RESTReply {
        switch (request.method, path) {
        case ("GET", ["authorize"]): self.consentPage(request.query)
        case ("POST", ["authorize"]): self.consent(RESTRequest.fields(String(decoding: request.body, as: UTF8.self)))
        case ("POST", ["token"]):
            self.token(request, RESTRequest.fields(String(decoding: request.body, as: UTF8.self)))
        default: Self.failure(404, "invalid_request", "there are authorize and token")
        }
    }

    private func consentPage(_ query: [String: String]) -> RESTReply {
        if let problem = self.defect(of: query) { return Self.failure(400, "invalid_request", problem) }
        let fields = ["client_id", "redirect_uri", "state"].compactMap { name in
            query[name].map { #"<input type="hidden" name="\#(name)" value="\#($0.htmlEscaped)">"# }
        }
        let page = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Simulated login</title></head><body>
            <h1>Simulated broker</h1>
            <p>The app \((query["client_id"] ?? "").htmlEscaped) asks for access to the simulated account.</p>
            <form method="post" action="/v1/oauth/authorize">\(fields.joined())<button>Approve</button></form>
            </body></html>

            """
        return RESTReply(body: Array(page.utf8), contentType: "text/html; charset=UTF-8")
    }

    private func consent(_ form: [String: String]) -> RESTReply {
        if let problem = self.defect(of: form) { return Self.failure(400, "invalid_request", problem) }
        let redirectURI = form["redirect_uri"] ?? ""
        let code = self.tokens.makeCode(redirectURI: redirectURI)
        var location = "\(redirectURI)\(redirectURI.contains("?") ? "&" : "?")code=\(code.percentEncoded)"
        location += "&session=\(DerivedIdentifier.uuid(code))"
        if let state = form["state"], !state.isEmpty { location += "&state=\(state.percentEncoded)" }
        return RESTReply(status: 302, headers: [RESTReply.Header("Location", location)])
    }

    private func defect(of parameters: [String: String]) -> String? {
        guard self.tokens.isKnown(clientID: parameters["client_id"] ?? "") else { return "client_id is not known" }
        let redirectURI = parameters["redirect_uri"] ?? ""
        guard redirectURI.hasPrefix("https://"), !redirectURI.contains(where: { $0.isWhitespace || $0.isNewline })
        else { return "redirect_uri must be an https address" }
        guard parameters["response_type"] ?? "code" == "code" else { return "response_type must be code" }
        return nil
    }

    private func token(_ request: RESTRequest, _ form: [String: String]) -> RESTReply {
        guard self.tokens.acceptsClient(request.authorization) else {
            return Self.failure(401, "invalid_client", "Client authentication failed")
        }
        switch form["grant_type"] {
        case "authorization_code":
            guard
                let tokens = self.tokens.redeem(
                    code: form["code"] ?? "",
                    redirectURI: form["redirect_uri"] ?? ""
                )
            else { return Self.refusal("Bad authorization code or redirect_uri", "invalid_grant") }
            return Self.answer(tokens)
        case "refresh_token":
            let isRotating = request.fault?.fault == .rotateRefresh
            return self.tokens.refresh(form["refresh_token"] ?? "", isRotating: isRotating).map(Self.answer)
                ?? Self.refusedRefresh
        default:
            return Self.failure(400, "unsupported_grant_type", "grant_type must be authorization_code or refresh_token")
        }
    }

    private static func answer(_ tokens: SchwabTokenDesk.Tokens) -> RESTReply {
        RESTReply.object {
            $0.field("expires_in", SchwabTokenDesk.accessLifetime.components.seconds)
            $0.field("token_type", "Bearer")
            $0.field("scope", "api")
            $0.field("refresh_token", tokens.refresh)
            $0.field("access_token", tokens.access)
            $0.field("id_token", StableHash.hexadecimal("id token", tokens.access))
        }
    }

    static var refusedRefresh: RESTReply {
        Self.refusal("Exception while authenticating refresh token", "refresh_token_authentication_error")
    }

    /// The broker wraps what the login behind it says.
    private static func refusal(_ text: String, _ code: String) -> RESTReply {
        let inner = JSONValue.object([
            JSONMember("error_description", .string(text)), JSONMember("error", .string(code)),
        ])
        return Self.failure(400, "unsupported_token_type", "400 Bad Request: \"\(JSONWriter.text(inner))\"")
    }

    private static func failure(_ status: Int, _ code: String, _ text: String) -> RESTReply {
        RESTReply.object(status: status) {
            $0.field("error", code)
            $0.field("error_description", text)
        }
    }
}
