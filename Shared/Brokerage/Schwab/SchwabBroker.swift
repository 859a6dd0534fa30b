package import HTTPTransport
package import TradingCore

/// Schwab's trader and market-data REST API.
///
/// Schwab takes no client order id. An order is known by the number that its placing brought, and where that is
/// missing, by what it asks for and when it was entered.
package final class SchwabBroker: Broker {
    package let recognisesRepeatedOrders = false
    let session: SchwabSession
    /// What a calendar call has learned before it failed, so that the next one goes on from there.
    private var knownDates: [CalendarDate: TradingSession?] = [:]

    private static let quotesPerRequest = 500

    /// `now` tells wall time.
    package init(endpoints: SchwabEndpoints, client: any HTTPClient, now: @escaping () -> Timestamp) {
        self.session = SchwabSession(endpoints: endpoints, client: client, now: now)
    }

    // MARK: Account

    package func account() throws(BrokerError) -> BrokerAccount {
        try self.session.send(.get, try self.session.accountPath(), as: "GET account")
            .decoded(as: SchwabAccount.self).account
    }

    package func checkAccount() throws(BrokerError) -> BrokerAccountCheck {
        let endpoints = self.session.endpoints
        let account = try self.session.send(.get, try self.session.accountPath(), as: "GET account")
            .decoded(as: SchwabAccountState.self)
        guard account.number == endpoints.accountNumber else {
            throw BrokerError(
                .refused(code: "account"),
                "Schwab answers for account \(BrokerAccountCheck.name(of: account.number)) when asked for "
                    + "\(endpoints.accountName): check SCHWAB_ACCOUNT_NUMBER"
            )
        }
        return BrokerAccountCheck(
            broker: "schwab",
            accountNumber: account.number,
            environment: endpoints.environment,
            mayOpenPositions: !account.isClosingOnly
        )
    }

    // MARK: Market

    /// The second in which Schwab answers: there is no call for it.
    package func clock() throws(BrokerError) -> Timestamp {
        let answer = try self.marketHours(on: NewYorkTime.date(of: self.session.brokerTime))
        // That a date is refused is told at a time, too.
        guard answer.isSuccess || answer.isRefusal else { throw answer.failure() }
        guard let date = answer.date else { throw answer.unreadable("it has no Date header") }
        return date
    }

    /// One request for each date that is not on a weekend. Schwab answers for the year from today on; for the dates
    /// that it refuses, the exchanges' rules do.
    package func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] {
        guard start <= end else { return [] }
        var sessions: [TradingSession] = []
        for day in start.dayNumber...end.dayNumber {
            let date = CalendarDate(dayNumber: day)
            guard date.weekday != .saturday, date.weekday != .sunday else { continue }
            if self.knownDates[date] == nil { self.knownDates.updateValue(try self.session(on: date), forKey: date) }
            if let session = self.knownDates[date] ?? nil { sessions.append(session) }
        }
        self.knownDates = [:]
        return sessions
    }

    private func session(on date: CalendarDate) throws(BrokerError) -> TradingSession? {
        let answer = try self.marketHours(on: date)
        if answer.isRefusal { return MarketCalendar.session(on: date) }
        return try answer.decoded { json throws(JSONError) in try SchwabMarketHours(json: json, date: date) }.session
    }

    private func marketHours(on date: CalendarDate) throws(BrokerError) -> SchwabAnswer {
        try self.session.send(.get, "/marketdata/v1/markets/equity?date=\(date)", as: "GET markets/equity")
    }

    package func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar] {
        guard let frequency = SchwabFrequency(request.timeframe) else {
            throw BrokerError(
                .refused(code: "timeframe"),
                "Schwab has no bars of \(request.timeframe): choose 1Min, 5Min, 10Min, 15Min, 30Min or 1Day"
            )
        }
        // Without an end Schwab stops at yesterday. A daily candle's time is some hour of its day, so that the last day
        // has to be asked for whole.
        let end = request.end.map { frequency.isDaily ? $0 + .seconds(86_400) : $0 } ?? self.session.latestTime
        let candles = try self.session.send(
            .get,
            "/marketdata/v1/pricehistory?symbol=\(percentEncoded(request.symbol.rawValue))&\(frequency.query)"
                + "&startDate=\(request.start.milliseconds)&endDate=\(max(end, request.start).milliseconds)",
            as: "GET pricehistory"
        ).decoded { json throws(JSONError) in try SchwabCandles(json: json, frequency) }
        return candles.bars.filter { bar in
            request.start <= bar.timestamp && request.end.map { bar.timestamp <= $0 } ?? true
        }
    }

    /// Delayed quotes are left out too: nothing may be decided by them.
    package func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] {
        var quotes: [Quote] = []
        var rest = symbols[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.quotesPerRequest)
            rest = rest.dropFirst(part.count)
            let list = part.map { percentEncoded($0.rawValue) }.joined(separator: ",")
            quotes += try self.session.send(
                .get,
                "/marketdata/v1/quotes?symbols=\(list)&fields=quote&indicative=false",
                as: "GET quotes"
            ).decoded { json throws(JSONError) in try SchwabQuotes(json: json, of: part) }.quotes
        }
        return quotes
    }
}
