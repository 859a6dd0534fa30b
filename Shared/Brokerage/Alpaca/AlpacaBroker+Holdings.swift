import HTTPTransport
package import TradingCore

extension AlpacaBroker {
    private static let ordersPerPage = 500
    private static let activitiesPerPage = 100
    /// Listings end where a page brings nothing new; a server that never comes to that end is not believed.
    private static let mostPages = 10_000

    /// Legs that wait (`held`) may be missing among the open orders, so that whole classes are looked at where any order
    /// of one is open.
    package func openOrders() throws(BrokerError) -> [BrokerOrder] {
        var orders = try self.orders("status=open&nested=false", since: nil)
        // The legs of a class are entered with its first order, which may have ended long ago.
        if let since = orders.filter(\.isOfAClass).map(\.submittedAt).min() {
            let known = Set(orders.map(\.id))
            let all = try self.orders("status=all&nested=true", since: since - .seconds(1))
            orders += all.filter { !known.contains($0.id) }
        }
        return orders.filter(\.isOpen).compactMap { order in
            guard let symbol = Symbol(order.symbol), let side = OrderSide(rawValue: order.side) else { return nil }
            return BrokerOrder(
                brokerOrderID: order.id,
                clientOrderID: ClientOrderID(order.clientOrderID),
                symbol: symbol,
                side: side,
                remainingQuantity: order.quantity - order.filledQuantity
            )
        }
    }

    /// Empty where the listing has no good answer: one order of another's making can spoil it.
    func openOrdersByClientOrderID() throws(BrokerError) -> [String: AlpacaOrder] {
        do throws(BrokerError) {
            let orders = try self.orders("status=open&nested=false", since: nil)
            return Dictionary(orders.map { ($0.clientOrderID, $0) }, uniquingKeysWith: { newest, _ in newest })
        } catch {
            guard error.isAboutOneQuestion else { throw error }
            return [:]
        }
    }

    /// Newest first, each order followed by its legs.
    private func orders(_ query: String, since: Timestamp?) throws(BrokerError) -> [AlpacaOrder] {
        var url = self.endpoints.trading + "/v2/orders?\(query)&direction=desc&limit=\(Self.ordersPerPage)"
        if let since { url += "&after=" + percentEncoded(since.description) }
        var orders: [AlpacaOrder] = []
        var known: Set<String> = []
        var until: Timestamp?
        for _ in 0..<Self.mostPages {
            let page: AlpacaOrders = try self.send(
                .get,
                url + (until.map { "&until=" + percentEncoded($0.description) } ?? "")
            ).decoded("GET /v2/orders")
            let new = page.orders.flatMap { [$0] + $0.legs }.filter { known.insert($0.id).inserted }
            orders += new
            // Several orders may carry one time: the next page begins with those of this one's last.
            guard let earliest = page.earliest, until != earliest + .milliseconds(1) else {
                guard page.count < Self.ordersPerPage else {
                    throw BrokerError(.unreadable, "GET /v2/orders: a full page of orders of one moment")
                }
                return orders
            }
            until = earliest + .milliseconds(1)
        }
        throw BrokerError(.unreadable, "GET /v2/orders: more than \(Self.mostPages) pages")
    }

    package func positions() throws(BrokerError) -> [BrokerPosition] {
        let answer: AlpacaPositions = try self.send(.get, self.endpoints.trading + "/v2/positions")
            .decoded("GET /v2/positions")
        return answer.positions
    }

    package func executions(since: Timestamp) throws(BrokerError) -> [BrokerExecution] {
        // What carries the very time that is asked for is left out by Alpaca.
        let after = since - .seconds(1)
        let url =
            self.endpoints.trading + "/v2/account/activities/FILL?direction=asc&page_size=\(Self.activitiesPerPage)"
            + "&after=" + percentEncoded(after.description)
        var executions: [BrokerExecution] = []
        var known: Set<String> = []
        var token: String?
        for _ in 0..<Self.mostPages {
            let page: AlpacaFills = try self.send(
                .get,
                url + (token.map { "&page_token=" + percentEncoded($0) } ?? "")
            ).decoded("GET /v2/account/activities/FILL")
            executions += page.executions.filter { $0.timestamp >= since && known.insert($0.id).inserted }
            guard let last = page.lastID, last != token else { return executions.oldestFirst }
            token = last
        }
        throw BrokerError(.unreadable, "GET /v2/account/activities/FILL: more than \(Self.mostPages) pages")
    }
}

extension [BrokerExecution] {
    /// Those of one moment stay in the order in which the broker tells them.
    var oldestFirst: [BrokerExecution] {
        self.enumerated().sorted { ($0.element.timestamp, $0.offset) < ($1.element.timestamp, $1.offset) }
            .map(\.element)
    }
}
