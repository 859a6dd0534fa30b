package import HTTPTransport
package import TradingCore

/// Schwab's trader and market-data REST API.
///
/// Schwab takes no client order id. An order is known by the number that its placing brought, and where that is
/// missing, by what it asks for and when it was entered.
package final class SchwabBroker: Broker {
    package let recognisesRepeatedOrders = false
    private let session: SchwabSession
    /// What a calendar call has learned before it failed, so that the next one goes on from there.
    private var knownDates: [CalendarDate: TradingSession?] = [:]

    /// How far an order's time at Schwab may lie outside of the time in which it was sent.
    private static let clockTolerance = Duration.seconds(120)
    private static let quotesPerRequest = 500

    /// `now` tells wall time.
    package init(endpoints: SchwabEndpoints, client: any HTTPClient, now: @escaping () -> Timestamp) {
        self.session = SchwabSession(endpoints: endpoints, client: client, now: now)
    }

    // MARK: Orders

    /// Sends the order once. An order sent before is not recognised here: look for it first.
    package func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
        let terms = order.terms
        guard terms.quantity > .zero, terms.quantity.roundedTowardZero(toMultipleOf: Quantity(1)) == terms.quantity
        else {
            throw BrokerError(
                .refused(code: "quantity"),
                "order \(order.id) asks for \(terms.quantity) shares, and Schwab takes whole shares only"
            )
        }
        let answer = try self.session.send(
            .post,
            try self.session.accountPath() + "/orders",
            body: JSONWriter.bytes(SchwabOrderRequest(terms)),
            as: "POST orders"
        )
        guard answer.isSuccess else { throw answer.failure() }
        guard let id = answer.orderID else {
            throw answer.unreadable("it does not tell the order's number", .unknownOutcome)
        }
        // It is taken. If it cannot be read at once, it can later.
        guard let placed = try? self.order(number: id) else {
            let time = answer.date ?? order.intendedAt
            return OrderReport(
                clientOrderID: order.id,
                brokerOrderID: id,
                event: .submitted,
                filledQuantity: .zero,
                averagePrice: nil,
                submittedAt: time,
                timestamp: time
            )
        }
        guard placed.matches(terms) else {
            throw answer.unreadable("order \(id), which it names, is another one", .unknownOutcome)
        }
        do throws(BrokerError) {
            return try self.report(placed, for: order)
        } catch {
            throw BrokerError(.unknownOutcome, error.reason)
        }
    }

    package func requestCancel(brokerOrderID: String) throws(BrokerError) {
        let answer = try self.session.send(
            .delete,
            try self.session.accountPath() + "/orders/" + percentEncoded(brokerOrderID),
            as: "DELETE order"
        )
        // An order that has ended is turned down like one that never was: what it has come to is for the next look.
        if answer.status == 400 || answer.isNotFound {
            throw BrokerError(.refused(code: "\(answer.status)"), answer.failure().reason)
        }
        guard answer.isSuccess else { throw answer.failure() }
    }

    /// One look. Nil when Schwab does not know the order's number, or, if there is none yet, no order that can be it:
    /// either proves something only if it is so again and again for a minute.
    package func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        guard let number = order.brokerOrderID else {
            return try self.lookAlike(of: order).map { found throws(BrokerError) in try self.report(found, for: order) }
        }
        guard let known = try self.order(number: number) else { return nil }
        guard known.isAbout(order.terms) else {
            throw BrokerError(
                .refused(code: "mismatch"),
                "Schwab's order \(number) is not \(order.id): a person has to look at the account's orders"
            )
        }
        return try self.report(known, for: order)
    }

    private func report(_ found: SchwabOrder, for order: OrderReference) throws(BrokerError) -> OrderReport {
        var found = found
        if found.isReplaced {
            var original = order
            original.brokerOrderID = found.id
            guard let successor = try self.lookAlike(of: original) else {
                throw BrokerError(
                    .refused(code: "replaced"),
                    "Schwab's order \(found.id) (\(order.id)) was replaced by one with other terms: a person has to "
                        + "look at the account's orders"
                )
            }
            found = successor
        }
        do throws(JSONError) {
            var report = try found.report(order.id)
            report.reason = report.reason.map(self.session.redacted)
            return report
        } catch {
            throw BrokerError(.unreadable, self.session.redacted("order \(found.id) cannot be read: \(error)"))
        }
    }

    /// The one order entered since the intent that asks for the same and belongs to no other intent.
    private func lookAlike(of order: OrderReference) throws(BrokerError) -> SchwabOrder? {
        let found = try self.orders(
            enteredFrom: order.intendedAt - Self.clockTolerance,
            to: max(self.session.brokerTime, order.intendedAt) + Self.clockTolerance
        ).filter { $0.matches(order.terms) && !order.claimed.contains($0.id) && $0.id != order.brokerOrderID }
        // An order that was replaced and the one in its place look alike, and the latter counts.
        let candidates = found.filter { !$0.isReplaced }
        if let candidate = candidates.first, candidates.count == 1 { return candidate }
        if found.isEmpty { return nil }
        throw BrokerError(
            .refused(code: "ambiguous"),
            "which of Schwab's orders is \(order.id)? \(found.map(\.id).joined(separator: ", ")) ask for the same: a "
                + "person has to look at the account's orders, and cancel what is not wanted"
        )
    }

    /// Orders of the account, each with its children inside.
    func orders(enteredFrom start: Timestamp, to end: Timestamp) throws(BrokerError) -> [SchwabOrder] {
        try self.session.send(
            .get,
            try self.session.accountPath() + "/orders?fromEnteredTime=" + percentEncoded(start.schwabQueryText)
                + "&toEnteredTime=" + percentEncoded(end.schwabQueryText),
            as: "GET orders"
        ).decoded()
    }

    private func order(number: String) throws(BrokerError) -> SchwabOrder? {
        let answer = try self.session.send(
            .get,
            try self.session.accountPath() + "/orders/" + percentEncoded(number),
            as: "GET order"
        )
        return answer.isNotFound ? nil : try answer.decoded(as: SchwabOrder.self)
    }

    // MARK: Account

    package func account() throws(BrokerError) -> BrokerAccount {
        try self.session.send(.get, try self.session.accountPath(), as: "GET account")
            .decoded(as: SchwabAccount.self).account
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
