/// Which account a process trades, as the broker tells it: what a person should see at the start.
package struct BrokerAccountCheck: Hashable, Sendable, CustomStringConvertible {
    package enum Environment: String, Hashable, Sendable, CaseIterable {
        case live
        case paper
        /// A host that is none of the broker's own.
        case simulator
    }

    /// `alpaca` or `schwab`: whose API it is.
    package var broker: String
    /// The last four characters of the account's number, after `…`.
    package var accountName: String
    package var environment: Environment
    /// False where the broker only lets positions be closed.
    package var mayOpenPositions: Bool

    package init(broker: String, accountNumber: String, environment: Environment, mayOpenPositions: Bool) {
        self.broker = broker
        self.accountName = Self.name(of: accountNumber)
        self.environment = environment
        self.mayOpenPositions = mayOpenPositions
    }

    /// As much of an account's number as may be shown.
    package static func name(of accountNumber: String) -> String { "…\(accountNumber.suffix(4))" }

    /// One line, such as `alpaca account …1A2B (paper): may open and close positions`.
    package var description: String {
        "\(self.broker) account \(self.accountName) (\(self.environment.rawValue)): "
            + (self.mayOpenPositions ? "may open and close positions" : "may only close positions")
    }
}
