package import TradingCore

/// The talk on Alpaca's market-data stream: quotes, and bars of the wanted timeframe.
package struct AlpacaMarketDataFeed: BrokerFeed {
    private let endpoints: AlpacaEndpoints
    private let symbols: [Symbol]
    private let timeframe: Timeframe
    private var isSubscribed = false
    /// Connections refused one after the other because there are too many.
    private var refusals = 0

    package var vitalSigns: FeedVitalSigns { FeedVitalSigns(marketData: true) }

    package init(endpoints: AlpacaEndpoints, symbols: [Symbol], timeframe: Timeframe) {
        self.endpoints = endpoints
        self.symbols = symbols
        self.timeframe = timeframe
    }

    package mutating func prepare() throws(BrokerError) {}

    package var url: String {
        // Those of the night have a version of their own.
        let version = ["boats", "overnight"].contains(self.endpoints.feed) ? "v1beta1" : "v2"
        return "\(self.endpoints.stream)/\(version)/\(self.endpoints.feed)"
    }

    package mutating func opened() -> [FeedAction] {
        self.isSubscribed = false
        return []
    }

    package mutating func received(_ frame: [UInt8]) -> [FeedAction] {
        do throws(JSONError) {
            var actions: [FeedAction] = []
            for item in try [JSONValue](json: try JSONValue(parsing: frame)) {
                actions += try self.received(JSONObject(item), item)
            }
            return actions
        } catch {
            return [.note("a frame of the market-data stream cannot be read: \(error)")]
        }
    }

    private mutating func received(_ object: JSONObject, _ item: JSONValue) throws(JSONError) -> [FeedAction] {
        switch try object.value("T", as: String.self) {
        case "success":
            switch try object.value("msg", as: String.self) {
            case "connected":
                return [
                    .send(
                        "{\"action\":\"auth\",\"key\":\(JSONWriter.text(self.endpoints.keyID)),"
                            + "\"secret\":\(JSONWriter.text(self.endpoints.secretKey))}"
                    )
                ]
            case "authenticated":
                let list = JSONWriter.text(self.symbols)
                let bars = self.timeframe == .day ? "dailyBars" : "bars"
                return [.send("{\"action\":\"subscribe\",\"quotes\":\(list),\"\(bars)\":\(list)}")]
            default: return []
            }
        case "subscription":
            guard !self.isSubscribed else { return [] }
            self.isSubscribed = true
            self.refusals = 0
            return [.event(.connected)]
        case "error":
            let code: Int = try object.value("code")
            let message: String = try object.value("msg")
            let reason = "the market-data stream answers error \(code): \(message.prefix(100))"
            guard code == 406 else { return [.give(up: reason, retryAfter: .seconds(5))] }
            // Another connection has the slot, perhaps a dead one that the server notices after a minute and a half.
            self.refusals += 1
            return [
                .give(
                    up: reason + ". Alpaca allows one: if another program uses these keys, stop one of them",
                    retryAfter: .seconds(min(30 * self.refusals, 90))
                )
            ]
        case "q":
            let symbol: Symbol = try object.value("S")
            return [.event(.quote(try alpacaQuote(item, symbol: symbol)))]
        case "b" where self.timeframe != .day, "d" where self.timeframe == .day:
            let symbol: Symbol = try object.value("S")
            return [.event(.bar(symbol, self.timeframe, try AlpacaBar(json: item).bar))]
        default: return []
        }
    }
}
