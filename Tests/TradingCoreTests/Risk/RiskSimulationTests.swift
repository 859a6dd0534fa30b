import Testing
import TradingCore

/// Weeks of random approvals, fills, cancels and prices, against a second set of books.
@Suite struct RiskSimulationTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `no approval breaks a limit, and no money is made or lost`(seed: UInt64) throws {
        var simulation = try Simulation(seed: seed)
        for _ in 0..<1000 { try simulation.step() }
        #expect(simulation.approvals > 50)
        #expect(simulation.refusals[.openTrades, default: 0] > 0)
        #expect(simulation.refusals[.cashReserve, default: 0] > 0)
    }

    private struct Simulation {
        struct Entry {
            var trade: TradeID
            var limit: Price
            var rest: Int
        }

        var random: SplitMix64
        var account = Account(cash: Money(10_000))
        var prices: [Symbol: Price] = [:]
        var signals: Int64 = 0
        var approvals = 0
        var refusals: [RiskRule: Int] = [:]
        // The second set of books, in raw units of 128 bits.
        var entries: [Symbol: Entry] = [:]
        var held: [Symbol: Int] = [:]
        var cash = Int128(10_000) * Int128(Money.unit)

        init(seed: UInt64) throws {
            self.random = SplitMix64(seed: seed)
            for ticker in ["AAPL", "BRK.B", "F", "KO", "MSFT", "T", "X", "Z"] {
                let symbol = try #require(Symbol(ticker))
                // Some seeds with whole cents, some with every decimal there is.
                let raw = Int64.random(in: 500_000_000...30_000_000_000, using: &self.random)
                self.prices[symbol] = Price(raw: seed % 2 == 0 ? raw : raw / Price.cent.raw * Price.cent.raw)
            }
        }

        mutating func step() throws {
            let symbol = try #require(self.prices.keys.sorted().randomElement(using: &self.random))
            switch Int.random(in: 0..<6, using: &self.random) {
            case 0, 1: try self.signal(symbol)
            case 2: try self.fill(symbol)
            case 3: self.cancel(symbol)
            case 4: try self.sell(symbol)
            default: self.move(symbol)
            }
            try self.compare()
        }

        private var equity: Int128 {
            self.held.reduce(self.cash) { $0 + Int128(self.prices[$1.key]?.raw ?? 0) * Int128($1.value) }
        }

        private var reserved: Int128 {
            self.entries.values.reduce(0) { $0 + Int128($1.limit.raw) * Int128($1.rest) }
        }

        private mutating func signal(_ symbol: Symbol) throws {
            self.signals += 1
            let entry = try #require(self.prices[symbol])
            let trade = TradeID(symbol: symbol, signaledAt: Timestamp(seconds: self.signals))
            let plan = EntryPlan(
                entryPrice: entry,
                stopPrice: try entry.scaled(by: Rate(raw: 95_000_000)),
                targetPrice: Price(raw: entry.raw + entry.raw / 5)
            )
            let limits = RiskLimits()
            let equity = try #require(try RiskRules.equity(of: self.account, prices: self.prices))
            #expect(Int128(equity.raw) == self.equity)
            if let refusal = RiskRules.checkLimits(
                plan,
                symbol: symbol,
                trade: trade,
                account: self.account,
                equity: equity,
                limits: limits
            ) {
                self.refusals[refusal.rule, default: 0] += 1
                let isBusy = self.entries[symbol] != nil || self.held[symbol] != nil
                let isDown = 5 * self.equity <= 4 * Int128(self.account.drawdownPeak.raw)
                #expect(refusal.rule == .openTrades ? isBusy : refusal.rule == .drawdown && isDown)
                // An operator resumes entries from here.
                if refusal.rule == .drawdown { self.account.drawdownPeak = equity }
                return
            }
            #expect(5 * self.equity > 4 * Int128(self.account.drawdownPeak.raw))
            #expect(self.entries[symbol] == nil && self.held[symbol] == nil)
            let wanted = Bool.random(using: &self.random) ? Quantity(Int.random(in: 1...60, using: &self.random)) : nil
            let size: Quantity
            switch try RiskRules.calculateSize(
                entryPrice: entry,
                wanted: wanted,
                account: self.account,
                equity: equity,
                limits: limits
            )
            {
            case .success(let quantity): size = quantity
            case .failure(let refusal):
                self.refusals[refusal.rule, default: 0] += 1
                return
            }
            self.approvals += 1
            let shares = Int(size.raw / Quantity.unit)
            let value = Int128(entry.raw) * Int128(shares)
            func isWithinLimits(_ value: Int128) -> Bool {
                value <= Int128(1000) * Int128(Money.unit) && 5 * value <= self.equity
                    && 2 * (self.cash - self.reserved - value) >= self.equity
            }
            #expect(shares >= 1 && Quantity(shares) == size)
            #expect(isWithinLimits(value))
            // Nor is the size smaller than it need be.
            if wanted != size { #expect(!isWithinLimits(value + Int128(entry.raw))) }
            self.account.reserve(try entry.times(size), for: trade, symbol: symbol)
            self.entries[symbol] = Entry(trade: trade, limit: entry, rest: shares)
        }

        /// Part or all of an entry at its limit or better.
        private mutating func fill(_ symbol: Symbol) throws {
            guard var entry = self.entries[symbol] else { return }
            let shares = Int.random(in: 1...entry.rest, using: &self.random)
            let price = Price(raw: entry.limit.raw - Int64.random(in: 0...entry.limit.raw / 50, using: &self.random))
            try self.account.book(
                .buy,
                Quantity(shares),
                value: try price.times(Quantity(shares)),
                symbol: symbol,
                trade: entry.trade,
                reservedPrice: entry.limit
            )
            entry.rest -= shares
            self.entries[symbol] = entry.rest > 0 ? entry : nil
            self.held[symbol, default: 0] += shares
            self.cash -= Int128(price.raw) * Int128(shares)
        }

        private mutating func cancel(_ symbol: Symbol) {
            guard let entry = self.entries.removeValue(forKey: symbol) else { return }
            if self.held[symbol] == nil {
                self.account.release(entry.trade)
            } else {
                self.account.releaseReservation(of: entry.trade)
            }
        }

        /// All that is held, once its entry is done.
        private mutating func sell(_ symbol: Symbol) throws {
            guard self.entries[symbol] == nil, let shares = self.held.removeValue(forKey: symbol) else { return }
            let trade = try #require(self.account.openTrades(in: symbol).first)
            let price = try #require(self.prices[symbol])
            try self.account.book(
                .sell,
                Quantity(shares),
                value: try price.times(Quantity(shares)),
                symbol: symbol,
                trade: trade,
                reservedPrice: nil
            )
            self.account.release(trade)
            self.cash += Int128(price.raw) * Int128(shares)
        }

        private mutating func move(_ symbol: Symbol) {
            guard let price = self.prices[symbol] else { return }
            let change = price.raw / 1000 * Int64.random(in: -120...130, using: &self.random)
            self.prices[symbol] = Price(raw: min(max(price.raw + change, 100_000_000), 90_000_000_000))
        }

        private mutating func compare() throws {
            #expect(Int128(self.account.cash.raw) == self.cash)
            #expect(Int128(self.account.reservedCash.raw) == self.reserved)
            #expect(self.account.positions == self.held.mapValues { Quantity($0) })
            #expect(Set(self.account.openTrades.values) == Set(self.held.keys).union(self.entries.keys))
            if let equity = try RiskRules.equity(of: self.account, prices: self.prices) {
                self.account.record(equity: equity)
            }
        }
    }
}
