import Testing
import TradingCore

@Suite struct RiskRulesTests {
    private let symbol = MessageTests.symbol
    private let trade = MessageTests.trade

    private func price(_ text: String) throws -> Price { try #require(Price(text)) }

    private func plan(_ entry: String, _ stop: String, _ target: String) throws -> EntryPlan {
        EntryPlan(
            entryPrice: try self.price(entry),
            stopPrice: try self.price(stop),
            targetPrice: try self.price(target)
        )
    }

    private func check(
        _ plan: EntryPlan,
        account: Account = Account(cash: Money(10_000)),
        equity: Money = Money(10_000),
        limits: RiskLimits = RiskLimits()
    ) -> RiskRefusal? {
        RiskRules.checkLimits(
            plan,
            symbol: self.symbol,
            trade: self.trade,
            account: account,
            equity: equity,
            limits: limits
        )
    }

    private func size(
        _ entry: String,
        wanted: Quantity? = nil,
        cash: String = "10000",
        reserved: String = "0",
        equity: String = "10000",
        limits: RiskLimits = RiskLimits()
    ) throws -> Result<Quantity, RiskRefusal> {
        var account = Account(cash: try #require(Money(cash)))
        let other = try #require(TradeID("MSFT-20251028T143000Z"))
        account.reserve(try #require(Money(reserved)), for: other, symbol: try #require(Symbol("MSFT")))
        return try RiskRules.calculateSize(
            entryPrice: try self.price(entry),
            wanted: wanted,
            account: account,
            equity: try #require(Money(equity)),
            limits: limits
        )
    }

    @Test func `the defaults are those of the specification`() {
        let limits = RiskLimits()
        #expect(limits.positionValue == Money(1000))
        #expect(limits.positionShare.description == "0.2")
        #expect(limits.cashReserve.description == "0.5")
        #expect(limits.drawdown.description == "0.2")
        #expect(limits.stopDistance.description == "0.05")
        #expect(limits.rewardRiskRatio.description == "2.5")
    }

    @Test func `a sound plan passes`() throws {
        #expect(self.check(try self.plan("100", "95", "115")) == nil)
        // The default strategy's own rounding, down to the cent, is within the tolerance at every price.
        for cents: Int64 in 100...20_000 {
            let entry = Price(raw: cents * Price.cent.raw)
            let stop = try entry.scaled(by: .one - RiskLimits().stopDistance)
            let target = Price(raw: entry.raw + 3 * (entry.raw - stop.raw))
            let refusal = self.check(EntryPlan(entryPrice: entry, stopPrice: stop, targetPrice: target))
            #expect(refusal == nil, "\(entry)")
        }
    }

    @Test(arguments: [
        ("100", "95", true), ("100", "94.99", true), ("100", "94.98999999", false), ("100", "94.98", false),
        ("10.01", "9.5", true), ("10.01", "9.4995", true), ("10.01", "9.49949999", false), ("10.01", "9.49", false),
        ("27.30999946", "25.94", true), ("27.30999946", "25.93", false),
    ])
    func `the stop lies at most 5 % and a cent below the entry`(entry: String, stop: String, isAllowed: Bool) throws {
        let refusal = self.check(try self.plan(entry, stop, "1000"))
        #expect((refusal == nil) == isAllowed)
        if let refusal {
            #expect(refusal.rule == .stopDistance)
            #expect(refusal.limit.contains("0.05"))
            #expect(refusal.value == stop)
        }
    }

    @Test(arguments: ["0", "-1", "100", "100.01"])
    func `a stop below the entry is required`(stop: String) throws {
        let refusal = self.check(try self.plan("100", stop, "115"))
        #expect(
            refusal == RiskRefusal(rule: .stopRequired, limit: "a stop below the entry of 100", value: stop)
        )
    }

    @Test(arguments: [("112.5", "2.5"), ("112.49", "2.498"), ("112.5000001", nil), ("112.51", nil), ("95", "-1")])
    func `reward over risk must be above 2,5`(target: String, value: String?) throws {
        let refusal = self.check(try self.plan("100", "95", target))
        #expect(refusal == value.map { RiskRefusal(rule: .rewardRiskRatio, limit: "more than 2.5", value: $0) })
    }

    @Test(arguments: [("8000.00000001", nil), ("8000", "0.2"), ("7999.99", "0.200001"), ("0", "1"), ("-5", "1.0005")])
    func `a drawdown of a fifth stops entries`(equity: String, value: String?) throws {
        let refusal = self.check(try self.plan("100", "95", "115"), equity: try #require(Money(equity)))
        #expect(refusal == value.map { RiskRefusal(rule: .drawdown, limit: "below 0.2", value: $0) })
    }

    @Test func `stopped entries stay stopped, whatever the drawdown`() throws {
        var account = Account(cash: Money(10_000))
        account.entriesStopped = "drawdown of 0.21"
        #expect(
            self.check(try self.plan("100", "95", "115"), account: account)
                == RiskRefusal(rule: .entriesStopped, limit: "entries allowed", value: "drawdown of 0.21")
        )
    }

    @Test func `a symbol has one open trade`() throws {
        var account = Account(cash: Money(10_000))
        account.openTrades[self.trade] = self.symbol
        let plan = try self.plan("100", "95", "115")
        #expect(self.check(plan, account: account) == nil)
        let other = try #require(TradeID("AAPL-20251027T143000Z"))
        account.openTrades[other] = self.symbol
        #expect(
            self.check(plan, account: account)
                == RiskRefusal(
                    rule: .openTrades,
                    limit: "1 open trade in AAPL",
                    value: "AAPL-20251027T143000Z is open"
                )
        )
        account.openTrades = [try #require(TradeID("MSFT-1")): try #require(Symbol("MSFT"))]
        #expect(self.check(plan, account: account) == nil)
    }

    @Test(arguments: [
        // The position's value: $1,000.
        ("100", "10000", "0", "10000", 10), ("99.99", "10000", "0", "10000", 10), ("100.01", "10000", "0", "10000", 9),
        ("1000", "10000", "0", "10000", 1), ("19.66", "10000", "0", "10000", 50),
        // A fifth of the equity.
        ("100", "4000", "0", "4000", 8), ("100", "3999.99", "0", "3999.99", 7),
        // Cash above half of the equity, reservations counted as spent.
        ("100", "5500", "0", "10000", 5), ("100", "5499.99", "0", "10000", 4), ("100", "6000", "500", "10000", 5),
        ("100", "6000", "500.01", "10000", 4),
    ])
    func `the size is the least of the three limits`(
        entry: String,
        cash: String,
        reserved: String,
        equity: String,
        shares: Int
    ) throws {
        #expect(try self.size(entry, cash: cash, reserved: reserved, equity: equity) == .success(Quantity(shares)))
    }

    @Test(arguments: [
        ("1000.01", "10000", "0", "10000", RiskRule.positionValue, "1000"),
        ("100", "499.99", "0", "499.99", .positionShare, "99.998"),
        ("100", "5099.99", "0", "10000", .cashReserve, "99.99"), ("100", "5000", "0", "10000", .cashReserve, "0"),
        ("100", "5500", "400.01", "10000", .cashReserve, "99.99"),
        ("100", "4000", "0", "10000", .cashReserve, "-1000"),
    ])
    func `below one share the tightest limit refuses`(
        entry: String,
        cash: String,
        reserved: String,
        equity: String,
        rule: RiskRule,
        limit: String
    ) throws {
        #expect(
            try self.size(entry, cash: cash, reserved: reserved, equity: equity)
                == .failure(RiskRefusal(rule: rule, limit: limit, value: "\(entry) for one share"))
        )
    }

    @Test func `no more shares than the strategy asks for`() throws {
        #expect(try self.size("100", wanted: Quantity(5)) == .success(Quantity(5)))
        #expect(try self.size("100", wanted: Quantity(10)) == .success(Quantity(10)))
        #expect(try self.size("100", wanted: Quantity(11)) == .success(Quantity(10)))
        #expect(try self.size("100", wanted: Quantity("3.99999999")) == .success(Quantity(3)))
        for wanted in ["0", "0.99999999", "-5"] {
            #expect(
                try self.size("100", wanted: Quantity(wanted))
                    == .failure(RiskRefusal(rule: .signalQuantity, limit: "at least 1 share", value: wanted))
            )
        }
    }

