import TradingCore

struct AlpacaClock: JSONDecodable {
    let timestamp: Timestamp

    init(json: JSONValue) throws(JSONError) {
        self.timestamp = try JSONObject(json).value("timestamp")
    }
}

struct AlpacaCalendarDay: JSONDecodable {
    let session: TradingSession

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        let date: CalendarDate = try object.value("date")
        self.session = TradingSession(
            date: date,
            open: try Self.time(object, "open", on: date),
            close: try Self.time(object, "close", on: date)
        )
    }

    /// `09:30`, New York time.
    private static func time(
        _ object: JSONObject,
        _ name: String,
        on date: CalendarDate
    ) throws(JSONError) -> Timestamp {
        let text: String = try object.value(name)
        let parts = text.split(separator: ":").compactMap { Int($0) }
        guard parts.count == 2, (0...23).contains(parts[0]), (0...59).contains(parts[1]) else {
            throw JSONError("\"\(text.prefix(16))\" is no time such as 09:30").inside(name)
        }
        return NewYorkTime.timestamp(on: date, hour: parts[0], minute: parts[1])
    }
}

struct AlpacaBarsPage: JSONDecodable {
    let bars: [Bar]
    let nextPage: String?

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.bars = (try object.optional("bars", as: [AlpacaBar].self) ?? []).map(\.bar)
        self.nextPage = try object.optional("next_page_token")
    }
}

struct AlpacaQuotes: JSONDecodable {
    let quotes: [Quote]

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        guard case .object(let members) = try object.value("quotes", as: JSONValue.self) else {
            throw JSONError("expected an object").inside("quotes")
        }
        var quotes: [Quote] = []
        for member in members {
            guard let symbol = Symbol(member.name) else { continue }
            quotes.append(try alpacaQuote(member.value, symbol: symbol))
        }
        self.quotes = quotes
    }
}

/// `{"t","o","h","l","c","v"}`, on the data API and in its stream alike.
struct AlpacaBar: JSONDecodable {
    let bar: Bar

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.bar = Bar(
            timestamp: try object.value("t"),
            open: try object.value("o", as: BrokerNumber<Price>.self).value,
            high: try object.value("h", as: BrokerNumber<Price>.self).value,
            low: try object.value("l", as: BrokerNumber<Price>.self).value,
            close: try object.value("c", as: BrokerNumber<Price>.self).value,
            volume: try object.value("v")
        )
        if let defect = self.bar.defect { throw JSONError("a bar that cannot be: \(defect)") }
    }
}

/// `{"bp","ap","t"}`, on the data API and in its stream alike.
func alpacaQuote(_ json: JSONValue, symbol: Symbol) throws(JSONError) -> Quote {
    let object = try JSONObject(json)
    return Quote(
        symbol: symbol,
        bid: try object.value("bp", as: BrokerNumber<Price>.self).value,
        ask: try object.value("ap", as: BrokerNumber<Price>.self).value,
        timestamp: try object.value("t")
    )
}
