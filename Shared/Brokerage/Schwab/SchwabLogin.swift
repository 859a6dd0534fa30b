package import HTTPTransport
package import TradingCore

/// The weekly login: a person visits `authorizeURL`, and brings back the address to which Schwab redirects.
package struct SchwabLogin {
    private let endpoints: SchwabEndpoints
    private let client: any HTTPClient
    private let now: () -> Timestamp

    /// `now` tells wall time.
    package init(endpoints: SchwabEndpoints, client: any HTTPClient, now: @escaping () -> Timestamp) {
        self.endpoints = endpoints
        self.client = client
        self.now = now
    }

    /// For the person's browser. Holds the app key, and no secret.
    package var authorizeURL: String {
        self.endpoints.base + "/v1/oauth/authorize?response_type=code&client_id="
            + percentEncoded(self.endpoints.appKey) + "&redirect_uri=" + percentEncoded(self.endpoints.callbackURL)
    }

    /// Finds out whether the tokens can be kept, before a person goes to the browser.
    package func checkTokenFile() throws(BrokerError) {
        try SchwabTokenFile(path: self.endpoints.tokenFile).check()
    }

    /// Exchanges the code in the address for tokens and writes the token file. Returns how long the login lasts.
    ///
    /// A code works once and for about 30 s.
    package func finish(redirectedTo address: String) throws(BrokerError) -> Duration {
        let code = try Self.code(in: address)
        try self.checkHost(of: address)
        let file = SchwabTokenFile(path: self.endpoints.tokenFile)
        let token = try file.locked { () throws(BrokerError) in
            let draft = try file.draft()
            let token: SchwabToken
            do throws(BrokerError) {
                token = try SchwabTokenEndpoint(endpoints: self.endpoints, client: self.client, now: self.now)
                    .exchange(code: code)
            } catch {
                guard error.kind == .refused(code: SchwabTokenEndpoint.refusedGrant) else { throw error }
                throw BrokerError(
                    error.kind,
                    "Schwab does not accept the code (\(error.reason)): it works once and for half a minute, and "
                        + "SCHWAB_CALLBACK_URL has to be the app's, byte for byte. Start again with "
                        + "`tradectl schwab login`"
                )
            }
            try draft.save(token)
            return token
        }
        return token.loginEndsAt - self.now()
    }

    /// Keeps a login that was made elsewhere just now, by its refresh token alone.
    package static func adopt(refreshToken: String, tokenFile: String, now: Timestamp) throws(BrokerError) {
        let file = SchwabTokenFile(path: tokenFile)
        try file.locked { () throws(BrokerError) in
            try file.draft().save(
                SchwabToken(accessToken: "", refreshToken: refreshToken, accessTokenEndsAt: now, authorizedAt: now)
            )
        }
    }

    /// What the token file says at that moment of the login in it. Blocks on the file, and asks nobody.
    package static func kept(in tokenFile: String, at now: Timestamp) -> BrokerLogin {
        do throws(BrokerError) {
            let token = try SchwabTokenFile(path: tokenFile).read()
            return BrokerLogin(.ending(token.loginEndsAt), asOf: now, remedy: Self.remedy)
        } catch {
            return BrokerLogin(.missing(error.reason), asOf: now, remedy: Self.remedy)
        }
    }

    private static let remedy = "log in to Schwab again with `tradectl schwab login`"

    /// A code that another site has made is none of Schwab's.
    private func checkHost(of address: String) throws(BrokerError) {
        let address = address.drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
        guard let host = hostName(of: String(address)), host == hostName(of: self.endpoints.callbackURL) else {
            throw BrokerError(
                .refused(code: "address"),
                "the address is none of the app's callback URL, \(self.endpoints.callbackURL), and was not used. Paste "
                    + "all of what the browser shows after the login, from https:// on"
            )
        }
    }

    /// The authorization code, decoded once: in the address it ends in `%40`, which stands for `@`.
    private static func code(in address: String) throws(BrokerError) -> String {
        let query = address.drop { $0 != "?" }.dropFirst().prefix { $0 != "#" && !$0.isWhitespace }
        var code: Substring?
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "code": code = parts[1]
            case "error":
                throw BrokerError(
                    .refused(code: "authorization"),
                    "Schwab did not authorize the app (\(parts[1].prefix(60))). Start again with `tradectl schwab login`"
                )
            default: break
            }
        }
        guard let code, let decoded = percentDecoded(code), !decoded.isEmpty else {
            throw BrokerError(
                .refused(code: "address"),
                "there is no code in the address. Paste all of what the browser shows after the login, from https:// on"
            )
        }
        return decoded
    }
}

/// Undoes percent-encoding once; nil if a `%` is not followed by two hexadecimal digits or the result is not UTF-8.
/// A `+` stays one.
package func percentDecoded(_ text: some StringProtocol) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.popFirst().flatMap(hexadecimalDigit), let low = rest.popFirst().flatMap(hexadecimalDigit)
        else { return nil }
        bytes.append(high << 4 | low)
    }
    return String(validating: bytes, as: UTF8.self)
}

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}
