import TradingCore

/// Exit while a stop rests: cancel the stop, wait for its terminal state, sell what is left, put the stop back if the
/// sale fails. Never two live sell orders for more shares than are held.
extension OrderExecutionAgent {
    /// Takes the next step of an exit; does nothing while an earlier step is under way.
    func continueExit(
        of trade: inout OpenTrade,
        _ books: inout Books,
        at timestamp: Timestamp,
        causedBy cause: Message?
    ) throws {
        guard trade.trade.state == .exitTriggered else { return }
        guard !trade.trade.sales.isAsking else {
            trade.trade.sales.isExitWanted = true
            return
        }
        guard trade.trade.sellableQuantity > .zero else { return }
        if let exit = trade.trade.latest(.exit), !exit.state.isTerminal { return }
        if var stop = trade.trade.latest(.stop), !stop.state.isTerminal {
            stop.isRecalled = true
            trade.trade.replace(stop)
            trade.trade.sales.refusals = 0
            books.say(
                self.speaker.say(
                    .brokerCallRequested(BrokerCall(.cancel(stop.id), lane: .protective)),
                    trade: trade.trade,
                    at: timestamp,
                    about: "cancel \(stop.id) for \(trade.trade.nextID(.exit))",
                    causedBy: cause
                )
            )
            return
        }
        self.sell(&trade, &books, at: timestamp, causedBy: cause)
    }

    /// Writes the sale of everything that may be sold down and asks for it: the first try at a target with a limit at the
    /// target, everything else at the market.
    func sell(
        _ trade: inout OpenTrade,
        _ books: inout Books,
        at timestamp: Timestamp,
        causedBy cause: Message?
    ) {
        guard trade.trade.sellableQuantity > .zero, !trade.trade.sales.isAsking else { return }
        let id = trade.trade.nextID(.exit)
        let target = trade.trade.exitReason == .target && id.attempt == 1 ? trade.trade.plan?.targetPrice : nil
        let order = Order(
            terms: OrderTerms(
                clientOrderID: id,
                symbol: trade.trade.symbol,
                side: .sell,
                type: target == nil ? .market : .limit,
                quantity: trade.trade.sellableQuantity,
                limitPrice: target.map { self.tickRule.limit($0, .sell) },
                timeInForce: .day
            ),
            intendedAt: timestamp
        )
        trade.trade.replace(order)
        books.say(self.call(.place(order.terms), .protective, trade.trade, at: timestamp, causedBy: cause))
    }

    /// The stop of a trade that is to be sold is gone: the sale can go out.
    func continueAfterCancel(
        _ order: Order,
        _ trade: inout OpenTrade,
        _ books: inout Books,
        _ report: OrderReport,
        causedBy cause: Message?
    ) throws {
        guard order.id.role == .stop, order.id == trade.trade.latest(.stop)?.id, order.state.isTerminal else { return }
        try self.continueExit(of: &trade, &books, at: report.timestamp, causedBy: cause)
    }

    /// The sale failed: what is still held is to get its stop back, and the sale is tried again at the next open.
    func restoreStop(_ trade: inout OpenTrade, _ books: inout Books, at timestamp: Timestamp) {
        guard trade.trade.sellableQuantity > .zero, trade.trade.latest(.stop)?.state.isTerminal ?? true else { return }
        let stop = trade.trade.nextStop(at: timestamp, self.tickRule)
        trade.trade.replace(stop)
        books.note(Note(.warning, "an exit failed; a stop is asked for in its place", ["order.id": "\(stop.id)"]))
        books.say(self.call(.place(stop.terms), .protective, trade.trade, at: timestamp, causedBy: nil))
    }

    /// A limit exit that still rests when the orders are polled has missed its price: it is taken back so that the
    /// shares can go at the market instead of lying without a stop.
    func hurryExits(_ reports: [OrderReport], _ message: Message, _ books: inout Books) throws {
        for report in reports where report.clientOrderID.role == .exit {
            var trade = try books.trade(report.clientOrderID.trade)
            guard var exit = trade.trade.order(report.clientOrderID), exit.terms.type == .limit, !exit.state.isTerminal
            else { continue }
            exit.isRecalled = true
            trade.trade.replace(exit)
            books.put(trade)
            books.say(
                self.call(.cancel(exit.id), .protective, trade.trade, at: message.timestamp, causedBy: message)
            )
        }
    }

    /// A stop that was to make way for a sale, a sale that does not fit what is held, or the rest of an entry whose time
    /// is up, is still there after its cancellation was asked for.
    func cancelAgain(_ id: ClientOrderID, _ message: Message, _ books: inout Books) throws {
        let trade = try books.trade(id.trade)
        guard let order = trade.trade.order(id), !order.state.isTerminal else { return }
        let isInTheWay =
            switch id.role {
            case .stop:
                order.isRecalled && trade.trade.state == .exitTriggered
                    && (trade.trade.latest(.exit)?.state.isTerminal ?? true)
            case .entry: order.state == .partiallyFilled
            case .exit: false
            }
        guard isInTheWay || order.isMisfit(in: trade.trade) else { return }
        books.say(
            self.speaker.say(
                .brokerCallRequested(BrokerCall(.cancel(id), lane: .protective, delaySeconds: 1)),
                trade: trade.trade,
                at: message.timestamp,
                about: "cancel again \(message.id)",
                causedBy: message
            )
        )
    }
}
