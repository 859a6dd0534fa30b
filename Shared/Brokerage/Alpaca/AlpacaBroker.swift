package import HTTPTransport
package import TradingCore

/// Alpaca's trading and market-data REST API.
package struct AlpacaBroker: Broker {
    private let endpoints: AlpacaEndpoints
    private let client: any HTTPClient
    package let recognisesRepeatedOrders = true

    package init(endpoints: AlpacaEndpoints, client: any HTTPClient) {
        self.endpoints = endpoints
        self.client = client
    }

    package func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
        let terms = order.terms
        let answer = try self.send(
            .post,
            self.endpoints.trading + "/v2/orders",
            body: JSONWriter.bytes(AlpacaOrderRequest(terms))
        )
        if answer.isSuccess {
            guard let report = (try? AlpacaOrder(json: answer.json ?? .null))?.report() else {
                throw BrokerError(.unknownOutcome, "POST /v2/orders: an answer that cannot be read")
            }
            return report
        }
        if answer.isDuplicateClientOrderID {
            // It exists already: this is the success of an earlier attempt, if it is the same order.
            guard let known = try? self.alpacaOrder(terms.clientOrderID), let report = known.report() else {
                throw BrokerError(.unknownOutcome, "POST /v2/orders: a duplicate that cannot be found")
            }
            guard known.matches(terms) else {
                throw BrokerError(
                    .refused(code: "duplicate"),
                    "another order carries the client order id \(terms.clientOrderID)"
                )
            }
            return report
        }
        throw answer.failure("POST /v2/orders", isOrder: true)
    }

    package func requestCancel(brokerOrderID: String) throws(BrokerError) {
        let answer = try self.send(.delete, self.endpoints.trading + "/v2/orders/" + percentEncoded(brokerOrderID))
        guard answer.isSuccess else { throw answer.failure("DELETE /v2/orders", isOrder: true) }
    }

    package func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        try self.alpacaOrder(order.id)?.report()
    }

    private func alpacaOrder(_ id: ClientOrderID) throws(BrokerError) -> AlpacaOrder? {
        let answer = try self.send(
            .get,
            self.endpoints.trading + "/v2/orders:by_client_order_id?client_order_id=" + percentEncoded(id.description)
        )
        if answer.status == 404, answer.code == "40410000" { return nil }
        return try answer.decoded("GET /v2/orders:by_client_order_id")
    }

    package func account() throws(BrokerError) -> BrokerAccount {
        let account: Account = try self.send(.get, self.endpoints.trading + "/v2/account").decoded("GET /v2/account")
        return BrokerAccount(cash: account.cash, equity: account.equity)
    }

    package func clock() throws(BrokerError) -> Timestamp {
        let clock: Clock = try self.send(.get, self.endpoints.trading + "/v2/clock").decoded("GET /v2/clock")
        return clock.timestamp
    }

    package func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] {
        let days: [CalendarDay] = try self.send(
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
            let answer: BarsPage = try self.send(.get, url).decoded("GET /v2/stocks/bars")
            bars += answer.bars
            page = answer.nextPage
        } while page != nil
        return bars
    }

    package func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] {
        let list = symbols.map { percentEncoded($0.rawValue) }.joined(separator: ",")
        let answer: QuotesAnswer = try self.send(
            .get,
            self.endpoints.data + "/v2/stocks/quotes/latest?symbols=\(list)&feed=\(self.endpoints.feed)"
        ).decoded("GET /v2/stocks/quotes/latest")
        return answer.quotes
    }

    private func send(
        _ method: HTTPRequest.Method,
        _ url: String,
        body: [UInt8]? = nil
    ) throws(BrokerError) -> AlpacaAnswer {
        var headers = self.endpoints.headers
        if body != nil { headers.append(("Content-Type", "application/json")) }
        do throws(HTTPTransportError) {
            return AlpacaAnswer(
                try self.client.perform(HTTPRequest(method: method, url: url, headers: headers, body: body))
            )
        } catch {
            throw BrokerError(error)
        }
    }

    private struct Account: JSONDecodable {
        let cash: Money
        let equity: Money

        init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.cash = try object.value("cash", as: AlpacaNumber<Money>.self).value
            self.equity = try object.value("equity", as: AlpacaNumber<Money>.self).value
        }
    }

    private struct Clock: JSONDecodable {
        let timestamp: Timestamp

        init(json: JSONValue) throws(JSONError) {
            self.timestamp = try JSONObject(json).value("timestamp")
        }
    }

    private struct CalendarDay: JSONDecodable {
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

    private struct BarsPage: JSONDecodable {
        let bars: [Bar]
        let nextPage: String?

        init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.bars = (try object.optional("bars", as: [AlpacaBar].self) ?? []).map(\.bar)
            self.nextPage = try object.optional("next_page_token")
        }
    }

    private struct QuotesAnswer: JSONDecodable {
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
}

/// `{"t","o","h","l","c","v"}`, on the data API and in its stream alike.
struct AlpacaBar: JSONDecodable {
    let bar: Bar

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.bar = Bar(
            timestamp: try object.value("t"),
            open: try object.value("o", as: AlpacaNumber<Price>.self).value,
            high: try object.value("h", as: AlpacaNumber<Price>.self).value,
            low: try object.value("l", as: AlpacaNumber<Price>.self).value,
            close: try object.value("c", as: AlpacaNumber<Price>.self).value,
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
        bid: try object.value("bp", as: AlpacaNumber<Price>.self).value,
        ask: try object.value("ap", as: AlpacaNumber<Price>.self).value,
        timestamp: try object.value("t")
    )
}

/// Percent-encoding for one component of a URL's path or query (RFC 3986: everything but the unreserved).
func percentEncoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            bytes.append(byte)
        default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}
