import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// Account, time, calendar, bars and quotes at Schwab.
@Suite struct SchwabMarketDataTests {
    private static let hours = "GET /marketdata/v1/markets/equity"
    private static let history = "GET /marketdata/v1/pricehistory"
    private let stage: SchwabStage
    private let symbol: Symbol

    init() throws {
        self.stage = try SchwabStage()
        self.symbol = try #require(Symbol("AAPL"))
    }

    // MARK: Account

    @Test(arguments: [
        (#""MARGIN""#, #"{"cashBalance":10197.7808,"liquidationValue":11815.6108,"totalCash":1}"#, "10197.7808"),
        (
            #""CASH""#, #"{"cashAvailableForTrading":5,"totalCash":99.99999999,"liquidationValue":11815.6108}"#,
            "99.99999999"
        ),
        (#""CASH""#, #"{"totalCash":10197.780000000001,"liquidationValue":11815.6108}"#, "10197.78"),
        // Another application's binary floating point, which is not an amount of money.
        (#""MARGIN""#, #"{"cashBalance":-0.30000000999999999,"liquidationValue":11815.6108}"#, "-0.30000001"),
        (#""MARGIN""#, #"{"cashBalance":7,"cashAvailableForTrading":1}"#, "7"),
    ])
    func `cash and equity are read exactly`(type: String, balances: String, cash: String) throws {
        self.stage.client.on(
            "GET {account}",
            """
            {"securitiesAccount":{"type":\(type),"accountNumber":"12345678","currentBalances":\(balances)},
            "aggregatedBalance":{"currentLiquidationValue":11815.6108,"liquidationValue":20000.0}}
            """
        )
        let account = try self.stage.broker().account()
        #expect(
            account == BrokerAccount(cash: try #require(Money(cash)), equity: try #require(Money("11815.6108")))
        )
    }

    @Test(arguments: [
        #"{"securitiesAccount":{"type":"MARGIN","currentBalances":{}}}"#, "{}", "[]", "<html>",
        #"{"securitiesAccount":{"type":"MARGIN","currentBalances":{"cashBalance":"12345678"}},"x":12345678}"#,
    ])
    func `an account that cannot be read is no account`(body: String) throws {
        self.stage.client.on("GET {account}", body)
        let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().account() })
        #expect(error.kind == .unreadable)
        SchwabStage.expectNoSecret(error.reason)
    }

    // MARK: Time

    @Test func `the time is that of the answer, even where the date is refused`() throws {
        let date = [("date", "Fri, 02 Jan 2009 20:59:59 GMT")]
        self.stage.client.on(Self.hours, Self.closed, headers: date)
        self.stage.client.on(
            Self.hours,
            #"{"errors":[{"status":"400","title":"Bad Request"}]}"#,
            status: 400,
            headers: date
        )
        let broker = self.stage.broker()
        #expect(try broker.clock() == Timestamp("2009-01-02T20:59:59Z"))
        #expect(try broker.clock() == Timestamp("2009-01-02T20:59:59Z"))
        // The first asks for this clock's day, the next for Schwab's.
        #expect(self.stage.client.requests.map { $0.url.suffix(10) } == ["2026-11-23", "2009-01-02"])
    }

    @Test(arguments: [
        (200, nil as String?), (200, "Fri, 02 Jan 2009 20:59:59 EST"), (200, "Fri, 32 Jan 2009 20:59:59 GMT"),
        (200, "Friday, 02-Jan-09 20:59:59 GMT"), (200, "2009-01-02T20:59:59Z"),
        (500, "Fri, 02 Jan 2009 20:59:59 GMT"),
    ])
    func `without a time there is none`(status: Int, date: String?) throws {
        self.stage.client.on(Self.hours, Self.closed, status: status, headers: date.map { [("Date", $0)] } ?? [])
        #expect(throws: BrokerError.self) { try self.stage.broker().clock() }
    }

    // MARK: Calendar

    @Test func `each weekday of the range is asked for`() throws {
        self.stage.client.on(Self.hours, Self.closed)
        self.stage.client.on(Self.hours, Self.open("2026-11-27", "09:30:00-05:00", "13:00:00-05:00"))
        self.stage.client.on(Self.hours, Self.open("2026-11-30", "09:30:00-05:00", "16:00:00-05:00"))
        let sessions = try self.stage.broker().calendar(
            from: try #require(CalendarDate("2026-11-26")),
            to: try #require(CalendarDate("2026-11-30"))
        )
        #expect(sessions.map(\.date.description) == ["2026-11-27", "2026-11-30"])
        #expect(sessions.first?.open == Timestamp("2026-11-27T14:30:00Z"))
        #expect(sessions.first?.close == Timestamp("2026-11-27T18:00:00Z"))
        #expect(
            self.stage.client.requests.map { $0.url.suffix(15) } == [
                "date=2026-11-26", "date=2026-11-27", "date=2026-11-30",
            ]
        )
    }

    @Test func `dates that Schwab does not answer for go by the exchanges' rules`() throws {
        self.stage.client.on(Self.hours, #"{"errors":[{"title":"Bad Request","detail":"date"}]}"#, status: 400)
        let sessions = try self.stage.broker().calendar(
            from: try #require(CalendarDate("2026-07-02")),
            to: try #require(CalendarDate("2026-07-06"))
        )
        #expect(sessions.map(\.date.description) == ["2026-07-02", "2026-07-06"])
    }

    @Test func `a calendar that failed half-way goes on where it was`() throws {
        let (start, end) = (try #require(CalendarDate("2026-11-23")), try #require(CalendarDate("2026-11-24")))
        self.stage.client.on(Self.hours, Self.open("2026-11-23", "09:30:00-05:00", "16:00:00-05:00"))
        self.stage.client.on(Self.hours, status: 429)
        self.stage.client.on(Self.hours, Self.open("2026-11-24", "09:30:00-05:00", "16:00:00-05:00"))
        let broker = self.stage.broker()
        let error = try #require(#expect(throws: BrokerError.self) { try broker.calendar(from: start, to: end) })
        #expect(error.kind == .notExecuted)
        #expect(try broker.calendar(from: start, to: end).count == 2)
        #expect(self.stage.client.requests.map { $0.url.suffix(2) } == ["23", "24", "24"])
        // Once told it is asked for anew: exchanges close at short notice.
        #expect(throws: BrokerError.self) { try broker.calendar(from: start, to: end) }
    }

    @Test(arguments: ["{}", #"{"equity":{}}"#, #"{"equity":{"EQ":{"isOpen":true}}}"#, "[]"])
    func `hours that cannot be read are no closed day`(body: String) throws {
        self.stage.client.on(Self.hours, body)
        let date = try #require(CalendarDate("2026-11-23"))
        #expect(throws: BrokerError.self) { try self.stage.broker().calendar(from: date, to: date) }
    }

    // MARK: Bars

    @Test func `daily bars are those of the days asked for, at their midnight`() throws {
        // Midnight in New York, midnight in Chicago, and a day beyond the end; out of order.
        self.stage.client.on(
            Self.history,
            """
            {"symbol":"AAPL","empty":false,"candles":[
            {"open":2.0000000000000004,"high":3,"low":1.5,"close":2.5,"volume":20,"datetime":1795240800000},
            {"open":1,"high":2.5,"low":0.5,"close":2,"volume":10,"datetime":1795150800000},
            {"open":1,"high":2.5,"low":0.5,"close":2,"volume":10,"datetime":1795327200000}]}
            """
        )
        let bars = try self.stage.broker().bars(
            BarsRequest(
                symbol: self.symbol,
                timeframe: .day,
                start: try #require(Timestamp("2026-11-20T05:00:00Z")),
                end: Timestamp("2026-11-21T05:00:00Z")
            )
        )
        #expect(
            bars.map(\.timestamp.description) == ["2026-11-20T05:00:00Z", "2026-11-21T05:00:00Z"]
        )
        #expect(bars.last?.open == Price(2))
        #expect(bars.map(\.volume) == [10, 20])
        #expect(
            self.query == "?symbol=AAPL&periodType=year&frequencyType=daily&frequency=1&needExtendedHoursData=false"
                + "&startDate=1795150800000&endDate=1795323600000"
        )
    }

    @Test func `bars of minutes end now unless told otherwise`() throws {
        self.stage.client.on(Self.history, #"{"symbol":"AAPL","empty":true,"candles":[]}"#)
        let bars = try self.stage.broker().bars(
            BarsRequest(
                symbol: try #require(Symbol("BRK/B")),
                timeframe: try #require(Timeframe("5Min")),
                start: try #require(Timestamp("2026-11-23T14:00:00Z"))
            )
        )
        #expect(bars.isEmpty)
        #expect(
            self.query == "?symbol=BRK%2FB&periodType=day&frequencyType=minute&frequency=5&needExtendedHoursData=true"
                + "&startDate=1795442400000&endDate=1795444200000"
        )
    }

    @Test func `a market that has moved on since the last answer is not cut off`() throws {
        self.stage.client.on(Self.hours, Self.closed, headers: [("Date", "Thu, 19 Nov 2026 21:00:00 GMT")])
        self.stage.client.on(
            Self.history,
            #"{"candles":[{"open":1,"high":2.5,"low":0.5,"close":2,"volume":10,"datetime":1795240800000}]}"#
        )
        let broker = self.stage.broker()
        _ = try broker.clock()
        let bars = try broker.bars(
            BarsRequest(
                symbol: self.symbol,
                timeframe: .day,
                start: try #require(Timestamp("2026-11-19T05:00:00Z"))
            )
        )
        #expect(bars.count == 1)
        #expect(self.query.hasSuffix("&endDate=1795444200000"))
    }

    @Test(arguments: ["2Min", "1Hour", "45Min"])
    func `a timeframe that Schwab does not have is refused before it is asked for`(timeframe: String) throws {
        let request = BarsRequest(
            symbol: self.symbol,
            timeframe: try #require(Timeframe(timeframe)),
            start: Timestamp(seconds: 0)
        )
        let error = try #require(#expect(throws: BrokerError.self) { try self.stage.broker().bars(request) })
        #expect(error.kind == .refused(code: "timeframe"))
        #expect(self.stage.client.requests.isEmpty)
    }

    // MARK: Quotes

    @Test func `quotes that are missing or late are left out`() throws {
        self.stage.client.on(
            "GET /marketdata/v1/quotes",
            """
            {"AAPL":{"assetMainType":"EQUITY","realtime":true,"symbol":"AAPL","quote":{"bidPrice":150.01,
            "askPrice":150.02,"quoteTime":1795444200123,"lastPrice":150.015}},
            "MSFT":{"realtime":false,"symbol":"MSFT","quote":{"bidPrice":1,"askPrice":2,"quoteTime":1795444200123}},
            "FUND":{"realtime":true,"symbol":"FUND","quote":{"nAV":12.5}},
            "errors":{"invalidSymbols":["ZZZ"]}}
            """
        )
        let symbols = ["AAPL", "FUND", "MSFT", "ZZZ"].compactMap { Symbol($0) }
        let quotes = try self.stage.broker().latestQuotes(symbols)
        #expect(
            quotes == [
                Quote(
                    symbol: self.symbol,
                    bid: try #require(Price("150.01")),
                    ask: try #require(Price("150.02")),
                    timestamp: Timestamp(milliseconds: 1_795_444_200_123)
                )
            ]
        )
        #expect(self.stage.client.requests.last?.url.contains("symbols=AAPL,FUND,MSFT,ZZZ&fields=quote") == true)
    }

    @Test func `many symbols are asked for in several requests`() throws {
        self.stage.client.on("GET /marketdata/v1/quotes", "{}")
        let symbols = (0..<1001).compactMap { Symbol("S\($0)") }
        #expect(try self.stage.broker().latestQuotes(symbols).isEmpty)
        #expect(self.stage.client.requests.count == 3)
        #expect(try self.stage.broker().latestQuotes([]).isEmpty)
        #expect(self.stage.client.requests.count == 3)
    }

    /// Of the last request.
    private var query: String { String(self.stage.client.requests.last?.url.drop { $0 != "?" } ?? "") }

    private static let closed = #"{"equity":{"equity":{"date":"2026-11-26","marketType":"EQUITY","isOpen":false}}}"#

    private static func open(_ date: String, _ open: String, _ close: String) -> String {
        """
        {"equity":{"EQ":{"date":"\(date)","marketType":"EQUITY","product":"EQ","isOpen":true,"sessionHours":{
        "preMarket":[{"start":"\(date)T07:00:00-05:00","end":"\(date)T09:30:00-05:00"}],
        "regularMarket":[{"start":"\(date)T\(open)","end":"\(date)T\(close)"}]}}}}
        """
    }
}
