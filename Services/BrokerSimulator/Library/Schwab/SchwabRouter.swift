import MarketSimulation
import TradingCore

/// The Schwab trader API, market-data API and login as one function of a request and the market's present state.
struct SchwabRouter: Sendable {
    let access: SchwabAccess
    let locationRoot: String

    init(_ configuration: SchwabConfiguration, access: SchwabAccess) {
        self.access = access
        self.locationRoot = configuration.locationRoot
    }

    /// Whether a path belongs to this dialect.
    static func speaks(_ path: [String]) -> Bool {
        switch path.first {
        case "trader", "marketdata": true
        case "v1": path.dropFirst().first == "oauth"
        default: false
        }
    }

    /// - Parameter updates: Gets what happened to orders, in the engine's order.
    func reply(
        to request: RESTRequest,
        market: inout SimulatedMarket,
        updates: inout [OrderUpdate]
    ) -> RESTReply {
        var reply = self.answer(request, &market, &updates)
        // There is no endpoint for the time: this header is the broker's clock.
        reply.headers.append(RESTReply.Header("Date", (market.now + market.clockOffset + request.clockOffset).httpDate))
        if reply.body.isEmpty { reply.contentType = nil }
        return reply
    }

    private func answer(
        _ request: RESTRequest,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) -> RESTReply {
        let path = Array(request.path.dropFirst(2))
        let isMarketData = request.path.first == "marketdata"
        if request.path.first == "v1" {
            return SchwabLoginEndpoints(tokens: self.access.tokens).reply(request, path)
        }
        do throws(RESTFailure) {
            guard request.path.dropFirst().first == "v1" else { throw .notFound("endpoint not found") }
            guard let token = request.bearerToken, self.access.tokens.isValid(accessToken: token) else {
                return RESTFailure.schwabUnauthorized(request)
            }
            if isMarketData { return try SchwabMarketDataEndpoints(market).reply(request, path) }
            return try self.trader(request, path, &market, &updates)
        } catch {
            return error.schwabReply(to: request, isMarketData: isMarketData)
        }
    }

    private func trader(
        _ request: RESTRequest,
        _ path: [String],
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let accounts = SchwabAccountEndpoints(access: self.access)
        switch (path.first, path.count, request.method) {
        case ("userPreference", 1, "GET"): return accounts.userPreference(request)
        case ("orders", 1, "GET"): return try SchwabOrderEndpoints.list(request, self.access, market, days: 60)
        case ("accounts", 1, "GET"): return try accounts.list(request, market)
        case ("accounts", 2, "GET") where path[1] == "accountNumbers": return accounts.numbers()
        case ("accounts", 2..., _):
            guard path[1] == self.access.accountHash else { throw .schwabRefusal("Invalid account number") }
            return try self.account(request, Array(path.dropFirst(2)), accounts, &market, &updates)
        default: throw .notFound("endpoint not found")
        }
    }

    /// - Parameter path: What follows the account's hash.
    private func account(
        _ request: RESTRequest,
        _ path: [String],
        _ accounts: SchwabAccountEndpoints,
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        switch (path.first, path.count, request.method) {
        case (nil, _, "GET"): return try accounts.account(request, market)
        case ("transactions", 1, "GET"): return try accounts.transactions(request, market)
        case ("previewOrder", 1, "POST"): return try SchwabOrderEndpoints.preview(request, self.access, market)
        case ("orders", 1, "GET"): return try SchwabOrderEndpoints.list(request, self.access, market, days: 366)
        case ("orders", 1, "POST"):
            return self.created(try SchwabOrderEndpoints.submit(request, &market, &updates))
        case ("orders", 2, "GET"): return try SchwabOrderEndpoints.order(path[1], self.access, market)
        case ("orders", 2, "PUT"):
            return self.created(try SchwabOrderEndpoints.replace(path[1], request, &market, &updates))
        case ("orders", 2, "DELETE"): return try SchwabOrderEndpoints.cancel(path[1], request, &market, &updates)
        default: throw .notFound("endpoint not found")
        }
    }

    private func created(_ number: Int64) -> RESTReply {
        let path = "/trader/v1/accounts/\(self.access.accountHash)/orders/\(number)"
        return RESTReply(status: 201, headers: [RESTReply.Header("Location", "\(self.locationRoot)\(path)")])
    }
}

extension RESTRequest {
    /// What follows `Bearer` in `Authorization`.
    fileprivate var bearerToken: String? {
        guard self.authorization.hasPrefix("Bearer ") else { return nil }
        return String(self.authorization.dropFirst(7))
    }

    /// A moment of a query, which must be there.
    func schwabTime(_ name: String) throws(RESTFailure) -> Timestamp {
        guard let text = self.parameter(name) else { throw .schwabRefusal("\(name) is required") }
        // A plus that was not escaped has become a space.
        let joined = String(text.map { $0 == " " ? "+" : $0 })
        guard let time = Timestamp(schwabText: joined) else {
            throw .schwabRefusal("\(name) must have the form yyyy-MM-dd'T'HH:mm:ss.SSSZ")
        }
        return time
    }
}

extension RESTFailure {
    /// The broker gives no codes: its texts stand alone.
    static func schwabRefusal(_ message: String) -> RESTFailure {
        RESTFailure(status: 400, code: 0, message: message)
    }

    static func schwabUnauthorized(_ request: RESTRequest) -> RESTReply {
        Self.reply(to: request, status: 401, title: "Unauthorized", detail: "Client not authorized")
    }

    /// What is wrong with a parameter is a 400 in this dialect.
    func schwabReply(to request: RESTRequest, isMarketData: Bool) -> RESTReply {
        let status = self.status == 422 ? 400 : self.status
        guard !isMarketData else {
            let title = status == 404 ? "Not Found" : "Bad Request"
            return Self.reply(to: request, status: status, title: title, detail: self.message)
        }
        return RESTReply.object(status: status) {
            $0.field("message", self.message)
            $0.field("errors", [self.message])
        }
    }

    private static func reply(to request: RESTRequest, status: Int, title: String, detail: String) -> RESTReply {
        let error = JSONValue.object([
            JSONMember("id", .string(DerivedIdentifier.uuid("\(request.method) \(request.path) \(detail)"))),
            JSONMember("status", .number("\(status)")), JSONMember("title", .string(title)),
            JSONMember("detail", .string(detail)),
        ])
        return RESTReply.object(status: status) { $0.field("errors", [error]) }
    }
}
