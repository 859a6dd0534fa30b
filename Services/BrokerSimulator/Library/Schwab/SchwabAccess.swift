import TradingCore

/// Whose account this is and who may use it: what REST and the streamer share.
struct SchwabAccess: Sendable {
    let accountNumber: String
    /// What stands for the account number in every path.
    let accountHash: String
    let customerID: String
    let correlationID: String
    let tokens: SchwabTokenDesk

    init(_ configuration: SchwabConfiguration) {
        let number = configuration.accountNumber
        self.accountNumber = number
        self.accountHash =
            (StableHash.hexadecimal("schwab account", number) + StableHash.hexadecimal("schwab hash", number))
            .uppercased()
        self.customerID = StableHash.hexadecimal("schwab customer", number)
        self.correlationID = StableHash.hexadecimal("schwab correlation", number)
        self.tokens = SchwabTokenDesk(configuration)
    }
}
