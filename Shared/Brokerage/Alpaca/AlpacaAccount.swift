import TradingCore

/// The figures of `GET /v2/account`.
struct AlpacaAccount: JSONDecodable {
    let cash: Money
    let equity: Money

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.cash = try object.value("cash", as: BrokerNumber<Money>.self).value
        self.equity = try object.value("equity", as: BrokerNumber<Money>.self).value
    }
}

/// What `GET /v2/account` says of whether the account may trade.
struct AlpacaAccountState: JSONDecodable {
    let number: String
    let status: String
    /// The names of the flags that are up.
    let blocks: [String]

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.number = try object.value("account_number")
        self.status = try object.value("status")
        var blocks: [String] = []
        for name in ["account_blocked", "trading_blocked", "trade_suspended_by_user"]
        where try object.optional(name) ?? false { blocks.append(name) }
        self.blocks = blocks
    }

    /// That paper accounts' numbers begin so, and no others, is not documented: it only ever stops a start, and an
    /// account number in the configuration overrides it.
    private var looksLikePaper: Bool { self.number.hasPrefix("PA") }
    private var name: String { BrokerAccountCheck.name(of: self.number) }

    func check(_ endpoints: AlpacaEndpoints) throws(BrokerError) -> BrokerAccountCheck {
        let setting = endpoints.settingNames.trading
        if let wanted = endpoints.accountNumber, wanted != self.number {
            throw Self.refusal(
                "the key is that of account \(self.name), and APCA_ACCOUNT_NUMBER names "
                    + "\(BrokerAccountCheck.name(of: wanted)); correct one of them"
            )
        }
        let isPinned = endpoints.accountNumber != nil
        switch endpoints.environment {
        case .live where self.status == "PAPER_ONLY" || self.looksLikePaper && !isPinned:
            throw Self.refusal(
                "\(setting) is Alpaca's live host, and account \(self.name) looks like a paper account; set it to "
                    + "https://paper-api.alpaca.markets, or name the account in APCA_ACCOUNT_NUMBER if it is meant"
            )
        case .paper where !self.looksLikePaper && !isPinned:
            throw Self.refusal(
                "\(setting) is Alpaca's paper host, and account \(self.name) does not look like a paper account; name "
                    + "it in APCA_ACCOUNT_NUMBER if it is meant"
            )
        case .paper where self.status == "PAPER_ONLY": break
        default:
            guard self.status == "ACTIVE" else {
                throw Self.refusal(
                    "account \(self.name) is \(self.status.prefix(32)) and may trade only when it is ACTIVE; see what "
                        + "it lacks in Alpaca's dashboard"
                )
            }
        }
        guard self.blocks.isEmpty else {
            throw Self.refusal(
                "account \(self.name) may not trade (\(self.blocks.joined(separator: ", "))); "
                    + (self.blocks == ["trade_suspended_by_user"]
                        ? "let it trade again in the account's configuration in Alpaca's dashboard" : "ask Alpaca why")
            )
        }
        return BrokerAccountCheck(
            broker: "alpaca",
            accountNumber: self.number,
            environment: endpoints.environment,
            mayOpenPositions: true
        )
    }

    private static func refusal(_ reason: String) -> BrokerError {
        BrokerError(.refused(code: "account"), reason)
    }
}
