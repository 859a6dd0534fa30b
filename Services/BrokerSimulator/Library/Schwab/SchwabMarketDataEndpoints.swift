import MarketSimulation
import TradingCore

/// The market-data API: prices that have ticked, bars that are complete, and the hours of the market.
struct SchwabMarketDataEndpoints {
    private let market: SimulatedMarket

    init(_ market: SimulatedMarket) {
        self.market = market
    }

    /// - Parameter path: What follows `/marketdata/v1`.
    func reply(_ request: RESTRequest, _ path: [String]) throws(RESTFailure) -> RESTReply {
        guard request.method == "GET" else { throw .notFound("endpoint not found") }
        switch (path.first, path.count) {
        case ("quotes", 1):
            guard let symbols = request.parameter("symbols") else { throw .schwabRefusal("symbols is required") }
            let names = symbols.split(separator: ",").map(String.init)
            guard names.count <= 500 else { throw .schwabRefusal("symbols may hold 500 symbols") }
            return try self.quotes(request, names)
        case (_, 2) where path[1] == "quotes":
            guard self.slot(path[0]) != nil else { throw .notFound("No quote found for \(path[0])") }
            return try self.quotes(request, [path[0]])
        case ("pricehistory", 1): return try self.priceHistory(request)
        case ("markets", 1):
            let markets = request.parameter("markets")?.split(separator: ",") ?? []
            guard markets == ["equity"] else { throw .schwabRefusal("markets: only equity is simulated") }
            return try self.hours(request)
        case ("markets", 2) where path[1] == "equity": return try self.hours(request)
        default: throw .notFound("endpoint not found")
        }
    }

    private func slot(_ name: String) -> Int? { Symbol(name).flatMap { self.market.engine.slot(of: $0) } }

    // MARK: Quotes

    private func quotes(_ request: RESTRequest, _ names: [String]) throws(RESTFailure) -> RESTReply {
        let known = ["quote", "reference", "extended", "regular", "fundamental"]
        let fields = request.parameter("fields").map { $0.split(separator: ",").map(String.init) } ?? known
        guard fields.allSatisfy({ $0 == "all" || known.contains($0) }) else {
            throw .schwabRefusal("fields must be of \(known.joined(separator: ", "))")
        }
        let parts = Set(fields.contains("all") ? known : fields)
        let invalid = names.filter { self.slot($0) == nil }
        return RESTReply.object { writer in
            for name in names {
                guard let slot = self.slot(name) else { continue }
                writer.field(name, WireSchwabQuote(self.market.levelOne(slot: slot), parts))
            }
            if !invalid.isEmpty { writer.object("errors") { $0.field("invalidSymbols", invalid) } }
        }
    }

    // MARK: Bars

    private func priceHistory(_ request: RESTRequest) throws(RESTFailure) -> RESTReply {
        guard let name = request.parameter("symbol") else { throw .schwabRefusal("symbol is required") }
        try self.checkFrequency(request)
        let end = try self.time(request, "endDate") ?? self.market.now
        let period = try self.start(of: request, end: end)
        let start = try self.time(request, "startDate") ?? period
        let bars = self.slot(name).map { self.market.schwabBars(slot: $0) } ?? []
        let lower = bars.partitioningIndex { $0.timestamp >= start }
        let upper = bars.partitioningIndex { $0.timestamp > end }
        let candles = bars[lower..<max(lower, upper)]
        let before = try request.flag("needPreviousClose") ? bars[..<lower].last : nil
        return RESTReply.object {
            $0.field("candles", candles.map(WireCandle.init))
            $0.field("symbol", name)
            $0.field("empty", candles.isEmpty)
            $0.field("previousClose", before?.close)
            $0.field("previousCloseDate", before?.timestamp.milliseconds)
        }
    }

