import MessageBus
package import TradingCore

/// One trade with its history and its orders.
package struct TradeRecord: OperatorAnswer {
    package var trade: Trade
    package var history: [Transition]

    package init(reading desk: OperatorDesk, _ id: TradeID) throws {
        self.trade = try desk.existingTrade(id)
        self.history = try desk.bus.history(of: Trade.key(id)).map { try Transition(json: try JSONValue(parsing: $0)) }
    }

    package var text: String {
        var facts = TextTable(.left("TRADE"), .left(self.trade.id.rawValue))
        facts.add("state", self.trade.state.rawValue)
        facts.add("strategy", self.trade.strategy)
        facts.add("signalled", "\(self.trade.signaledAt)")
        facts.add("trace", "\(self.trade.traceID)")
        if let plan = self.trade.plan {
            facts.add(
                "plan",
                "\(self.trade.quantity) shares at \(plan.entryPrice), stop \(plan.stopPrice), target "
                    + "\(plan.targetPrice), for the \(plan.session.rawValue) session"
            )
        }
        facts.add("held", "\(self.trade.heldQuantity) shares, \(self.trade.protectedQuantity) under a stop")
        if let refusal = self.trade.refusal { facts.add("refused", "\(refusal)") }
        if let reason = self.trade.exitReason { facts.add("exit", reason.rawValue) }
        if let pnl = self.trade.pnl { facts.add("P&L", Display.signedDollars(pnl)) }
        var text = facts.text
        if !self.history.isEmpty {
            var table = TextTable(.left("AT"), .left("FROM"), .left("TO"), .left("BECAUSE OF"), .left("MESSAGE"))
            for step in self.history {
                table.add(
                    "\(step.timestamp)",
                    step.from.rawValue,
                    step.to.rawValue,
                    step.trigger.rawValue,
                    "\(step.messageID)"
                )
            }
            text += "\n" + table.text
        }
        if !self.trade.orders.isEmpty {
            var table = TextTable(
                .left("ORDER"),
                .left("STATE"),
                .left("TERMS"),
                .right("FILLED"),
                .right("AT"),
                .left("SUBMITTED"),
                .left("BROKER'S ID")
            )
            for order in self.trade.orders {
                table.add(
                    "\(order.id)",
                    order.state.rawValue,
                    Self.terms(of: order.terms),
                    "\(order.filledQuantity)",
                    order.averagePrice.map(Display.dollars) ?? "-",
                    order.submittedAt.map(\.description) ?? "-",
                    order.brokerOrderID ?? "-"
                )
            }
            text += "\n" + table.text
        }
        return text
    }

    private static func terms(of terms: OrderTerms) -> String {
        let price = (terms.limitPrice ?? terms.stopPrice).map { " \($0)" } ?? ""
        return "\(terms.side.rawValue) \(terms.quantity) \(terms.type.rawValue)\(price)"
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("trade", self.trade)
            $0.field("history", self.history)
        }
    }
}
