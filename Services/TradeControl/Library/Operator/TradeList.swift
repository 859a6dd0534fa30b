package import AgentRuntime
package import TradingCore

/// Trades, the newest signal first.
package struct TradeList: OperatorAnswer {
    package enum Phase: Sendable {
        case open
        case closed
    }

    package var trades: [Trade]
    /// How many there are, shown or not.
    package var count: Int
    /// Those that are left out, whatever they are.
    package var unreadable: [UnreadableTrade]

    package var problem: CommandFailure.Code? { self.unreadable.isEmpty ? nil : .failed }

    /// - Parameters:
    ///   - phase: nil for every trade, also those that came to nothing.
    ///   - limit: how many at most, the newest.
    package init(reading desk: OperatorDesk, _ phase: Phase?, symbol: Symbol?, limit: Int) throws {
        let stored = try phase == .open ? desk.openTrades() : desk.trades()
        self.unreadable = stored.unreadable
        let found = stored.trades.filter { trade in
            (phase != .closed || trade.state == .closed) && (symbol == nil || trade.symbol == symbol)
        }.sorted { ($1.signaledAt, $0.id) < ($0.signaledAt, $1.id) }
        self.trades = Array(found.prefix(limit))
        self.count = found.count
    }

    package var text: String {
        let warnings = self.unreadable.map { "WARNING: \($0.id) is left out. \($0.reason)\n" }.joined()
        guard !self.trades.isEmpty else { return warnings.isEmpty ? "No trades.\n" : warnings }
        var table = TextTable(
            .left("TRADE"),
            .left("STATE"),
            .right("SHARES"),
            .right("ENTRY"),
            .right("STOP"),
            .right("TARGET"),
            .right("P&L"),
            .left("REASON")
        )
        for trade in self.trades {
            let entry = trade.entryOrder?.averagePrice ?? trade.plan?.entryPrice
            let shares = trade.entryOrder.map(\.filledQuantity) ?? .zero
            table.add(
                trade.id.rawValue,
                trade.state.rawValue,
                "\(shares == .zero ? trade.quantity : shares)",
                entry.map(Display.dollars) ?? "-",
                (trade.plan?.stopPrice).map(Display.dollars) ?? "-",
                (trade.plan?.targetPrice).map(Display.dollars) ?? "-",
                trade.pnl.map(Display.signedDollars) ?? "-",
                trade.exitReason?.rawValue ?? trade.refusal?.rule.rawValue ?? ""
            )
        }
        let rest = self.count - self.trades.count
        return table.text + (rest > 0 ? "… and \(rest) more: --limit \(self.count) shows all\n" : "") + warnings
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("count", self.count)
            $0.field("trades", self.trades)
            $0.field("unreadable", self.unreadable)
        }
    }
}
