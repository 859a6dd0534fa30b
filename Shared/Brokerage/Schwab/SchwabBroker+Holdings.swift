import HTTPTransport
package import TradingCore

extension SchwabBroker {
    /// How long orders may stay open at most; Schwab answers for a year and no more.
    static let longestLife = Duration.seconds(364 * 86_400)
    private static let mostOrders = 3000

    package func openOrders() throws(BrokerError) -> [BrokerOrder] {
        try self.ordersOfTheYear().filter(\.isOpen).compactMap { order in
            guard let (symbol, side) = order.subject, let quantity = order.quantity else { return nil }
            return BrokerOrder(
                brokerOrderID: order.id,
                clientOrderID: nil,
                symbol: symbol,
                side: side,
                remainingQuantity: quantity - order.claimedFill
            )
        }
    }

    package func positions() throws(BrokerError) -> [BrokerPosition] {
        try self.session.send(.get, try self.session.accountPath() + "?fields=positions", as: "GET account")
            .decoded(as: SchwabPositions.self).positions
    }

    /// Schwab tells executions with their orders only, and an order may be filled long after it was entered.
    package func executions(since: Timestamp) throws(BrokerError) -> [BrokerExecution] {
        // They carry whole seconds.
        let start = Timestamp(seconds: since.seconds)
        var executions: [BrokerExecution] = []
        for order in try self.ordersOfTheYear() {
            guard let (symbol, side) = order.subject else { continue }
            let fills: [SchwabFill]
            do throws(JSONError) {
                fills = try order.fills()
            } catch {
                throw BrokerError(
                    .unreadable,
                    self.session.redacted("the executions of order \(order.id) cannot be read: \(error)")
                )
            }
            for fill in fills where fill.time >= start {
                executions.append(
                    BrokerExecution(
                        id: fill.id,
                        brokerOrderID: order.id,
                        symbol: symbol,
                        side: side,
                        quantity: fill.quantity,
                        price: fill.price,
                        timestamp: fill.time
                    )
                )
            }
        }
        return executions.oldestFirst
    }

    /// All that ask for shares, each once, those below others included.
    private func ordersOfTheYear() throws(BrokerError) -> [SchwabOrder] {
        let end = self.session.latestTime + .seconds(120)
        var known: Set<String> = []
        return try self.orders(enteredFrom: end - Self.longestLife, to: end).flatMap(\.orders)
            .filter { known.insert($0.id).inserted }
    }

    /// Orders of the account, each with its children inside.
    func orders(enteredFrom start: Timestamp, to end: Timestamp) throws(BrokerError) -> [SchwabOrder] {
        let orders: [SchwabOrder] = try self.session.send(
            .get,
            try self.session.accountPath() + "/orders?fromEnteredTime=" + percentEncoded(start.schwabQueryText)
                + "&toEnteredTime=" + percentEncoded(end.schwabQueryText) + "&maxResults=\(Self.mostOrders)",
            as: "GET orders"
        ).decoded()
        guard orders.count >= Self.mostOrders else { return orders }
        // There may be more: both halves of the time by themselves.
        let middle = Timestamp(milliseconds: start.milliseconds + (end.milliseconds - start.milliseconds) / 2)
        guard start < middle, middle < end else {
            throw BrokerError(.unreadable, "GET orders: more than \(Self.mostOrders) orders of one moment")
        }
        let early = try self.orders(enteredFrom: start, to: middle)
        let known = Set(early.map(\.id))
        return early + (try self.orders(enteredFrom: middle, to: end)).filter { !known.contains($0.id) }
    }
}
