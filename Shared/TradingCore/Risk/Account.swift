/// The account as the ledger knows it: what all entries share and compete for.
package struct Account: Hashable, Sendable, JSONCodable {
    package var cash: Money
    /// Cash set aside for approvals that are not filled yet.
    package var reservations: [TradeID: Money]
    package var positions: [Symbol: Quantity]
    /// Approved and not ended. One a symbol, but for a fill that arrives after its trade was given up.
    package var openTrades: [TradeID: Symbol]
    /// The highest equity ever recorded.
    package var highWaterMark: Money
    /// The height from which a fall stops entries: the highest equity recorded since an operator last resumed them.
    package var drawdownPeak: Money
    /// The equity recorded last.
    package var equity: Money
    /// The session after whose close it was recorded.
    package var recordedSession: CalendarDate?
    /// The largest fall from the high-water mark that was recorded, as a share of it.
    package var maximumDrawdown: Rate
    /// Why no entries are made until an operator resumes them; nil while they are.
    package var entriesStopped: String?
    /// Symbols of which the broker has shares or orders that no trade accounts for, and which these are. They take no
    /// entries until broker and ledger agree.
    package var frozenSymbols: [Symbol: String]

    package init(cash: Money) {
        self.cash = cash
        self.reservations = [:]
        self.positions = [:]
        self.openTrades = [:]
        self.highWaterMark = cash
        self.drawdownPeak = cash
        self.equity = cash
        self.maximumDrawdown = .zero
        self.frozenSymbols = [:]
    }

    package static let key = DocumentKey(rawValue: "account")

    package var reservedCash: Money { self.reservations.values.reduce(.zero, +) }

    package var symbolsWithOpenTrades: [Symbol] { Set(self.openTrades.values).sorted() }

    /// Whether it has shares of it or an open trade in it.
    package func concerns(_ symbol: Symbol) -> Bool {
        self.positions[symbol] != nil || self.openTrades.values.contains(symbol)
    }

    /// In the order of their ids.
    package func openTrades(in symbol: Symbol) -> [TradeID] {
        self.openTrades.filter { $0.value == symbol }.keys.sorted()
    }

    /// An approval takes the symbol and the cash in the same commit.
    package mutating func reserve(_ cash: Money, for trade: TradeID, symbol: Symbol) {
        self.reservations[trade] = cash
        self.openTrades[trade] = symbol
    }

    /// Books shares and cash of a fill. A reservation shrinks with what an entry has bought at its limit. The account is
    /// left as it was when this throws.
    package mutating func book(
        _ side: OrderSide,
        _ quantity: Quantity,
        value: Money,
        symbol: Symbol,
        trade: TradeID,
        reservedPrice: Price?
    ) throws(ArithmeticOverflow) {
        let reserved = self.reservations[trade]
        var rest = reserved
        if let reserved, let reservedPrice {
            rest = try reserved.adding(-(try reservedPrice.times(quantity)))
        }
        let held = self.positions[symbol] ?? .zero
        let (cash, shares) =
            switch side {
            case .buy: (try self.cash.adding(-value), try held.adding(quantity))
            case .sell: (try self.cash.adding(value), try held.adding(-quantity))
            }
        self.cash = cash
        self.positions[symbol] = shares == .zero ? nil : shares
        if let rest { self.reservations[trade] = rest > .zero ? rest : nil }
    }

    /// The entry has bought what it will: the cash set aside for the rest is free.
    package mutating func releaseReservation(of trade: TradeID) {
        self.reservations[trade] = nil
    }

    /// The trade has ended: its symbol is free again.
    package mutating func release(_ trade: TradeID) {
        self.reservations[trade] = nil
        self.openTrades[trade] = nil
    }

    /// To be called after each session's closing ticks: high-water mark and drawdown count from one to the next.
    package mutating func record(equity: Money) {
        self.equity = equity
        self.highWaterMark = max(self.highWaterMark, equity)
        self.drawdownPeak = max(self.drawdownPeak, equity)
        self.maximumDrawdown = max(self.maximumDrawdown, RiskRules.drawdown(of: equity, from: self.highWaterMark))
    }

    /// An operator has looked at the loss and lets entries go on: from here on falls are measured anew.
    package mutating func resumeEntries() {
        self.entriesStopped = nil
        self.drawdownPeak = self.equity
    }

    package init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(cash: try object.value("cash"))
        for entry: JSONValue in try object.value("reservations", as: [JSONValue].self) {
            let reservation = try JSONObject(entry)
            self.reservations[try reservation.value("trade_id")] = try reservation.value("cash", as: Money.self)
        }
        for entry: JSONValue in try object.value("positions", as: [JSONValue].self) {
            let position = try JSONObject(entry)
            self.positions[try position.value("symbol")] = try position.value("quantity", as: Quantity.self)
        }
        for entry: JSONValue in try object.value("open_trades", as: [JSONValue].self) {
            let open = try JSONObject(entry)
            self.openTrades[try open.value("trade_id")] = try open.value("symbol", as: Symbol.self)
        }
        self.highWaterMark = try object.value("high_water_mark")
        self.drawdownPeak = try object.value("drawdown_peak")
        self.equity = try object.value("equity")
        self.recordedSession = try object.optional("recorded_session")
        self.maximumDrawdown = try object.value("max_drawdown")
        self.entriesStopped = try object.optional("entries_stopped")
        for entry: JSONValue in try object.optional("frozen_symbols", as: [JSONValue].self) ?? [] {
            let frozen = try JSONObject(entry)
            self.frozenSymbols[try frozen.value("symbol")] = try frozen.value("reason", as: String.self)
        }
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("cash", self.cash)
            writer.field("equity", self.equity)
            writer.field("recorded_session", self.recordedSession)
            writer.field("high_water_mark", self.highWaterMark)
            writer.field("drawdown_peak", self.drawdownPeak)
            writer.field("max_drawdown", self.maximumDrawdown)
            writer.field("entries_stopped", self.entriesStopped)
            writer.field("frozen_symbols", self.frozenSymbols.sorted { $0.key < $1.key }.map(SymbolReason.init))
            writer.field("reservations", self.reservations.sorted { $0.key < $1.key }.map(Reservation.init))
            writer.field("positions", self.positions.sorted { $0.key < $1.key }.map(Position.init))
            writer.field("open_trades", self.openTrades.sorted { $0.key < $1.key }.map(OpenTradeEntry.init))
        }
    }

    private struct Reservation: JSONEncodable {
        let key: TradeID
        let value: Money
        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("trade_id", self.key)
                $0.field("cash", self.value)
            }
        }
    }

    private struct Position: JSONEncodable {
        let key: Symbol
        let value: Quantity
        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("symbol", self.key)
                $0.field("quantity", self.value)
            }
        }
    }

    private struct OpenTradeEntry: JSONEncodable {
        let key: TradeID
        let value: Symbol
        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("symbol", self.value)
                $0.field("trade_id", self.key)
            }
        }
    }
}
