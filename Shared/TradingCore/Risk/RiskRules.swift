/// The rules that every entry has to pass, as pure functions.
package enum RiskRules {
    /// Cash plus shares at their last price; nil while a held symbol has no price.
    package static func equity(of account: Account, prices: [Symbol: Price]) throws(ArithmeticOverflow) -> Money? {
        var equity = account.cash
        for (symbol, quantity) in account.positions where quantity != .zero {
            guard let price = prices[symbol] else { return nil }
            equity = try equity.adding(try price.times(quantity))
        }
        return equity
    }

    /// How far `equity` is below `peak`, as a share of it; zero at or above it.
    package static func drawdown(of equity: Money, from peak: Money) -> Rate {
        guard peak > .zero, equity < peak else { return .zero }
        return (try? Rate(peak - equity, over: peak)) ?? .one
    }

    /// Whether the login at the broker lasts long enough to open a position. A broker without one has nothing to check.
    package static func checkLogin(_ login: BrokerLogin?, limits: RiskLimits) -> RiskRefusal? {
        guard let login, login.timeLeft <= limits.loginReserve else { return nil }
        return RiskRefusal(
            rule: .brokerLogin,
            limit: "more than \(BrokerLogin.text(of: limits.loginReserve)) of the login left",
            value: "\(login)"
        )
    }

    /// Nothing is bought while a position is left alone.
    package static func checkProtection(of unprotected: [Symbol]) -> RiskRefusal? {
        guard !unprotected.isEmpty else { return nil }
        return RiskRefusal(
            rule: .unprotectedPosition,
            limit: "a stop for every position",
            value: unprotected.map(\.rawValue).joined(separator: ", ")
        )
    }

    package static func checkHalt(_ halt: TradingHalt?) -> RiskRefusal? {
        halt.map { RiskRefusal(rule: .tradingHalted, limit: "no halt", value: "\($0)") }
    }

    /// Everything but the size: what of this plan or account forbids an entry. Nil if nothing does.
    package static func checkLimits(
        _ plan: EntryPlan,
        symbol: Symbol,
        trade: TradeID,
        account: Account,
        equity: Money,
        limits: RiskLimits
    ) -> RiskRefusal? {
        if let reason = account.entriesStopped {
            return RiskRefusal(rule: .entriesStopped, limit: "entries allowed", value: reason)
        }
        if let reason = account.frozenSymbols[symbol] {
            return RiskRefusal(rule: .frozenSymbol, limit: "broker and ledger agree about \(symbol)", value: reason)
        }
        let drawdown = Self.drawdown(of: equity, from: account.drawdownPeak)
        if drawdown >= limits.drawdown {
            return RiskRefusal(rule: .drawdown, limit: "below \(limits.drawdown)", value: "\(drawdown)")
        }
        if let open = account.openTrades(in: symbol).first(where: { $0 != trade }) {
            return RiskRefusal(rule: .openTrades, limit: "1 open trade in \(symbol)", value: "\(open) is open")
        }
        guard plan.stopPrice > .zero, plan.stopPrice < plan.entryPrice else {
            return RiskRefusal(
                rule: .stopRequired,
                limit: "a stop below the entry of \(plan.entryPrice)",
                value: "\(plan.stopPrice)"
            )
        }
        // Not rounded to the cent: that would give a second cent of tolerance.
        guard let distance = try? Money(raw: plan.entryPrice.raw).scaled(by: limits.stopDistance) else {
            return RiskRefusal(rule: .stopDistance, limit: "\(limits.stopDistance)", value: "\(plan.entryPrice)")
        }
        let lowest = plan.entryPrice - Price(raw: distance.raw) - .cent
        if plan.stopPrice < lowest {
            return RiskRefusal(
                rule: .stopDistance,
                limit: "no lower than \(lowest) (\(limits.stopDistance) and a cent below the entry)",
                value: "\(plan.stopPrice)"
            )
        }
        if plan.rewardRiskRatio <= limits.rewardRiskRatio {
            return RiskRefusal(
                rule: .rewardRiskRatio,
                limit: "more than \(limits.rewardRiskRatio)",
                value: "\(plan.rewardRiskRatio)"
            )
        }
        return nil
    }

    /// ⌊min(position limit, share of equity, cash above the reserve) ÷ entry⌋ whole shares, and no more than the
    /// strategy asks for. Below one share it is a refusal that names the tightest of the limits.
    package static func calculateSize(
        entryPrice: Price,
        wanted: Quantity?,
        account: Account,
        equity: Money,
        limits: RiskLimits
    ) throws(ArithmeticOverflow) -> Result<Quantity, RiskRefusal> {
        // What may be spent is rounded down, and so the reserve up.
        let reserve = equity - (try equity.scaled(by: .one - limits.cashReserve))
        let bounds: [(rule: RiskRule, amount: Money)] = [
            (.positionValue, limits.positionValue),
            (.positionShare, try equity.scaled(by: limits.positionShare)),
            (.cashReserve, account.cash - account.reservedCash - reserve),
        ]
        let tightest = bounds.min { $0.amount < $1.amount } ?? bounds[0]
        let size = tightest.amount.wholeShares(at: entryPrice)
        guard size >= Quantity(1) else {
            return .failure(
                RiskRefusal(
                    rule: tightest.rule,
                    limit: "\(tightest.amount)",
                    value: "\(entryPrice) for one share"
                )
            )
        }
        guard let wanted else { return .success(size) }
        guard wanted >= Quantity(1) else {
            return .failure(RiskRefusal(rule: .signalQuantity, limit: "at least 1 share", value: "\(wanted)"))
        }
        return .success(min(size, wanted.roundedTowardZero(toMultipleOf: Quantity(1))))
    }
}

extension RiskRefusal: Error {}
