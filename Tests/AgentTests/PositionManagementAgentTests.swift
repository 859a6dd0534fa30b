import PositionManagementAgent
import Testing
import TradingCore

@Suite struct PositionManagementAgentTests {
    private func stage() -> JudgementStage {
        JudgementStage(PositionManagementAgent(gapStopDistance: RiskLimits().stopDistance, tickRule: .usStocks))
    }

    private func filled(at price: String = "19.66") throws -> Trade {
        var trade = try Sample.trade(.filled)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50, price: price))
        return trade
    }

    private func fill(_ trade: Trade, _ role: OrderRole) throws -> Input {
        Sample.message(.orderFilled(OrderNotice(order: try #require(trade.latest(role)))), trade)
    }

    @Test func `a fill gets its stop at once`() throws {
        let stage = self.stage()
        let trade = try self.filled()
        stage.put(trade)
        let decision = try stage.judge(try self.fill(trade, .entry))
        let stop = try #require(try stage.trade(trade.id).latest(.stop))
        #expect(decision.calls.map(\.operation) == [.place(stop.terms)])
        #expect(stop.terms.stopPrice == Price("18.67"))
        #expect(stop.terms.quantity == Quantity(50))
        #expect(stop.terms.timeInForce == .goodTillCancelled)
        #expect(decision.events == [.positionOpened])
        // The same fill told again places no second stop.
        #expect(try stage.judge(try self.fill(trade, .entry)).calls.isEmpty)
    }

    @Test func `a fill at or below the planned stop gets one 5 % below the fill, rounded down to the cent`() throws {
        let stage = self.stage()
        let trade = try self.filled(at: "18.67")
        stage.put(trade)
        try stage.judge(try self.fill(trade, .entry))
        #expect(try stage.trade(trade.id).latest(.stop)?.terms.stopPrice == Price("17.73"))
        #expect(try stage.trade(trade.id).plan?.stopPrice == Price("17.73"))
    }

    @Test func `a placed stop makes the position held and watched`() throws {
        let stage = self.stage()
        var trade = try self.filled()
        let stop = try Sample.order(.stop, trade, state: .intent)
        trade.replace(stop)
        stage.put(trade)
        let decision = try stage.judge(
            Sample.answer(.place(stop.terms), .orders([Sample.report(stop.id, .accepted)]), trade)
        )
        #expect(decision.events == [.stopSet])
        #expect(try stage.trade(trade.id).state == .holding)
        let low = Quote(symbol: trade.symbol, bid: Price(22), ask: Price(22), timestamp: Sample.now + .seconds(1))
        #expect(try stage.judge(.quote(low)).messages.isEmpty)
        let old = Quote(symbol: trade.symbol, bid: Price(23), ask: Price(23), timestamp: Sample.now - .seconds(1))
        #expect(try stage.judge(.quote(old)).messages.isEmpty, "a quote from before the fill says nothing")
        let high = Quote(symbol: trade.symbol, bid: Price(23), ask: Price(23), timestamp: Sample.now + .seconds(2))
        #expect(try stage.judge(.quote(high)).events == [.targetHit])
        #expect(try stage.trade(trade.id).state == .exitTriggered)
        #expect(try stage.judge(.quote(high)).messages.isEmpty)
    }

    @Test func `a refused stop means unprotected, and the position is to be sold`() throws {
        let stage = self.stage()
        var trade = try self.filled()
        let stop = try Sample.order(.stop, trade, state: .intent)
        trade.replace(stop)
        stage.put(trade)
        let decision = try stage.judge(
            Sample.answer(.place(stop.terms), .refused(code: "422", reason: "sub-penny"), trade)
        )
        #expect(decision.events == [.positionUnprotected])
        let after = try stage.trade(trade.id)
        #expect(after.state == .exitTriggered)
        #expect(after.exitReason == .unprotected)
    }

    @Test func `a stop that cannot be sent is tried again, then the position is sold`() throws {
        let stage = self.stage()
        var trade = try self.filled()
        let stop = try Sample.order(.stop, trade, state: .intent)
        trade.replace(stop)
        stage.put(trade)
        for attempt in 1...74 {
            let decision = try stage.judge(
                Sample.answer(.place(stop.terms), .unavailable(reason: "open"), trade, attempt: attempt)
            )
            #expect(decision.calls.map(\.attempt) == [attempt + 1])
            #expect(try stage.trade(trade.id).state == .filled)
        }
        try stage.judge(Sample.answer(.place(stop.terms), .unavailable(reason: "open"), trade, attempt: 75))
        #expect(try stage.trade(trade.id).state == .exitTriggered)
    }

    @Test(arguments: ["unknown", "void", "missing", "unavailable"])
    func `a stop that the stream reported first holds its position, whatever the answer says`(answer: String) throws {
        let stage = self.stage()
        var trade = try self.filled()
        let stop = try Sample.order(.stop, trade, state: .accepted)
        trade.replace(stop)
        stage.put(trade)
        let input =
            switch answer {
            case "unknown": Sample.answer(.place(stop.terms), .unknown(reason: "timeout"), trade)
            case "void": Sample.answer(.place(stop.terms), .refused(code: "void", reason: "accepted"), trade)
            case "missing": Sample.answer(.find(stop.id), .notFound, trade, misses: 3)
            default: Sample.answer(.find(stop.id), .unavailable(reason: "breaker"), trade)
            }
        let decision = try stage.judge(input)
        #expect(decision.events == [.stopSet])
        #expect(decision.calls.isEmpty)
        #expect(try stage.trade(trade.id).state == .holding)
        #expect(try stage.judge(input).messages.isEmpty)
    }

    @Test func `that an unknown stop may not be looked at is no refusal of it`() throws {
        let stage = self.stage()
        var trade = try self.filled()
        let stop = try Sample.order(.stop, trade, state: .unknown)
        trade.replace(stop)
        stage.put(trade)
        let refused = Sample.answer(.find(stop.id), .refused(code: "ambiguous", reason: "two of them"), trade)
        #expect(try stage.judge(refused).calls.map(\.name) == ["find"])
        #expect(try stage.trade(trade.id).state == .filled)
    }

    @Test func `two positions in one symbol are watched apart`() throws {
        let stage = self.stage()
        var trades: [Trade] = []
        for number in 0..<2 {
            let id = TradeID(symbol: try Sample.symbol(), signaledAt: Sample.now + .seconds(number))
            var trade = Trade(
                id: id,
                symbol: try Sample.symbol(),
                strategy: "test",
                traceID: TraceID(seed: "", trade: id),
                signaledAt: Sample.now
            )
            trade.plan = try Sample.plan()
            for (state, trigger) in [
                (TradeState.setupDetected, TradeTrigger.candidateFound), (.entryApproved, .tradeApproved),
                (.orderPlaced, .orderSubmitted), (.filled, .orderFilled),
            ] {
                _ = try trade.transition(to: state, on: trigger, at: Sample.now, message: MessageID(derivedFrom: "t"))
            }
            trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
            let stop = try Sample.order(.stop, trade, state: .intent)
            trade.replace(stop)
            stage.put(trade)
            try stage.judge(
                Sample.answer(.place(stop.terms), .orders([Sample.report(stop.id, .accepted)]), trade)
            )
            trades.append(trade)
        }
        let high = Quote(
            symbol: try Sample.symbol(),
            bid: Price(23),
            ask: Price(23),
            timestamp: Sample.now + .seconds(9)
        )
        for trade in trades {
            let hit = try stage.judge(.quote(high))
            #expect(hit.events == [.targetHit])
            #expect(hit.messages.first?.tradeID == trade.id)
        }
        #expect(try stage.judge(.quote(high)).messages.isEmpty)
    }

    @Test func `an unknown stop is asked about and never sold for`() throws {
        let stage = self.stage()
        var trade = try self.filled()
        let stop = try Sample.order(.stop, trade, state: .intent)
        trade.replace(stop)
        stage.put(trade)
        let unknown = try stage.judge(Sample.answer(.place(stop.terms), .unknown(reason: "timeout"), trade))
        #expect(unknown.events == [.orderUnknown])
        #expect(unknown.calls.map(\.name) == ["find"])
        let again = try stage.judge(
            Sample.answer(.find(stop.id), .notFound, trade, misses: 7)
        )
        #expect(again.calls.map(\.misses) == [8])
        #expect(try stage.trade(trade.id).state == .filled)
        let absent = try stage.judge(Sample.answer(.find(stop.id), .notFound, trade, misses: 60))
        #expect(absent.calls.map(\.operation) == [.place(stop.terms)])
    }

    @Test func `a stop lost while holding is replaced under a new id`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.holding)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        trade.replace(try Sample.order(.stop, trade, state: .cancelled))
        stage.put(trade)
        let lost = OrderNotice(order: try #require(trade.latest(.stop)), reason: "cancelled by hand")
        let decision = try stage.judge(Sample.message(.orderCancelled(lost), trade))
        let stop = try #require(try stage.trade(trade.id).latest(.stop))
        #expect(stop.id.attempt == 2)
        #expect(decision.calls.map(\.operation) == [.place(stop.terms)])
    }

    @Test func `a stop refused while holding means unprotected, and the position is to be sold`() throws {
        for answered in [true, false] {
            let stage = self.stage()
            var trade = try Sample.trade(.holding)
            trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
            trade.replace(try Sample.order(.stop, trade, state: .cancelled))
            let replacement = try Sample.order(.stop, trade, state: answered ? .intent : .rejected)
            trade.replace(replacement)
            stage.put(trade)
            let refusal =
                answered
                ? Sample.answer(.place(replacement.terms), .refused(code: "403", reason: "held"), trade)
                : Sample.message(.orderRejected(OrderNotice(order: replacement, reason: "halted")), trade)
            #expect(try stage.judge(refusal).events == [.positionUnprotected])
            #expect(try stage.trade(trade.id).state == .exitTriggered)
            #expect(try stage.trade(trade.id).exitReason == .unprotected)
        }
    }

    @Test func `a stop that is lost again and again means unprotected`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.holding)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        for attempt in 1...5 {
            let stop = try Sample.order(.stop, trade, state: .cancelled)
            trade.replace(stop)
            stage.put(trade)
            let lost = try stage.judge(Sample.message(.orderCancelled(OrderNotice(order: stop)), trade))
            #expect(lost.calls.map(\.name) == (attempt < 5 ? ["place"] : []))
            #expect(lost.events == (attempt < 5 ? [] : [.positionUnprotected]))
        }
    }

    @Test func `a replaced stop is announced once`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.holding)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let stop = try Sample.order(.stop, trade, state: .intent)
        trade.replace(stop)
        stage.put(trade)
        let accepted = Sample.answer(.place(stop.terms), .orders([Sample.report(stop.id, .accepted)]), trade)
        #expect(try stage.judge(accepted).events == [.stopSet])
        #expect(try stage.judge(accepted).events.isEmpty)
        #expect(try stage.trade(trade.id).state == .holding)
    }

    @Test func `a stop that fills before its placement is answered is set and hit in one commit`() throws {
        let stage = self.stage()
        var trade = try self.filled()
        trade.replace(try Sample.order(.stop, trade, state: .filled, filled: 50, price: "18.67"))
        stage.put(trade)
        let decision = try stage.judge(try self.fill(trade, .stop))
        #expect(decision.events == [.stopSet, .stopHit])
        #expect(stage.histories[Trade.key(trade.id)]?.map(\.to) == [.holding, .exitTriggered])
        #expect(try stage.trade(trade.id).exitReason == .stop)
    }

    @Test func `an exit signal waits for the stop, and is ignored when something else was faster`() throws {
        for state in [TradeState.filled, .holding, .exitTriggered] {
            let stage = self.stage()
            let trade = try Sample.trade(state)
            stage.put(trade)
            let signal = Sample.message(.exitSignal(ExitSignal(symbol: trade.symbol, reason: "time")), trade)
            switch state {
            case .filled: #expect(throws: NotYet.self) { try stage.judge(signal) }
            case .holding:
                let decision = try stage.judge(signal)
                #expect(decision.messages.map(\.event) == [.exitRequested])
                #expect(try stage.trade(trade.id).exitReason == .strategy)
            default: #expect(try stage.judge(signal).changes.isEmpty)
            }
        }
    }

    @Test func `the result is everything sold less everything bought, to the last decimal`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.closed)
        trade.exitReason = .target
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50, price: "19.6123"))
        trade.replace(try Sample.order(.stop, trade, state: .cancelled, filled: 20, price: "18.67"))
        trade.replace(try Sample.order(.exit, trade, state: .filled, filled: 30, price: "22.60"))
        stage.put(trade)
        let decision = try stage.judge(try self.fill(trade, .exit))
        #expect(decision.events == [.positionClosed])
        #expect(try stage.trade(trade.id).pnl == Money("70.785"))
    }
}
