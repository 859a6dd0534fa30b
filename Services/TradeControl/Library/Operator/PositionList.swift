package import AgentRuntime
package import TradingCore

/// What is held, each with its protection and what it is worth now.
package struct PositionList: OperatorAnswer {
    package struct Position: Hashable, Sendable, JSONEncodable {
        package var trade: Trade
        package var quote: Quote?
        /// What selling at the quote's bid would make of the trade, with what it has sold already; nil without a quote.
        package var unrealised: Money?

        package func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("trade_id", self.trade.id)
                $0.field("symbol", self.trade.symbol)
                $0.field("state", self.trade.state)
                $0.field("quantity", self.trade.heldQuantity)
                $0.field("entry_price", self.trade.entryOrder?.averagePrice)
                $0.field("stop_price", self.trade.plan?.stopPrice)
                $0.field("stop_quantity", self.trade.protectedQuantity)
                $0.field("target_price", self.trade.plan?.targetPrice)
                $0.field("bid", self.quote?.bid)
                $0.field("quoted_at", self.quote?.timestamp)
                $0.field("unrealised_pnl", self.unrealised)
            }
        }
    }

    /// In the order of their trades' ids.
    package var positions: [Position]
    /// Open trades of which nobody can say here what they hold.
    package var unreadable: [UnreadableTrade]

    package var problem: CommandFailure.Code? { self.unreadable.isEmpty ? nil : .failed }

    package init(reading desk: OperatorDesk) throws {
        let open = try desk.openTrades()
        self.unreadable = open.unreadable
        let trades = open.trades.filter { $0.heldQuantity > .zero }
        let quotes = try desk.quotes(of: trades.map(\.symbol))
        self.positions = try trades.map { trade in
            let quote = quotes[trade.symbol]
            let value = try quote?.bid.times(trade.heldQuantity)
            return Position(trade: trade, quote: quote, unrealised: value.map { trade.cashFlow + $0 })
        }
    }

    package var text: String {
        let warnings = self.unreadable.map { "WARNING: what \($0.id) holds cannot be said. \($0.reason)\n" }.joined()
        guard !self.positions.isEmpty else { return warnings.isEmpty ? "No positions.\n" : warnings }
        var table = TextTable(
            .left("SYMBOL"),
            .right("SHARES"),
            .right("ENTRY"),
            .right("STOP"),
            .right("TARGET"),
            .right("BID"),
            .left("QUOTED"),
            .right("P&L"),
            .left("STATE"),
            .left("TRADE")
        )
        for position in self.positions {
            let trade = position.trade
            // The stop's shares only where they are not all that is held.
            let covered = trade.protectedQuantity
            let stop = (trade.plan?.stopPrice).map(Display.dollars) ?? "-"
            table.add(
                trade.symbol.rawValue,
                "\(trade.heldQuantity)",
                (trade.entryOrder?.averagePrice).map(Display.dollars) ?? "-",
                covered == trade.heldQuantity ? stop : covered == .zero ? "NONE" : "\(stop) for \(covered)",
                (trade.plan?.targetPrice).map(Display.dollars) ?? "-",
                (position.quote?.bid).map(Display.dollars) ?? "-",
                position.quote.map { "\($0.timestamp)" } ?? "-",
                position.unrealised.map(Display.signedDollars) ?? "-",
                trade.state.rawValue,
                trade.id.rawValue
            )
        }
        return table.text + warnings
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("positions", self.positions)
            $0.field("unreadable", self.unreadable)
        }
    }
}
