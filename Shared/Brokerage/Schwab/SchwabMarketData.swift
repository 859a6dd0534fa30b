import TradingCore

/// `GET /markets/equity` for one date. Open, the hours stand under `EQ`; closed, under `equity` and without hours.
struct SchwabMarketHours {
    /// Nil if the market stays closed.
    let session: TradingSession?

    init(json: JSONValue, date: CalendarDate) throws(JSONError) {
        let markets = try JSONObject(json).value("equity", as: JSONValue.self)
        guard case .object(let members) = markets, let day = members.first?.value else {
            throw JSONError("holds no market").inside("equity")
        }
        let object = try JSONObject(day)
        guard try object.value("isOpen") else {
            self.session = nil
            return
        }
        let hours = try JSONObject(try object.value("sessionHours", as: JSONValue.self))
        guard let regular = try hours.value("regularMarket", as: [Hours].self).first,
            NewYorkTime.date(of: regular.start) == date, regular.start < regular.end
        else { throw JSONError("holds no hours on \(date)").inside("regularMarket") }
        self.session = TradingSession(date: date, open: regular.start, close: regular.end)
    }

    private struct Hours: JSONDecodable {
        let start: Timestamp
        let end: Timestamp

        init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.start = try object.value("start")
            self.end = try object.value("end")
        }
    }
}

/// How `GET /pricehistory` is asked for a timeframe.
struct SchwabFrequency {
    let query: String
    let isDaily: Bool

    /// Nil for a timeframe that Schwab does not have.
    init?(_ timeframe: Timeframe) {
        self.isDaily = timeframe == .day
        if self.isDaily {
            self.query = "periodType=year&frequencyType=daily&frequency=1&needExtendedHoursData=false"
        } else if let seconds = timeframe.interval?.components.seconds, [1, 5, 10, 15, 30].contains(seconds / 60) {
            // The stream's minutes include those outside regular hours.
            self.query =
                "periodType=day&frequencyType=minute&frequency=\(seconds / 60)&needExtendedHoursData=true"
        } else {
            return nil
        }
    }
}

/// The answer to `GET /pricehistory`, oldest first.
struct SchwabCandles {
    let bars: [Bar]

    init(json: JSONValue, _ frequency: SchwabFrequency) throws(JSONError) {
        var bars: [Bar] = []
        for candle in try JSONObject(json).optional("candles", as: [JSONValue].self) ?? [] {
            let object = try JSONObject(candle)
            var time = try object.milliseconds("datetime")
            if frequency.isDaily { time = NewYorkTime.timestamp(on: NewYorkTime.date(of: time), hour: 0) }
            bars.append(try object.bar(at: time, names: ("open", "high", "low", "close", "volume")))
        }
        self.bars = bars.sorted { $0.timestamp < $1.timestamp }
    }
}

/// The answer to `GET /quotes`: those that are there and not delayed.
struct SchwabQuotes {
    let quotes: [Quote]

    init(json: JSONValue, of symbols: some Sequence<Symbol>) throws(JSONError) {
        let object = try JSONObject(json)
        var quotes: [Quote] = []
        for symbol in symbols {
            guard let entry: JSONValue = try object.optional(symbol.rawValue), entry["realtime"] != .bool(false),
                let quote = entry["quote"]
            else { continue }
            let figures = try JSONObject(quote)
            guard let bid: BrokerNumber<Price> = try figures.optional("bidPrice"),
                let ask: BrokerNumber<Price> = try figures.optional("askPrice")
            else { continue }
            quotes.append(
                Quote(
                    symbol: symbol,
                    bid: bid.value,
                    ask: ask.value,
                    timestamp: try figures.milliseconds("quoteTime")
                )
            )
        }
        self.quotes = quotes
    }
}

extension JSONObject {
    /// A bar whose figures carry these names; throws for one that cannot be.
    func bar(
        at timestamp: Timestamp,
        names: (open: String, high: String, low: String, close: String, volume: String)
    ) throws(JSONError) -> Bar {
        let bar = Bar(
            timestamp: timestamp,
            open: try self.value(names.open, as: BrokerNumber<Price>.self).value,
            high: try self.value(names.high, as: BrokerNumber<Price>.self).value,
            low: try self.value(names.low, as: BrokerNumber<Price>.self).value,
            close: try self.value(names.close, as: BrokerNumber<Price>.self).value,
            volume: try self.value(names.volume, as: BrokerNumber<Quantity>.self).value.raw / Quantity.unit
        )
        if let defect = bar.defect { throw JSONError("a bar that cannot be: \(defect)") }
        return bar
    }
}
