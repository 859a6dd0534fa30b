import TradingCore

/// What the broker holds, held against the ledger: the shares and orders that no trade accounts for, and the fills that
/// came after their order had ended.
struct HoldingsComparison {
    /// By symbol, for people.
    let disagreements: [Symbol: String]
    /// Orders that had ended in the ledger and have been executed since.
    let filledLate: [ClientOrderID]

    /// - Parameter unreadable: Symbols with an open trade of which the ledger shows nothing more.
    init(_ holdings: BrokerHoldings, account: Account, trades: [Trade], unreadable: [Symbol: TradeID] = [:]) {
        let orders = trades.flatMap(\.orders)
        let ids = Set(orders.map(\.id))
        let brokerIDs = Dictionary(
            orders.compactMap { order in order.brokerOrderID.map { ($0, order) } },
            uniquingKeysWith: { first, _ in first }
        )
        var disagreements: [Symbol: [String]] = [:]

        let held = Dictionary(holdings.positions.map { ($0.symbol, $0.quantity) }, uniquingKeysWith: +)
        for symbol in Set(held.keys).union(account.positions.keys) {
            let (broker, ledger) = (held[symbol] ?? .zero, account.positions[symbol] ?? .zero)
            guard broker != ledger else { continue }
            disagreements[symbol, default: []].append("the broker holds \(broker) shares and the ledger \(ledger)")
        }

        for open in holdings.openOrders.sorted(by: { $0.brokerOrderID < $1.brokerOrderID }) {
            let isKnown = open.clientOrderID.map(ids.contains) ?? false || brokerIDs[open.brokerOrderID] != nil
            // One without a client order id may be the one whose answer is still to come.
            let isAwaited =
                open.clientOrderID == nil
                && orders.contains {
                    $0.brokerOrderID == nil && (!$0.state.isTerminal || $0.isGivenUp)
                        && $0.terms.symbol == open.symbol && $0.terms.side == open.side
                }
            guard !isKnown, !isAwaited else { continue }
            disagreements[open.symbol, default: []].append(
                "order \(open.brokerOrderID) (\(open.side.rawValue) \(open.remainingQuantity)) is open at the broker and "
                    + "of no trade"
            )
        }
        // Whose the shares and orders in such a symbol are cannot be said.
        for (symbol, trade) in unreadable {
            disagreements[symbol] = ["the trade \(trade) is open and cannot be read in the ledger"]
        }
        self.disagreements = disagreements.mapValues { $0.joined(separator: "; ") }

        var late: Set<ClientOrderID> = []
        for execution in holdings.executions {
            guard let order = brokerIDs[execution.brokerOrderID], order.state.isTerminal,
                order.remainingQuantity > .zero
            else { continue }
            late.insert(order.id)
        }
        self.filledLate = late.sorted { $0.description < $1.description }
    }
}
