import MarketSimulation
import TradingCore

/// The trading and market-data API as one function of a request and the market's present state. Paths of the Schwab
/// dialect go to its own router.
struct RESTRouter: Sendable {
    let credentials: BrokerSimulatorConfiguration.Credentials?
    let schwab: SchwabRouter

    /// - Parameter updates: Gets what happened to orders, in the engine's order.
    func reply(
        to request: RESTRequest,
        market: inout SimulatedMarket,
        updates: inout [OrderUpdate]
    ) -> RESTReply {
        if SchwabRouter.speaks(request.path) {
            return self.schwab.reply(to: request, market: &market, updates: &updates)
        }
        guard self.credentials.accept(key: request.key, secret: request.secret) else {
            return RESTFailure.unauthorized.reply
        }
        do throws(RESTFailure) {
            guard request.path.first == "v2" else { throw Self.noEndpoint }
            return try Self.dispatch(request, request.path.dropFirst().map { $0 }, &market, &updates)
        } catch {
            return error.reply
        }
    }

    private static let noEndpoint = RESTFailure.notFound("endpoint not found.")

    private static func dispatch(
        _ request: RESTRequest,
        _ path: [String],
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        let rest = Array(path.dropFirst())
        switch (path.first, request.method) {
        case ("stocks", "GET"): return try MarketDataEndpoints(market).reply(request, rest)
        case ("orders", _), ("orders:by_client_order_id", _):
            return try self.orders(request, path, &market, &updates)
        case ("positions", _): return try self.positions(request, rest, &market, &updates)
        case ("account", "PATCH") where rest == ["configurations"]:
            try market.settings.change(request.body)
            return RESTReply(body: JSONWriter.bytes(market.settings.json))
        case ("account", "GET"):
            switch (rest.first, rest.count) {
            case (nil, _): return AccountEndpoints.account(market)
            case ("configurations", 1): return RESTReply(body: JSONWriter.bytes(market.settings.json))
            case ("activities", 1), ("activities", 2): return try AccountEndpoints.activities(request, rest, market)
            default: throw self.noEndpoint
            }
        case ("clock", "GET") where rest.isEmpty: return CalendarEndpoints.clock(request, market)
        case ("calendar", "GET") where rest.isEmpty: return try CalendarEndpoints.calendar(request, market)
        case ("assets", "GET") where rest.count <= 1: return try AccountEndpoints.assets(request, rest.first, market)
        default: throw self.noEndpoint
        }
    }

    private static func orders(
        _ request: RESTRequest,
        _ path: [String],
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        if path == ["orders:by_client_order_id"], request.method == "GET" {
            return try OrderEndpoints.byClientID(request, market)
        }
        switch (request.method, path.count) {
        case ("GET", 1): return try OrderEndpoints.list(request, market)
        case ("POST", 1):
            guard !market.settings.isTradingSuspended else { throw .tradingSuspended }
            return try OrderEndpoints.submit(request, &market, &updates)
        case ("DELETE", 1): return OrderEndpoints.cancelAll(&market, &updates)
        case ("GET", 2): return try OrderEndpoints.order(path[1], request, market)
        case ("PATCH", 2): return try OrderEndpoints.replace(path[1], request, &market, &updates)
        case ("DELETE", 2): return try OrderEndpoints.cancel(path[1], request, &market, &updates)
        default: throw self.noEndpoint
        }
    }

    private static func positions(
        _ request: RESTRequest,
        _ path: [String],
        _ market: inout SimulatedMarket,
        _ updates: inout [OrderUpdate]
    ) throws(RESTFailure) -> RESTReply {
        switch (request.method, path.count) {
        case ("GET", 0): return PositionEndpoints.list(market)
        case ("DELETE", 0): return try PositionEndpoints.closeAll(request, &market, &updates)
        case ("GET", 1): return try PositionEndpoints.position(path[0], market)
        case ("DELETE", 1): return try PositionEndpoints.close(path[0], request, &market, &updates)
        default: throw self.noEndpoint
        }
    }
}

extension BrokerSimulatorConfiguration.Credentials? {
    func accept(key: String, secret: String) -> Bool {
        guard let expected = self else { return !key.isEmpty && !secret.isEmpty }
        return expected.key == key && expected.secret == secret
    }
}
