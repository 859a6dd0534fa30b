package import TradingCore

/// How a report writes the times of a run: dates for daily bars, instants for others.
package enum TimeStyle: Hashable, Sendable {
    /// The date in New York.
    case date
    /// RFC 3339.
    case instant

    package func text(_ timestamp: Timestamp) -> String {
        switch self {
        case .date: NewYorkTime.date(of: timestamp).description
        case .instant: timestamp.description
        }
    }
}

/// A trade as the report shows it.
package struct ReportedTrade: Hashable, Sendable {
    package var id: TradeID
    package var symbol: Symbol
    package var state: TradeState
    /// Shares bought; those approved while nothing is.
    package var quantity: Quantity
    package var plan: EntryPlan?
    /// Of one share, of all that were bought.
    package var fillPrice: Price?
    /// Of one share, of all that were sold.
    package var exitPrice: Price?
    package var exitReason: ExitReason?
    /// In the strategy's own words; nil unless the strategy wanted it sold.
    package var signalReason: String?
    package var pnl: Money?
    package var signaledAt: Timestamp
    package var filledAt: Timestamp?
    package var closedAt: Timestamp?
    package var traceID: TraceID
    package var history: [Transition]

    /// - Parameter exitReasons: what the strategy or an operator said, by the exit signal.
    package init(_ record: Ledger.Record, exitReasons: [MessageID: String] = [:]) {
        let trade = record.trade
        let bought = Execution(of: trade.orders.filter { $0.terms.side == .buy })
        let sold = Execution(of: trade.orders.filter { $0.terms.side == .sell })
        self.id = trade.id
        self.symbol = trade.symbol
        self.state = trade.state
        self.quantity = bought.quantity > .zero ? bought.quantity : trade.quantity
        self.plan = trade.plan
        self.fillPrice = bought.price
        self.exitPrice = sold.price
        self.exitReason = trade.exitReason
        if trade.exitReason == .strategy || trade.exitReason == .operator {
            let signal = record.history.last { $0.trigger == .exitSignal }
            self.signalReason = signal.flatMap { exitReasons[$0.messageID] }
        }
        self.pnl = trade.pnl
        self.signaledAt = trade.signaledAt
        self.filledAt = bought.lastAt
        self.closedAt = trade.state == .closed ? sold.lastAt : nil
        self.traceID = trade.traceID
        self.history = record.history
    }

    private struct Execution {
        var quantity = Quantity.zero
        var price: Price?
        var lastAt: Timestamp?

        init(of orders: [Order]) {
            var value = Money.zero
            for order in orders where order.filledQuantity > .zero {
                self.quantity += order.filledQuantity
                value += order.filledValue
                self.lastAt = [self.lastAt, order.filledAt].compactMap { $0 }.max()
            }
            if self.quantity > .zero { self.price = try? value.perShare(self.quantity) }
        }
    }

    /// The exit's members are there for a closed trade only.
    package func write(to writer: inout JSONWriter, style: TimeStyle) {
        writer.object {
            $0.field("trade_id", self.id)
            $0.field("symbol", self.symbol)
            $0.field("state", self.state)
            $0.field("quantity", self.quantity)
            $0.field("entry_price", self.plan?.entryPrice)
            $0.field("stop_price", self.plan?.stopPrice)
            $0.field("target_price", self.plan?.targetPrice)
            $0.field("fill_price", self.fillPrice)
            if self.state == .closed {
                $0.field("exit_price", self.exitPrice)
                $0.field("exit_reason", self.exitReason)
                $0.field(self.exitReason == .operator ? "operator_reason" : "strategy_reason", self.signalReason)
                $0.field("pnl", self.pnl)
            }
            $0.field("signaled_at", style.text(self.signaledAt))
            $0.field("filled_at", self.filledAt.map(style.text))
            $0.field("closed_at", self.closedAt.map(style.text))
            $0.field("trace_id", self.traceID)
            $0.field("history", self.history)
        }
    }
}
