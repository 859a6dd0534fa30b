import StrategyAgent
import Testing
import TradingCore

@Suite struct StrategyAgentTests {
    private func stage() throws -> JudgementStage {
        JudgementStage(
            try StrategyRegistry.agent(
                named: "ma-rsi-volume",
                parameters: StrategyParameters([
                    "mean_period": "3", "rsi_period": "2", "rsi_low": "0", "rsi_high": "100",
                ]),
                timeframe: .day,
                seed: "s"
            )
        )
    }

    private func bar(_ day: Int, close: Int, volume: Int64, historical: Bool = false) throws -> Input {
        let time = Timestamp(seconds: Int64(day) * 86_400)
        let price = Price(close)
        return .message(
            Speaker(.marketData).say(
                .barsReceived(
                    BarsReceived(
                        symbol: try Sample.symbol(),
                        timeframe: .day,
                        bars: [
                            Bar(timestamp: time, open: price, high: price, low: price, close: price, volume: volume)
                        ],
                        isHistorical: historical
                    )
                ),
                at: time + .seconds(60),
                about: "\(day)"
            )
        )
    }

    @Test func `a candidate opens a trade, and none is sought while it lasts`() throws {
        let stage = try self.stage()
        for day in 1...3 {
            #expect(try stage.judge(try self.bar(day, close: 10 + day, volume: 1)).events == [.scanStarted])
        }
        let found = try stage.judge(try self.bar(4, close: 20, volume: 9))
        #expect(found.events == [.scanStarted, .candidateFound])
        let id = try #require(found.messages.last?.tradeID)
        #expect(try stage.trade(id).state == .setupDetected)
        #expect(try stage.judge(try self.bar(5, close: 30, volume: 99)).events == [.scanStarted])
        // A refusal frees the symbol.
        try stage.judge(
            Sample.message(
                .tradeRejected(
                    LimitBreach(
                        symbol: try Sample.symbol(),
                        refusal: RiskRefusal(rule: .drawdown, limit: "", value: "")
                    )
                ),
                try stage.trade(id)
            )
        )
        #expect(try stage.judge(try self.bar(6, close: 40, volume: 999)).events.contains(.candidateFound))
    }

    @Test(arguments: [TradeState.filled, .closed])
    func `a trade revived by a late fill is managed again, one that is over is not`(state: TradeState) throws {
        let stage = try self.stage()
        try stage.judge(try self.bar(1, close: 10, volume: 1))
        let trade = try Sample.trade(state)
        stage.put(trade)
        var account = try Sample.account()
        account.openTrades = [trade.id: trade.symbol]
        stage.put(Account.key, account)
        let opened = PositionNotice(
            symbol: trade.symbol,
            quantity: Quantity(50),
            entryPrice: Price(19),
            stopPrice: Price(18),
            targetPrice: Price(22)
        )
        try stage.judge(Sample.message(.positionOpened(opened), trade))
        var signals: [EventName] = []
        for day in 1...45 {
            let close = Sample.now + .seconds(Int64(day) * 86_400)
            let status = MarketStatus(
                isOpen: false,
                isTransition: true,
                sessionDate: NewYorkTime.date(of: close),
                nextOpen: nil,
                nextClose: nil
            )
            let message = Speaker(.marketData).say(.marketStatus(status), at: close, about: "\(day)")
            signals += try stage.judge(.message(message)).events
        }
        #expect(signals == (state == .filled ? [.exitSignal] : []))
    }

    @Test func `a bar seen before, and a historical one, change nothing`() throws {
        let stage = try self.stage()
        try stage.judge(try self.bar(1, close: 10, volume: 1))
        #expect(try stage.judge(try self.bar(1, close: 10, volume: 1)).changes.isEmpty)
        #expect(try stage.judge(try self.bar(2, close: 10, volume: 1, historical: true)).changes.isEmpty)
    }

    @Test func `a setup has its stop 5 % below and its target 15 % above, rounded down`() throws {
        let stage = try self.stage()
        for day in 1...3 { try stage.judge(try self.bar(day, close: 10 + day, volume: 1)) }
        let found = try #require(try stage.judge(try self.bar(4, close: 21, volume: 9)).messages.last)
        let decision = try stage.judge(.message(found))
        #expect(decision.events == [.entrySignal])
        let trade = try #require(found.tradeID)
        let plan = try #require(try stage.trade(trade).plan)
        #expect(
            plan
                == EntryPlan(
                    entryPrice: Price(21),
                    stopPrice: try #require(Price("19.95")),
                    targetPrice: try #require(Price("24.15")),
                    session: .next
                )
        )
    }

    @Test(arguments: [
        ["mean_period": "0"], ["mean_period": "x"], ["stop_distance": "0.9"], ["meen_period": "3"], ["rsi_low": "101"],
    ])
    func `a wrong parameter is refused by name`(parameters: [String: String]) throws {
        let error = #expect(throws: StrategyParameterError.self) {
            _ = try StrategyRegistry.agent(
                named: "ma-rsi-volume",
                parameters: StrategyParameters(parameters),
                timeframe: .day,
                seed: ""
            )
        }
        #expect(error?.description.contains(try #require(parameters.keys.first)) == true)
    }
}
