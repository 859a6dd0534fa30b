import MessageBus
package import TradingCore

/// What has become of the trades that were to be got out of.
package struct FlattenAnswer: OperatorAnswer {
    /// As they are now.
    package var trades: [Trade]
    /// Nothing could be asked for them.
    package var unreadable: [UnreadableTrade] = []

    /// Those of which nothing has been heard yet.
    private var unconfirmed: [Trade] { self.trades.filter(\.isUntouched) }

    package var problem: CommandFailure.Code? {
        !self.unreadable.isEmpty ? .failed : self.unconfirmed.isEmpty ? nil : .unconfirmed
    }

    package var text: String {
        guard !self.trades.isEmpty || !self.unreadable.isEmpty else {
            return "There was nothing to sell or to take back.\n"
        }
        var table = TextTable(.left("TRADE"), .left("STATE"), .left("WHAT"))
        for trade in self.trades { table.add(trade.id.rawValue, trade.state.rawValue, Self.fate(of: trade)) }
        return (self.trades.isEmpty ? "" : table.text) + self.unreadable.map(\.warning).joined()
    }

    private static func fate(of trade: Trade) -> String {
        switch trade.state {
        case .closed: "sold" + (trade.pnl.map { ", P&L \(Display.signedDollars($0))" } ?? "")
        case .cancelled: "its entry is taken back"
        case .exitTriggered: "to be sold; in a closed market at the next open"
        case .orderClosing: "\(trade.heldQuantity) shares are being sold"
        default: "asked for, and not confirmed yet; the agents go on trying"
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("trades", self.trades.map(Line.init))
            writer.field("unreadable", self.unreadable)
        }
    }

    private struct Line: JSONEncodable {
        let trade: Trade

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("trade_id", self.trade.id)
                $0.field("symbol", self.trade.symbol)
                $0.field("state", self.trade.state)
                $0.field("held_quantity", self.trade.heldQuantity)
                $0.field("confirmed", !self.trade.isUntouched)
            }
        }
    }
}

extension OperatorDesk {
    /// The trades that flattening would end: of one symbol, or all for nil. One that cannot be read holds up none of the
    /// others.
    package func tradesToFlatten(_ symbol: Symbol?) throws -> (trades: [Trade], unreadable: [UnreadableTrade]) {
        let open = try self.account()?.openTrades.filter { symbol == nil || $0.value == symbol } ?? [:]
        var (trades, unreadable): ([Trade], [UnreadableTrade]) = ([], [])
        for (id, symbol) in open.sorted(by: { $0.key < $1.key }) {
            do {
                trades.append(try self.existingTrade(id))
            } catch let error as MessageBusError where error.code != .protocolViolation {
                throw error
            } catch {
                unreadable.append(UnreadableTrade(id: id, symbol: symbol, reason: "\(error)"))
            }
        }
        return (trades, unreadable)
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
                    guard try self.marketClock()?.isOpen == true, asked.insert("\(trade.id) sale").inserted else {
                        continue
                    }
                    let signal = ExitSignal(symbol: trade.symbol, reason: "flattened by \(OperatorName.current())")
                    try self.send(try self.event(.exitRequested(signal), trade: trade))
                default: continue
                }
            }
            return trades.contains(where: \.isUntouched) ? nil : true
        }
        return FlattenAnswer(trades: trades, unreadable: unreadable)
    }
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
