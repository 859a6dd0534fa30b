import HTTPTransport

/// Where Schwab is, who asks, and for which account. Describes itself without any of it.
package struct SchwabEndpoints: Sendable, SchwabSecretKeeper {
    /// The root of REST and of the login, such as `https://api.schwabapi.com`, without a slash at its end.
    package var base: String
    package var appKey: String
    package var appSecret: String
    /// As registered with the app, byte for byte.
    package var callbackURL: String
    /// The account that is traded, in digits. One login may see several.
    package var accountNumber: String
    /// Where the tokens of the login are kept; `.lock` and `.new` are added for its companions.
    package var tokenFile: String

    package init(
        base: String,
        appKey: String,
        appSecret: String,
        callbackURL: String,
        accountNumber: String,
        tokenFile: String
    ) {
        self.base = base
        self.appKey = appKey
        self.appSecret = appSecret
        self.callbackURL = callbackURL
        self.accountNumber = accountNumber
        self.tokenFile = tokenFile
    }

    /// What the host stands for: Schwab has no paper accounts.
    package var environment: BrokerAccountCheck.Environment {
        guard let host = hostName(of: self.base) else { return .simulator }
        return host == "schwabapi.com" || host.hasSuffix(".schwabapi.com") ? .live : .simulator
    }

    /// As much of the account number as may be shown.
    var accountName: String { BrokerAccountCheck.name(of: self.accountNumber) }

    /// The text without what must not be read in a log: Schwab's messages may quote what they were sent.
    func redacted(_ text: String, besides secrets: [String] = []) -> String {
        var text = text
        for secret in secrets + [self.appKey, self.appSecret] where !secret.isEmpty {
            text = text.replacing(secret, with: "***")
        }
        guard self.accountNumber.count > 4 else { return text }
        return text.replacing(self.accountNumber, with: self.accountName)
    }
}

/// Shows nothing of itself to a log, an error or a debugger.
protocol SchwabSecretKeeper: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {}

extension SchwabSecretKeeper {
    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
