package import HTTPTransport
package import TradingCore

/// Alpaca's trading and market-data REST API.
package struct AlpacaBroker: Broker {
    let endpoints: AlpacaEndpoints
    private let client: any HTTPClient
    private static let mostReplacements = 100
    package let recognisesRepeatedOrders = true

    package init(endpoints: AlpacaEndpoints, client: any HTTPClient) {
        self.endpoints = endpoints
        self.client = client
    }

    // MARK: Orders

    package func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
        let terms = order.terms
        if let defect = terms.defect { throw BrokerError(.refused(code: "terms"), "order \(order.id) \(defect)") }
        let answer = try self.send(
            .post,
            self.endpoints.trading + "/v2/orders",
            body: JSONWriter.bytes(AlpacaOrderRequest(terms))
        )
        return try self.report(answer, on: terms, "POST /v2/orders") { $0.matches(terms) }
    }

    package func replace(
        _ order: OrderReference,
        with replacement: OrderTerms
    ) throws(BrokerError) -> OrderReport {
        if let defect = replacement.defect {
            throw BrokerError(.refused(code: "terms"), "order \(replacement.clientOrderID) \(defect)")
        }
        let id: String
        if let known = order.brokerOrderID {
            id = known
        } else {
            guard let found = try self.alpacaOrder(order.id) else {
                throw BrokerError(.refused(code: "unknown"), "Alpaca does not know order \(order.id)")
            }
            id = found.id
        }
        let answer = try self.send(
            .patch,
            self.orderURL(id),
            body: JSONWriter.bytes(AlpacaReplacementRequest(replacement))
        )
        return try self.report(answer, on: replacement, "PATCH /v2/orders") { found in
            // Alpaca may count its shares with those filled before or without.
            found.replaces == id && found.symbol == replacement.symbol.rawValue
                && found.side == replacement.side.rawValue
        }
    }

    /// What an order just sent has come to.
    private func report(
        _ answer: AlpacaAnswer,
        on terms: OrderTerms,
        _ call: String,
        isSame: (AlpacaOrder) -> Bool
    ) throws(BrokerError) -> OrderReport {
        if answer.isSuccess {
            guard let sent = try? AlpacaOrder(json: answer.json ?? .null), let report = sent.report() else {
                throw BrokerError(.unknownOutcome, "\(call): an answer that cannot be read")
            }
            return report
        }
        guard answer.isDuplicateClientOrderID else { throw answer.failure(call, isOrder: true) }
        // It exists already: this is the success of an earlier attempt, if it is the same order. That the look at it fails
        // is no refusal.
        guard let known = try? self.alpacaOrder(terms.clientOrderID), let report = known.report() else {
            throw BrokerError(.unknownOutcome, "\(call): a duplicate that cannot be found")
        }
        guard isSame(known) else {
            throw BrokerError(
                .refused(code: "duplicate"),
                "another order carries the client order id \(terms.clientOrderID)"
            )
        }
        return report
    }

    package func requestCancel(brokerOrderID: String) throws(BrokerError) {
        let answer = try self.send(.delete, self.orderURL(brokerOrderID))
        guard answer.isSuccess else { throw answer.failure("DELETE /v2/orders", isOrder: true) }
    }

    package func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        guard let found = try self.alpacaOrder(order.id) else { return nil }
        let life = try self.life(of: found, order.id)
        guard order.terms.orderClass.isForHeldShares else { return try life.report(order.id) }
        // The order is the one half of a pair; the other is its leg.
        let answer = try self.send(.get, self.orderURL(found.id) + "?nested=true")
        let parent: AlpacaOrder = try answer.decoded("GET /v2/orders")
        var lives = [life]
        for leg in parent.legs { lives.append(try self.life(of: leg, order.id)) }
        return try AlpacaOrderLife.report(order.id, lives, of: order.terms.quantity)
    }

    /// From the listing of open orders; what is not there, or consists of several, has a look of its own.
    package func orders(_ orders: [OrderReference]) throws(BrokerError) -> [Result<OrderReport?, BrokerError>] {
        // The listing takes two requests, its end being a page that brings nothing new.
        let isListed = orders.count > 2
        let open = isListed ? try self.openOrdersByClientOrderID() : [:]
        return orders.eachAnswered { order throws(BrokerError) in
            guard !order.terms.orderClass.isForHeldShares, let found = open[order.id.description], found.isOpen else {
                return try self.order(order)
            }
            return try AlpacaOrderLife(found).report(order.id)
        }
    }

    private func alpacaOrder(_ id: ClientOrderID) throws(BrokerError) -> AlpacaOrder? {
        let answer = try self.send(
            .get,
            self.endpoints.trading + "/v2/orders:by_client_order_id?client_order_id=" + percentEncoded(id.description)
        )
        return answer.isNotFound ? nil : try answer.decoded("GET /v2/orders:by_client_order_id")
    }

    /// The order and those that Alpaca put in its place. A replacement that was asked for here is an order of its own.
    private func life(of order: AlpacaOrder, _ id: ClientOrderID) throws(BrokerError) -> AlpacaOrderLife {
        var life = AlpacaOrderLife(order)
        while let next = life.successor {
            guard life.count < Self.mostReplacements else {
                throw BrokerError(.unreadable, "order \(id) was replaced more than \(life.count) times")
            }
            let successor: AlpacaOrder = try self.send(.get, self.orderURL(next)).decoded("GET /v2/orders")
            if let other = ClientOrderID(successor.clientOrderID), other != id {
                life.endsReplaced = true
            } else {
                life.goOn(as: successor)
            }
        }
        return life
    }

    private func orderURL(_ id: String) -> String { self.endpoints.trading + "/v2/orders/" + percentEncoded(id) }

    // MARK: Account

    package func account() throws(BrokerError) -> BrokerAccount {
        let account: AlpacaAccount = try self.accountAnswer().decoded("GET /v2/account")
        return BrokerAccount(cash: account.cash, equity: account.equity)
    }

    package func checkAccount() throws(BrokerError) -> BrokerAccountCheck {
        let state: AlpacaAccountState = try self.accountAnswer().decoded("GET /v2/account")
        return try state.check(self.endpoints)
    }

    private func accountAnswer() throws(BrokerError) -> AlpacaAnswer {
        try self.send(.get, self.endpoints.trading + "/v2/account")
    }

    // MARK: Market

    package func clock() throws(BrokerError) -> Timestamp {
        let clock: AlpacaClock = try self.send(.get, self.endpoints.trading + "/v2/clock").decoded("GET /v2/clock")
        return clock.timestamp
    }

    package func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] {
        let days: [AlpacaCalendarDay] = try self.send(
            .get,
            self.endpoints.trading + "/v2/calendar?start=\(start)&end=\(end)"
        ).decoded("GET /v2/calendar")
        return days.map(\.session)
    }

    package func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar] {
        var bars: [Bar] = []
        var page: String?
        repeat {
            var url =
                self.endpoints.data + "/v2/stocks/\(percentEncoded(request.symbol.rawValue))/bars"
                + "?timeframe=\(request.timeframe)&start=\(percentEncoded(request.start.description))"
                + "&limit=10000&feed=\(self.endpoints.feed)"
            if let end = request.end { url += "&end=" + percentEncoded(end.description) }
            if let page { url += "&page_token=" + percentEncoded(page) }
            let answer: AlpacaBarsPage = try self.send(.get, url).decoded("GET /v2/stocks/bars")
            bars += answer.bars
            page = answer.nextPage
        } while page != nil
        return bars
    }

    package func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] {
        let list = symbols.map { percentEncoded($0.rawValue) }.joined(separator: ",")
        let answer: AlpacaQuotes = try self.send(
            .get,
            self.endpoints.data + "/v2/stocks/quotes/latest?symbols=\(list)&feed=\(self.endpoints.feed)"
        ).decoded("GET /v2/stocks/quotes/latest")
        return answer.quotes
    }

    func send(
        _ method: HTTPRequest.Method,
        _ url: String,
        body: [UInt8]? = nil
    ) throws(BrokerError) -> AlpacaAnswer {
        var headers = self.endpoints.headers
        if body != nil { headers.append(("Content-Type", "application/json")) }
        let isTrading = url.hasPrefix(self.endpoints.trading)
        let setting = isTrading ? self.endpoints.settingNames.trading : self.endpoints.settingNames.data
        do throws(HTTPTransportError) {
            let answer = try self.client.perform(HTTPRequest(method: method, url: url, headers: headers, body: body))
            return AlpacaAnswer(
                answer,
                from: hostName(of: url) ?? "the host",
                setting: setting,
                secrets: [self.endpoints.keyID, self.endpoints.secretKey]
            )
        } catch {
            throw BrokerError(error, setting: setting)
        }
    }
}