    @Test func `the reserve is kept to the last fraction`() throws {
        var limits = RiskLimits()
        limits.positionShare = .one
        // Half of the equity is 100.000000005: one share would leave 100.00000000.
        let refused = try self.size(
            "100.00000001",
            cash: "200.00000001",
            equity: "200.00000001",
            limits: limits
        )
        #expect(throws: RiskRefusal.self) { try refused.get() }
        #expect(
            try self.size("100", cash: "200.00000001", equity: "200.00000001", limits: limits) == .success(Quantity(1))
        )
    }

    @Test func `a price of next to nothing gives a size and no crash`() throws {
        var limits = RiskLimits()
        limits.positionValue = Money(1_000_000)
        let size = try self.size("0.00000001", cash: "1000000000", equity: "1000000000", limits: limits).get()
        #expect(size == Quantity(92_233_720_368))
        #expect(throws: ArithmeticOverflow.self) {
            try RiskRules.calculateSize(
                entryPrice: .cent,
                wanted: nil,
                account: Account(cash: Money(1)),
                equity: Money(raw: .max),
                limits: RiskLimits(positionShare: Rate(2))
            )
        }
    }

    @Test func `equity counts shares at their last price`() throws {
        var account = Account(cash: Money(100))
        let other = try #require(Symbol("MSFT"))
        account.positions = [self.symbol: Quantity(3), other: Quantity(-1)]
        let prices = [self.symbol: Price(10), other: Price(7)]
        #expect(try RiskRules.equity(of: account, prices: prices) == Money(123))
        #expect(try RiskRules.equity(of: account, prices: [self.symbol: Price(10)]) == nil)
        account.positions[other] = .zero
        #expect(try RiskRules.equity(of: account, prices: [self.symbol: Price(10)]) == Money(130))
        account.positions = [self.symbol: Quantity(9), other: Quantity(9)]
        #expect(throws: ArithmeticOverflow.self) {
            try RiskRules.equity(
                of: account,
                prices: [self.symbol: Price(10_000_000_000), other: Price(10_000_000_000)]
            )
        }
    }

    @Test func `drawdown is measured from the high-water mark`() throws {
        var account = Account(cash: Money(10_000))
        account.record(equity: Money(12_000))
        #expect(account.highWaterMark == Money(12_000))
        #expect(RiskRules.drawdown(of: Money(9600), from: account.highWaterMark).description == "0.2")
        #expect(RiskRules.drawdown(of: Money(12_000), from: account.highWaterMark) == .zero)
        #expect(RiskRules.drawdown(of: Money(13_000), from: account.highWaterMark) == .zero)
        account.record(equity: Money(9000))
        account.record(equity: Money(11_000))
        #expect(account.highWaterMark == Money(12_000))
        #expect(account.maximumDrawdown.description == "0.25")
        #expect(account.equity == Money(11_000))
        #expect(RiskRules.drawdown(of: Money(-5), from: .zero) == .zero)
    }

    @Test func `a refusal reads back as it was written`() throws {
        for rule in RiskRule.allCases {
            let refusal = RiskRefusal(rule: rule, limit: "below 0.2", value: "0.25")
            #expect(try RiskRefusal(json: try JSONValue(parsing: JSONWriter.bytes(refusal))) == refusal)
            #expect(refusal.description == "\(rule.rawValue): 0.25, limit below 0.2")
        }
    }
}

extension RiskLimits {
    fileprivate init(positionShare: Rate) {
        self.init()
        self.positionShare = positionShare
    }
}
