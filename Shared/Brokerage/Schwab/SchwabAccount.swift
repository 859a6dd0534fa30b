import TradingCore

/// `GET /accounts/{hash}`: the figures, by the kind of account.
struct SchwabAccount: JSONDecodable {
    let account: BrokerAccount

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let securities = try JSONObject(try object.value("securitiesAccount", as: JSONValue.self))
        let balances = try JSONObject(try securities.value("currentBalances", as: JSONValue.self))
        let isCashAccount = try securities.value("type", as: String.self) == "CASH"
        let cashNames = isCashAccount ? ["totalCash", "cashBalance", "cashAvailableForTrading"] : ["cashBalance"]
        guard let cash = try Self.first(of: cashNames, in: balances) else {
            throw JSONError("is missing").inside(cashNames[0]).inside("currentBalances")
        }
        var equity = try Self.first(of: ["liquidationValue"], in: balances)
        if equity == nil, let aggregated: JSONValue = try object.optional("aggregatedBalance") {
            equity = try Self.first(of: ["currentLiquidationValue"], in: JSONObject(aggregated))
        }
        guard let equity else { throw JSONError("is missing").inside("liquidationValue").inside("currentBalances") }
        self.account = BrokerAccount(cash: cash, equity: equity)
    }

    private static func first(of names: [String], in object: JSONObject) throws(JSONError) -> Money? {
        for name in names {
            if let number: BrokerNumber<Money> = try object.optional(name) { return number.value }
        }
        return nil
    }
}

/// What `GET /accounts/{hash}` says of whether the account may trade.
struct SchwabAccountState: JSONDecodable {
    let number: String
    let isClosingOnly: Bool

    init(json: JSONValue) throws(JSONError) {
        let account = try JSONObject(try JSONObject(json).value("securitiesAccount", as: JSONValue.self))
        self.number = try account.value("accountNumber")
        self.isClosingOnly = try account.optional("isClosingOnlyRestricted") ?? false
    }
}

/// `GET /accounts/{hash}?fields=positions`, which has no member of that name when there are none.
struct SchwabPositions: JSONDecodable {
    let positions: [BrokerPosition]

    init(json: JSONValue) throws(JSONError) {
        let account = try JSONObject(try JSONObject(json).value("securitiesAccount", as: JSONValue.self))
        var positions: [BrokerPosition] = []
        for element in try account.optional("positions", as: [JSONValue].self) ?? [] {
            guard let instrument = element["instrument"], schwabAssetIsShares(instrument) else { continue }
            let object = try JSONObject(element)
            let long = try object.optional("longQuantity", as: BrokerNumber<Quantity>.self)?.value ?? .zero
            let short = try object.optional("shortQuantity", as: BrokerNumber<Quantity>.self)?.value ?? .zero
            guard long != short else { continue }
            positions.append(
                BrokerPosition(symbol: try JSONObject(instrument).value("symbol"), quantity: long - short)
            )
        }
        self.positions = positions
    }
}