    private func checkFrequency(_ request: RESTRequest) throws(RESTFailure) {
        let periodType = request.parameter("periodType") ?? "day"
        let usual = ["day": "minute", "month": "weekly", "year": "monthly", "ytd": "weekly"]
        guard let usual = usual[periodType] else {
            throw .schwabRefusal("periodType must be one of day, month, year, ytd")
        }
        let kind = try request.choice(
            "frequencyType",
            default: usual,
            of: ["minute", "daily", "weekly", "monthly"]
        )
        let frequency = try request.number("frequency", default: 1, in: 1...30)
        let isThere =
            switch self.market.folder.frequency {
            case .daily: kind == "daily" && frequency == 1
            case .intraday(let interval): kind == "minute" && interval == .seconds(60 * frequency)
            }
        guard isThere else {
            throw .schwabRefusal(
                "frequencyType \(kind) with frequency \(frequency) is not in this replay, "
                    + "whose bars are \(self.market.folder.timeframe)"
            )
        }
    }

    /// Where a period begins that ends at `end`: days are sessions, months and years are counted as their most days.
    private func start(of request: RESTRequest, end: Timestamp) throws(RESTFailure) -> Timestamp {
        let date = NewYorkTime.date(of: end)
        let first: CalendarDate?
        switch request.parameter("periodType") ?? "day" {
        case "month": first = date.adding(days: -31 * (try request.number("period", default: 1, in: 1...12)))
        case "year": first = date.adding(days: -366 * (try request.number("period", default: 1, in: 1...20)))
        case "ytd": first = CalendarDate(year: date.year, month: 1, day: 1)
        default:
            let count = try request.number("period", default: 10, in: 1...10)
            first = self.market.schedule.sessions.prefix { $0.date <= date }.suffix(count).first?.date
        }
        return first.map { NewYorkTime.timestamp(on: $0, hour: 0) } ?? end
    }

    private func time(_ request: RESTRequest, _ name: String) throws(RESTFailure) -> Timestamp? {
        guard let text = request.parameter(name) else { return nil }
        guard let milliseconds = Int64(text) else { throw .schwabRefusal("\(name) must be milliseconds since 1970") }
        return Timestamp(milliseconds: milliseconds)
    }

    // MARK: Hours

    private func hours(_ request: RESTRequest) throws(RESTFailure) -> RESTReply {
        let date = try request.date("date") ?? NewYorkTime.date(of: self.market.now)
        let session = CalendarEndpoints.sessions(in: date...date, self.market).first
        return RESTReply.object {
            $0.object("equity") {
                // Of a closed day the broker names the product otherwise.
                $0.object(session == nil ? "equity" : "EQ") {
                    $0.field("date", date)
                    $0.field("marketType", "EQUITY")
                    $0.field("product", session == nil ? "equity" : "EQ")
                    $0.field("productName", session == nil ? nil : "equity")
                    $0.field("isOpen", session != nil)
                    guard let session else { return }
                    $0.object("sessionHours") {
                        let dawn = NewYorkTime.timestamp(on: date, hour: 7)
                        $0.field("preMarket", [WireHours(start: min(dawn, session.open), end: session.open)])
                        $0.field("regularMarket", [WireHours(start: session.open, end: session.close)])
                        let evening = session.close + .seconds(4 * 3600)
                        $0.field("postMarket", [WireHours(start: session.close, end: evening)])
                    }
                }
            }
        }
    }
}

extension SimulatedMarket {
    /// The bars of a slot that this dialect shows: a day's is there when its session has closed, before the replay tells
    /// it to those whom it sends daily bars, since a closing quote is all that this dialect's clients are sent.
    func schwabBars(slot: Int) -> ArraySlice<Bar> {
        let bars = self.folder.bars[slot]
        let released = self.releasedBars[slot]
        guard self.folder.frequency == .daily, !self.isOpen, let sessionIndex, released < bars.count,
            NewYorkTime.date(of: bars[released].timestamp) == self.schedule.sessions[sessionIndex].date
        else { return bars.prefix(released) }
        return bars.prefix(released + 1)
    }
}

