package import TradingCore

/// One point in which the books do not agree.
package struct Discrepancy: Hashable, Sendable, CustomStringConvertible {
    package var subject: String
    package var expected: String
    package var found: String

    package init(_ subject: String, expected: String, found: String) {
        self.subject = subject
        self.expected = expected
        self.found = found
    }

    package var description: String { "\(self.subject): expected \(self.expected), found \(self.found)" }
}

extension CommandFailure {
    /// The books do not agree.
    init(_ discrepancies: [Discrepancy]) {
        self.init(
            .failed,
            "The ledger, the positions and the broker's account do not agree:\n"
                + discrepancies.map { "    \($0)" }.joined(separator: "\n")
        )
    }
}

/// Holds the ledger against itself and against the broker's books.
package struct LedgerAudit {
    private let ledger: Ledger
    private let broker: SimulatorResult
    private let startingCash: Money
    private var discrepancies: [Discrepancy] = []

    /// Everything that does not agree, by trade and then by account; empty if the books are in order.
    package static func discrepancies(
        in ledger: Ledger,
        broker: SimulatorResult,
        startingCash: Money
    ) -> [Discrepancy] {
        var audit = LedgerAudit(ledger: ledger, broker: broker, startingCash: startingCash)
        for record in ledger.records {
            audit.checkHistory(of: record)
            audit.checkOutcome(of: record.trade)
            audit.checkProtection(of: record.trade)
        }
        audit.checkAccount()
        return audit.discrepancies
    }

    private init(ledger: Ledger, broker: SimulatorResult, startingCash: Money) {
        self.ledger = ledger
        self.broker = broker
        self.startingCash = startingCash
    }

    private mutating func checkHistory(of record: Ledger.Record) {
        let subject = "trade \(record.trade.id), history"
        var state = TradeState.scanning
        for (index, step) in record.history.enumerated() {
            if step.from != state {
                self.note(
                    "\(subject), step \(index + 1)",
                    expected: "from \(state.rawValue)",
                    found: step.from.rawValue
                )
            }
            do {
                try TradeStateMachine.check(from: step.from, to: step.to, on: step.trigger)
            } catch {
                self.note("\(subject), step \(index + 1)", expected: "a step of the state machine", found: "\(error)")
            }
            state = step.to
        }
        self.compare("\(subject), end", expected: record.trade.state.rawValue, found: state.rawValue)
        self.compare(
            "trade \(record.trade.id), stored state",
            expected: record.trade.state.rawValue,
            found: record.storedState
        )
    }

    private mutating func checkOutcome(of trade: Trade) {
        let subject = "trade \(trade.id)"
        let held = trade.heldQuantity
        if held < .zero { self.note("\(subject), shares held", expected: "0 or more", found: "\(held)") }
        for order in trade.orders where order.state == .unknown {
            self.note("\(subject), order \(order.id)", expected: "a known outcome", found: "unknown")
        }
        guard trade.state.isTerminal else { return }
        self.compare("\(subject), \(trade.state.rawValue), shares held", expected: Quantity.zero, found: held)
        for order in trade.orders where !order.state.isTerminal && order.state != .intent {
            self.note(
                "\(subject), \(trade.state.rawValue), order \(order.id)",
                expected: "an order that has ended",
                found: order.state.rawValue
            )
        }
        guard trade.state == .closed else { return }
        self.compare(
            "\(subject), P&L",
            expected: "\(trade.cashFlow)",
            found: trade.pnl.map(\.description) ?? "none"
        )
        if trade.exitReason == nil { self.note("\(subject), exit reason", expected: "one", found: "none") }
    }

    /// Shares held are covered by a resting stop or by a sale under way.
    private mutating func checkProtection(of trade: Trade) {
        guard !trade.state.isTerminal, trade.heldQuantity > .zero else { return }
        let selling = trade.orders.reduce(Quantity.zero) { sum, order in
            order.id.role == .exit && !order.state.isTerminal && order.state != .intent
                ? sum + order.remainingQuantity : sum
        }
        let covered = trade.protectedQuantity + selling
        if covered < trade.heldQuantity {
            self.note(
                "trade \(trade.id), \(trade.state.rawValue), shares under a stop or a sale",
                expected: "\(trade.heldQuantity)",
                found: "\(covered)"
            )
        }
    }

    private mutating func checkAccount() {
        let trades = self.ledger.records.map(\.trade)
        let cash = trades.reduce(self.startingCash) { $0 + $1.cashFlow }
        let held = trades.reduce(into: [Symbol: Quantity]()) { $0[$1.symbol, default: .zero] += $1.heldQuantity }
        self.compare("the broker's cash", expected: cash, found: self.broker.cash)
        self.comparePositions("the broker's", expected: held, found: self.broker.positions)
        guard let account = self.ledger.account else {
            self.note("the ledger's account", expected: "a record", found: "none")
            return
        }
        self.compare("the ledger's cash", expected: cash, found: account.cash)
        self.comparePositions("the ledger's", expected: held, found: account.positions)
        self.compare("the ledger's equity", expected: self.broker.equity, found: account.equity)
        self.compare("the ledger's highest equity", expected: self.broker.peakEquity, found: account.highWaterMark)
        self.compare(
            "the ledger's largest drawdown",
            expected: self.broker.maximumDrawdown,
            found: account.maximumDrawdown
        )
        self.checkOpenTrades(of: account, trades: trades)
    }

    private mutating func checkOpenTrades(of account: Account, trades: [Trade]) {
        let open = trades.filter { !$0.state.isTerminal && $0.state != .scanning && $0.state != .setupDetected }
        for trade in open where account.openTrades[trade.id] != trade.symbol {
            self.note(
                "the ledger's open trade in \(trade.symbol)",
                expected: "\(trade.id)",
                found: account.openTrades(in: trade.symbol).first.map(\.description) ?? "none"
            )
        }
        // An entry that was given up keeps its symbol until its session has ended.
        let mayTurnUp = trades.filter { $0.state == .cancelled && $0.entryOrder?.state == .cancelled }
        for (id, symbol) in account.openTrades.sorted(by: { $0.key < $1.key })
        where !(open + mayTurnUp).contains(where: { $0.id == id }) {
            self.note("the ledger's open trade in \(symbol)", expected: "a trade that is open", found: "\(id)")
        }
    }

    private mutating func comparePositions(
        _ whose: String,
        expected: [Symbol: Quantity],
        found: [Symbol: Quantity]
    ) {
        for symbol in Set(expected.keys).union(found.keys).sorted() {
            self.compare(
                "\(whose) shares of \(symbol)",
                expected: expected[symbol] ?? .zero,
                found: found[symbol] ?? .zero
            )
        }
    }

    private mutating func compare<Value: Equatable>(_ subject: String, expected: Value, found: Value) {
        if expected != found { self.note(subject, expected: "\(expected)", found: "\(found)") }
    }

    private mutating func note(_ subject: String, expected: String, found: String) {
        self.discrepancies.append(Discrepancy(subject, expected: expected, found: found))
    }
}

extension Trade {
    /// What its sales have brought, less what its purchases have cost.
    package var cashFlow: Money {
        self.orders.reduce(.zero) { sum, order in
            order.terms.side == .sell ? sum + order.filledValue : sum - order.filledValue
        }
    }
}
