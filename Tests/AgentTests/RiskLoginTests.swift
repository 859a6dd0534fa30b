import RiskManagementAgent
import Testing
import TradingCore

/// What becomes of entries when the broker's login is about to end.
@Suite struct RiskLoginTests {
    private static let now = Timestamp(seconds: 1_795_444_200)

    private static func login(left: Duration, asOf: Timestamp = Self.now) -> Input {
        .login(BrokerLogin(.ending(asOf + left), asOf: asOf, remedy: "log in"))
    }

    private static let missing = Input.login(
        BrokerLogin(.missing("nobody has logged in"), asOf: Self.now, remedy: "log in")
    )

    private func stage(reserve: Duration = .seconds(24 * 3600)) throws -> (JudgementStage, Trade) {
        var limits = RiskLimits()
        limits.loginReserve = reserve
        let stage = JudgementStage(RiskManagementAgent(limits: limits, approvalLifetime: .seconds(300)))
        let trade = try Sample.trade(.setupDetected)
        stage.put(MarketClock.key, Sample.clock())
        stage.put(trade)
        stage.put(Account.key, try Sample.account())
        return (stage, trade)
    }

    private func signal(_ trade: Trade) throws -> Input {
        Sample.message(.entrySignal(EntrySignal(symbol: trade.symbol, plan: try Sample.plan())), trade)
    }

    @Test(arguments: [(24 * 3600 + 1, true), (24 * 3600, false), (60, false), (0, false), (-86_400, false)])
    func `an entry needs more of the login than the reserve`(seconds: Int, isApproved: Bool) throws {
        let (stage, trade) = try self.stage()
        try stage.judge(Self.login(left: .seconds(seconds)))
        let decision = try stage.judge(try self.signal(trade))
        #expect(decision.events == [isApproved ? .tradeApproved : .tradeRejected])
        let refusal = try stage.trade(trade.id).refusal
        #expect(refusal?.rule == (isApproved ? nil : .brokerLogin))
        if let refusal {
            #expect(refusal.limit == "more than 1 day of the login left")
            #expect(refusal.value.hasPrefix("the login"))
        }
    }

    @Test func `without a reserve entries are made until the login ends`() throws {
        let (stage, trade) = try self.stage(reserve: .zero)
        try stage.judge(Self.login(left: .seconds(1)))
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeApproved])
        let (other, same) = try self.stage(reserve: .zero)
        try other.judge(Self.login(left: .zero))
        #expect(try other.judge(try self.signal(same)).events == [.tradeRejected])
    }

    @Test func `without any login there are no entries, and a broker that needs none is not asked for one`() throws {
        let (stage, trade) = try self.stage()
        try stage.judge(Self.missing)
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeRejected])
        #expect(try stage.trade(trade.id).refusal?.value == "nobody has logged in")
        let (other, same) = try self.stage()
        #expect(try other.judge(try self.signal(same)).events == [.tradeApproved])
    }

    @Test func `it is announced once for each login, and a new login lets entries go on`() throws {
        let (stage, trade) = try self.stage()
        #expect(try stage.judge(Self.login(left: .seconds(90_000))).events == [])
        let end = Self.now + .seconds(90_000)
        for minute in 0..<3 {
            let asOf = end - .seconds(80_000 - minute * 60)
            let decision = try stage.judge(.login(BrokerLogin(.ending(end), asOf: asOf, remedy: "log in")))
            #expect(decision.events == (minute == 0 ? [.limitExceeded] : []))
            #expect(decision.notes.map(\.level) == (minute == 0 ? [.error] : []))
            if minute == 0 {
                guard case .limitExceeded(let breach)? = decision.messages.first?.body else {
                    Issue.record("no breach: \(decision.messages)")
                    return
                }
                #expect(breach.symbol == nil)
                #expect(breach.refusal.rule == .brokerLogin)
            }
        }
        // Another one, which is short as well.
        #expect(try stage.judge(Self.login(left: .seconds(3600), asOf: end)).events == [.limitExceeded])
        let renewed = try stage.judge(Self.login(left: .seconds(7 * 86_400), asOf: end))
        #expect(renewed.events == [])
        #expect(renewed.notes.map(\.level) == [.info])
        #expect(try stage.judge(Self.login(left: .seconds(7 * 86_400 - 5), asOf: end)).notes.isEmpty)
        #expect(try stage.judge(try self.signal(trade)).events == [.tradeApproved])
    }

    @Test func `the time left is told in words`() {
        for (seconds, text) in [
            (59, "0 min"), (3599, "59 min"), (3600, "1 h"), (5400, "1 h and 30 min"), (86_400, "1 day"),
            (86_399, "23 h and 59 min"), (183_600, "2 days and 3 h"),
        ] {
            #expect(BrokerLogin.text(of: .seconds(seconds)) == text)
        }
        let end = Timestamp(seconds: 1_796_049_000)
        #expect(
            BrokerLogin(.ending(end), asOf: end - .seconds(183_600), remedy: "").description
                == "the login ends in 2 days and 3 h, at 2026-11-30T14:30:00Z"
        )
        #expect(
            BrokerLogin(.ending(end), asOf: end, remedy: "").description
                == "the login has ended, at 2026-11-30T14:30:00Z"
        )
    }
}