private struct WireHours: JSONEncodable {
    let start: Timestamp
    let end: Timestamp

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("start", self.start.newYorkText)
            $0.field("end", self.end.newYorkText)
        }
    }
}

private struct WireCandle: JSONEncodable {
    let bar: Bar

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("open", self.bar.open)
            $0.field("high", self.bar.high)
            $0.field("low", self.bar.low)
            $0.field("close", self.bar.close)
            $0.field("volume", self.bar.volume)
            $0.field("datetime", self.bar.timestamp.milliseconds)
        }
    }
}

/// One symbol's answer of `/quotes`. A symbol that has not ticked yet has no prices.
private struct WireSchwabQuote: JSONEncodable {
    private let levelOne: SchwabLevelOne
    private let parts: Set<String>

    init(_ levelOne: SchwabLevelOne, _ parts: Set<String>) {
        self.levelOne = levelOne
        self.parts = parts
    }

    func write(to writer: inout JSONWriter) {
        let symbol = self.levelOne.symbol
        writer.object {
            $0.field("assetMainType", "EQUITY")
            $0.field("assetSubType", "COE")
            $0.field("quoteType", "NBBO")
            $0.field("realtime", true)
            $0.field("ssid", WireSchwabInstrument.number(symbol))
            $0.field("symbol", symbol)
            if self.parts.contains("quote") { $0.object("quote") { self.writeQuote(to: &$0) } }
            if self.parts.contains("reference") {
                $0.object("reference") {
                    $0.field("cusip", WireSchwabInstrument.cusip(symbol))
                    $0.field("description", symbol)
                    $0.field("exchange", "Q")
                    $0.field("exchangeName", "NASDAQ")
                    $0.field("isHardToBorrow", false)
                    $0.field("isShortable", false)
                }
            }
            if self.parts.contains("regular") { $0.object("regular") { self.writeRegular(to: &$0) } }
            if self.parts.contains("extended") { $0.object("extended") { self.writeExtended(to: &$0) } }
        }
    }

    private func writeQuote(to writer: inout JSONWriter) {
        let now = self.levelOne
        if let price = now.price {
            for name in ["askPrice", "bidPrice", "lastPrice", "mark"] { writer.field(name, price) }
            for name in ["askSize", "bidSize", "lastSize"] { writer.field(name, 100) }
            for name in ["askMICId", "bidMICId", "lastMICId"] { writer.field(name, "XNAS") }
            for name in ["netChange", "markChange"] { writer.field(name, now.netChange) }
            for name in ["netPercentChange", "markPercentChange"] { writer.field(name, now.netPercentChange) }
            for name in ["askTime", "bidTime", "quoteTime"] { writer.field(name, now.quotedAt?.milliseconds) }
            writer.field("tradeTime", now.tradedAt?.milliseconds)
        }
        writer.field("closePrice", now.previousClose)
        writer.field("openPrice", now.figures?.open)
        writer.field("highPrice", now.figures?.high)
        writer.field("lowPrice", now.figures?.low)
        writer.field("totalVolume", now.figures?.volume ?? 0)
        writer.field("securityStatus", now.status)
    }

    private func writeRegular(to writer: inout JSONWriter) {
        let now = self.levelOne
        guard let price = now.price else { return }
        writer.field("regularMarketLastPrice", price)
        writer.field("regularMarketLastSize", 100)
        writer.field("regularMarketNetChange", now.netChange)
        writer.field("regularMarketPercentChange", now.netPercentChange)
        writer.field("regularMarketTradeTime", now.tradedAt?.milliseconds)
    }

    private func writeExtended(to writer: inout JSONWriter) {
        let now = self.levelOne
        guard let price = now.price else { return }
        for name in ["askPrice", "bidPrice", "lastPrice", "mark"] { writer.field(name, price) }
        for name in ["askSize", "bidSize", "lastSize", "totalVolume"] { writer.field(name, 0) }
        writer.field("quoteTime", now.quotedAt?.milliseconds)
        writer.field("tradeTime", now.tradedAt?.milliseconds)
    }
}
