import MessageBus
package import TradingCore

/// What became of an entry order that was to be taken back.
package struct CancelAnswer: OperatorAnswer {
    package var order: Order
    package var tradeState: TradeState
    /// It had ended before it was asked about.
    package var wasOver: Bool
    /// It was given up, and it is not certain yet that the broker does not have it.
    package var mayTurnUp = false

    package var problem: CommandFailure.Code? {
        self.order.state.isTerminal && !self.mayTurnUp ? nil : .unconfirmed
    }

    package var text: String {
        let filled = self.order.filledQuantity > .zero ? ", \(self.order.filledQuantity) shares filled" : ""
        let now = "\(self.order.state.rawValue)\(filled); its trade is \(self.tradeState.rawValue)"
        if !self.order.state.isTerminal {
            return "Asked for, and not confirmed yet: \(self.order.id) is \(now). The agents go on trying.\n"
        }
        if self.mayTurnUp {
            return "\(self.order.id) is given up. Should it turn up at the broker all the same, it is taken back.\n"
        }
        return self.wasOver ? "\(self.order.id) had ended before: \(now)\n" : "\(self.order.id) is \(now)\n"
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("order", self.order.id)
            $0.field("state", self.order.state)
            $0.field("filled_quantity", self.order.filledQuantity)
            $0.field("trade_state", self.tradeState)
            $0.field("asked", !self.wasOver)
            $0.field("may_turn_up", self.mayTurnUp)
        }
    }
}

extension OperatorDesk {
    /// Takes an entry back and waits for its end, `patience` at most.
    ///
    /// - Throws: `CommandFailure` for an order that is none, or that protects a position.
    package func cancel(_ id: ClientOrderID, patience: Duration = .seconds(15)) throws -> CancelAnswer {
        var trade = try self.existingTrade(id.trade)
        guard var order = trade.order(id) else {
            throw CommandFailure(.notFound, "The trade \(id.trade) has no order \(id). `tradectl trade` lists them.")
        }
        switch id.role {
        case .entry: break
        case .stop:
            throw CommandFailure(
                .failed,
                "\(id) is a stop, and without it the position would be unprotected. To be rid of the position type "
                    + "`tradectl flatten \(trade.symbol)`."
            )
        case .exit:
            throw CommandFailure(
                .failed,
                "\(id) sells a position that was to be sold, and no stop is in its place while it does. The agents see "
                    + "it through."
            )
        }
        guard try !order.state.isTerminal || self.mayTurnUp(trade) else {
            return CancelAnswer(order: order, tradeState: trade.state, wasOver: true)
        }
        var asked: Set<TradeState> = []
        _ = try Patience.wait(patience) {
            trade = try self.existingTrade(id.trade)
            order = trade.order(id) ?? order
            if order.state.isTerminal { return try self.mayTurnUp(trade) ? nil : true }
            // What is asked of an approval says nothing to a trade that has gone on meanwhile.
            if asked.insert(trade.state).inserted { try self.takeBackEntry(of: trade) }
            return nil
        }
        return CancelAnswer(
            order: order,
            tradeState: trade.state,
            wasOver: false,
            mayTurnUp: try self.mayTurnUp(trade)
        )
    }

    /// Says to OrderExecution that the trade's entry is not wanted any more.
    func takeBackEntry(of trade: Trade) throws {
        if trade.state == .entryApproved {
            // Given up in the ledger, unless the broker may have it; and taken back there in any case.
            let request = ExitSignal(symbol: trade.symbol, reason: "cancelled by \(OperatorName.current())")
            try self.send(try self.event(.abortRequested(request), trade: trade))
        } else if let order = trade.entryOrder, !order.state.isTerminal {
            let call = BrokerCall(.cancel(order.id), lane: .protective)
            let message = try self.message(.brokerCallRequested(call), trade: trade)
            let stream = AgentName.orderExecution.callStream(.protective)
            try self.send(OutboundMessage(stream: stream, channel: nil, body: message.encoded()))
        }
    }
}
