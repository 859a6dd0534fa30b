package import AgentRuntime
package import TradingCore

/// What has become of the trades that were to be got out of.
package struct FlattenAnswer: OperatorAnswer {
    /// As they are now.
    package var trades: [Trade]
    /// Nothing could be asked for them.
    package var unreadable: [UnreadableTrade] = []
    /// Of the trades, those whose entry was given up before the broker had it for certain.
    package var mayTurnUp: Set<TradeID> = []

    private func isConfirmed(_ trade: Trade) -> Bool { !trade.isUntouched && !self.mayTurnUp.contains(trade.id) }

    package var problem: CommandFailure.Code? {
        !self.unreadable.isEmpty ? .failed : self.trades.allSatisfy(self.isConfirmed) ? nil : .unconfirmed
    }

    package var text: String {
        guard !self.trades.isEmpty || !self.unreadable.isEmpty else {
            return "There was nothing to sell or to take back.\n"
        }
        var table = TextTable(.left("TRADE"), .left("STATE"), .left("WHAT"))
        for trade in self.trades { table.add(trade.id.rawValue, trade.state.rawValue, self.fate(of: trade)) }
        return (self.trades.isEmpty ? "" : table.text) + self.unreadable.map(Self.warning).joined()
    }

    private static func warning(of trade: UnreadableTrade) -> String {
        "WARNING: nothing was asked for \(trade.id), and its shares may still be held"
            + (trade.symbol.map { ": look for \($0) at the broker. " } ?? ". ") + "\(trade.reason)\n"
    }

    private func fate(of trade: Trade) -> String {
        switch trade.state {
        case .closed: "sold" + (trade.pnl.map { ", P&L \(Display.signedDollars($0))" } ?? "")
        case .cancelled where self.mayTurnUp.contains(trade.id):
            "its entry is given up; should it turn up at the broker all the same, it is taken back"
        case .cancelled: "its entry is taken back"
        case .exitTriggered: "to be sold; in a closed market at the next open"
        case .orderClosing: "\(trade.heldQuantity) shares are being sold"
        default: "asked for, and not confirmed yet; the agents go on trying"
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("trades", self.trades.map { Line(trade: $0, isConfirmed: self.isConfirmed($0)) })
            writer.field("unreadable", self.unreadable)
        }
    }

    private struct Line: JSONEncodable {
        let trade: Trade
        let isConfirmed: Bool

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("trade_id", self.trade.id)
                $0.field("symbol", self.trade.symbol)
                $0.field("state", self.trade.state)
                $0.field("held_quantity", self.trade.heldQuantity)
                $0.field("confirmed", self.isConfirmed)
            }
        }
    }
}

extension OperatorDesk {
    /// The trades that flattening would end: of one symbol, or all for nil.
    package func tradesToFlatten(_ symbol: Symbol?) throws -> StoredTrades {
        guard var account = try self.account() else { return StoredTrades() }
        if let symbol { account.openTrades = account.openTrades.filter { $0.value == symbol } }
        return try self.openTrades(in: account)
    }

    package func openSymbols() throws -> [Symbol] {
        Set(try self.account()?.openTrades.values.map(\.self) ?? []).sorted()
    }

    /// Takes back the entries of these trades and has sold what they hold. Returns when every trade is on its way out,
    /// or after `patience`. `unreadable`: those of which the answer has to warn.
    package func flatten(
        _ ids: [TradeID],
        unreadable: [UnreadableTrade] = [],
        patience: Duration = .seconds(20)
    ) throws -> FlattenAnswer {
        var trades = try ids.map(self.existingTrade)
        // Whatever may come of these was not asked for here.
        let before = Set(trades.filter { $0.state == .cancelled }.map(\.id))
        var asked: Set<String> = []
        _ = try Patience.wait(patience) {
            trades = try ids.map(self.existingTrade)
            for trade in trades {
                switch trade.state {
                case .entryApproved, .orderPlaced:
                    if asked.insert("\(trade.id) \(trade.state)").inserted { try self.takeBackEntry(of: trade) }
                case .filled, .holding:
                    guard asked.insert("\(trade.id) exit").inserted else { continue }
                    let signal = ExitSignal(symbol: trade.symbol, reason: "flattened by \(OperatorName.current())")
                    try self.send(try self.event(.exitSignal(signal), trade: trade))
                case .exitTriggered where trade.isBehindStop:
                    // Its sale has failed before, and would be tried again at the next open only.
                    guard self.isMarketOpen, asked.insert("\(trade.id) sale").inserted else {
                        continue
                    }
                    let signal = ExitSignal(symbol: trade.symbol, reason: "flattened by \(OperatorName.current())")
                    try self.send(try self.event(.exitRequested(signal), trade: trade))
                default: continue
                }
            }
            return try trades.contains {
                try $0.isUntouched || !before.contains($0.id) && self.mayTurnUp($0)
            } ? nil : true
        }
        return FlattenAnswer(
            trades: trades,
            unreadable: unreadable,
            mayTurnUp: Set(try trades.filter(self.mayTurnUp).map(\.id))
        )
    }

    /// As far as can be read.
    private var isMarketOpen: Bool { (try? self.marketClock())?.isOpen == true }
}

extension Trade {
    /// To be sold, and under a stop until then.
    fileprivate var isBehindStop: Bool {
        self.latest(.stop)?.state.isTerminal == false && self.latest(.exit)?.state.isTerminal ?? true
    }

    /// Open, and not on its way out.
    fileprivate var isUntouched: Bool {
        [.entryApproved, .orderPlaced, .filled, .holding].contains(self.state)
    }
}
