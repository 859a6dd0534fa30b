import OrderExecutionAgent
import Testing
import TradingCore

@Suite struct OrderExecutionAgentTests {
    private func stage() -> JudgementStage {
        let stage = JudgementStage(OrderExecutionAgent(partialFillSeconds: 5, tickRule: .usStocks))
        stage.putCompared()
        stage.put(MarketClock.key, Sample.clock())
        return stage
    }

    private func approval() throws -> MessageBody {
        .tradeApproved(
            TradeApproval(
                symbol: try Sample.symbol(),
                quantity: Quantity(50),
                plan: try Sample.plan(),
                reservedCash: Money(983),
                expiresAt: Sample.now + .seconds(300)
            )
        )
    }

    @Test func `the intent is written down before the call, under an id made of the trade`() throws {
        let stage = self.stage()
        let trade = try Sample.trade(.entryApproved)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let decision = try stage.judge(Sample.message(try self.approval(), trade))
        let order = try #require(try stage.trade(trade.id).latest(.entry))
        #expect(order.state == .intent)
        #expect(order.id.description == "\(trade.id)-entry-1")
        #expect(decision.calls == [BrokerCall(.place(order.terms), lane: .entries)])
        #expect(decision.events.isEmpty)
        // The same approval once more sends nothing.
        #expect(try stage.judge(Sample.message(try self.approval(), trade)).calls.isEmpty)
    }

    @Test func `prices finer than a tick are never sent`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.entryApproved)
        let plan = EntryPlan(
            entryPrice: try #require(Price("19.6612")),
            stopPrice: try #require(Price("18.6781")),
            targetPrice: try #require(Price("22.6041")),
            session: .next
        )
        trade.plan = plan
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let approval = TradeApproval(
            symbol: trade.symbol,
            quantity: Quantity(50),
            plan: plan,
            reservedCash: Money(984),
            expiresAt: Sample.now + .seconds(300)
        )
        try stage.judge(Sample.message(.tradeApproved(approval), trade))
        #expect(try stage.trade(trade.id).latest(.entry)?.terms.limitPrice == Price("19.66"))

        var exiting = try Sample.trade(.exitTriggered)
        exiting.plan = plan
        exiting.exitReason = .target
        exiting.replace(try Sample.order(.entry, exiting, state: .filled, filled: 50))
        stage.put(exiting)
        try stage.judge(Sample.message(.exitRequested(ExitSignal(symbol: trade.symbol, reason: "")), exiting))
        let exit = try #require(try stage.trade(exiting.id).latest(.exit))
        #expect(exit.terms.limitPrice == Price("22.61"))
        try stage.judge(Sample.answer(.place(exit.terms), .refused(code: "403", reason: "halted"), exiting))
        try stage.judge(Sample.holds(50, of: exiting))
        #expect(try stage.trade(exiting.id).latest(.stop)?.terms.stopPrice == Price("18.67"))
    }

    @Test func `an approval for a trade that is not approved is an invalid transition`() throws {
        let stage = self.stage()
        let trade = try Sample.trade(.setupDetected)
        stage.put(trade)
        stage.put(Account.key, try Sample.account())
        #expect(throws: InvalidTransition.self) { try stage.judge(Sample.message(try self.approval(), trade)) }
    }

    @Test(arguments: ["stopped", "expired", "halted"])
    func `nothing is sent when entries are stopped or the approval has expired`(why: String) throws {
        let stage = self.stage()
        let trade = try Sample.trade(.entryApproved)
        stage.put(trade)
        var account = try Sample.account(reserving: trade)
        if why == "stopped" { account.entriesStopped = "drawdown" }
        if why == "halted" { stage.put(TradingHalt.key, TradingHalt(by: "ann", reason: "odd", since: Sample.now)) }
        stage.put(Account.key, account)
        var clock = Sample.clock()
        if why == "expired" { clock.lastBoundary = Sample.now + .seconds(301) }
        stage.put(MarketClock.key, clock)
        let decision = try stage.judge(Sample.message(try self.approval(), trade))
        #expect(decision.calls.isEmpty)
        #expect(decision.events == [.orderCancelled])
        #expect(try stage.trade(trade.id).state == .cancelled)
        #expect(try stage.account().openTrades.isEmpty)
        #expect(try stage.account().reservedCash == .zero)
    }

    @Test func `a refused, an unavailable and an unknown entry`() throws {
        for outcome in [
            BrokerAnswer.Outcome.refused(code: "403", reason: "no"), .unavailable(reason: "breaker"),
            .unknown(reason: "timeout"),
        ] {
            let stage = self.stage()
            var trade = try Sample.trade(.entryApproved)
            let order = try Sample.order(.entry, trade, state: .intent)
            trade.replace(order)
            stage.put(trade)
            stage.put(Account.key, try Sample.account(reserving: trade))
            let decision = try stage.judge(Sample.answer(.place(order.terms), outcome, trade))
            let after = try stage.trade(trade.id)
            switch outcome {
            case .refused:
                #expect(decision.events == [.orderRejected])
                #expect(after.state == .cancelled)
            case .unavailable:
                #expect(decision.events == [.orderCancelled])
                #expect(after.state == .cancelled)
            default:
                #expect(decision.events == [.orderUnknown])
                #expect(after.state == .entryApproved)
                #expect(after.latest(.entry)?.state == .unknown)
                #expect(decision.calls.map(\.name) == ["find"])
                // The symbol stays taken until the broker has been asked.
                #expect(try stage.account().openTrades[trade.id] == trade.symbol)
            }
        }
    }

    @Test func `an entry the broker never had is given up, once its absence is proved`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.entryApproved)
        let order = try Sample.order(.entry, trade, state: .unknown)
        trade.replace(order)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let early = try stage.judge(Sample.answer(.find(order.id), .notFound, trade, misses: 3))
        #expect(early.calls.map(\.misses) == [4])
        #expect(try stage.trade(trade.id).state == .entryApproved)
        let proved = try stage.judge(Sample.answer(.find(order.id), .notFound, trade, misses: 60))
        #expect(proved.calls.isEmpty)
        #expect(proved.events == [.orderCancelled])
        #expect(try stage.trade(trade.id).state == .cancelled)
    }

    @Test func `an exit the broker never had is placed again under the same id`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.exitTriggered)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        var exit = try Sample.order(.exit, trade, state: .unknown)
        exit.submittedAt = nil
        trade.replace(exit)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let decision = try stage.judge(Sample.answer(.find(exit.id), .notFound, trade, misses: 60))
        #expect(decision.calls.map(\.operation) == [.place(exit.terms)])
        #expect(try stage.trade(trade.id).orders.count == 2)
    }

    @Test func `a stop in the way of an exit that is not at the broker any more makes way`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.exitTriggered)
        trade.exitReason = .strategy
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        var stop = try Sample.order(.stop, trade, state: .accepted)
        stop.isRecalled = true
        trade.replace(stop)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let decision = try stage.judge(Sample.answer(.find(stop.id), .notFound, trade, misses: 60))
        #expect(decision.calls.map(\.name) == ["place"])
        #expect(try stage.trade(trade.id).latest(.exit)?.state == .intent)
    }

    @Test func `an order missing from a reconciliation is looked for`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.holding)
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let stop = try Sample.order(.stop, trade, state: .accepted)
        trade.replace(stop)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let asked = try stage.judge(.poll)
        #expect(asked.calls.map(\.operation) == [.reconcile([stop.id])])
        let missing = try stage.judge(Sample.answer(to: try #require(asked.messages.first), .orders([])))
        #expect(missing.calls.map(\.operation) == [.find(stop.id)])
        // Each question is a message of its own, and has a span of its own.
        let askedAgain = try stage.judge(.poll)
        let missingAgain = try stage.judge(Sample.answer(to: try #require(askedAgain.messages.first), .orders([])))
        #expect(missingAgain.calls.map(\.operation) == [.find(stop.id)])
        let questions = [asked, missing, askedAgain, missingAgain].flatMap(\.messages)
        #expect(Set(questions.map(\.id)).count == 4)
        // Proved absent, the lost stop is announced, so that PositionManagement replaces it: if the shares are there.
        let lost = try stage.judge(Sample.answer(.find(stop.id), .notFound, trade, misses: 60))
        #expect(lost.events.isEmpty)
        #expect(lost.calls.map(\.name) == ["holdings"])
        #expect(try stage.judge(Sample.holds(50, of: trade)).events == [.orderCancelled])
    }

    @Test func `open orders are asked about one question at a time`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.orderPlaced)
        let entry = try Sample.order(.entry, trade, state: .accepted)
        trade.replace(entry)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let ring = Sample.message(.ordersMoved(OrdersMoved(ring: "1")), trade)
        #expect(try stage.judge(ring).calls.map(\.name) == ["reconcile"])
        for input in [ring, ring, .poll] { #expect(try stage.judge(input).calls.isEmpty) }
        // What went wrong is asked again; what was wanted meanwhile is asked when there is an answer.
        let failed = Sample.answer(.reconcile([entry.id]), .unavailable(reason: "breaker"), trade)
        #expect(try stage.judge(failed).calls.map(\.attempt) == [2])
        let answer = Sample.answer(.reconcile([entry.id]), .orders([Sample.report(entry.id, .accepted)]), trade)
        #expect(try stage.judge(answer).calls.map(\.name) == ["reconcile"])
        #expect(try stage.judge(answer).calls.isEmpty)
        #expect(try stage.judge(.poll).calls.map(\.name) == ["reconcile"])
        // An answer that never comes does not end the asking.
        var asked = 0
        for _ in 0..<9 { asked += try stage.judge(.poll).calls.count }
        #expect(asked == 1)
    }

    @Test func `an order of unknown outcome is asked about, and no second search begins when it is not found`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.entryApproved)
        let entry = try Sample.order(.entry, trade, state: .unknown)
        trade.replace(entry)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        #expect(try stage.judge(.poll).calls.map(\.operation) == [.reconcile([entry.id])])
        #expect(try stage.judge(Sample.answer(.reconcile([entry.id]), .orders([]), trade)).calls.isEmpty)
        // Seen by a poll, it is booked without waiting for the search.
        try stage.judge(.poll)
        let filled = Sample.report(entry.id, .filled, filled: 50, price: "19.66")
        let told = try stage.judge(Sample.answer(.reconcile([entry.id]), .orders([filled]), trade))
        #expect(told.events == [.orderSubmitted, .orderFilled])
        // The search ends with that.
        #expect(try stage.judge(Sample.answer(.find(entry.id), .notFound, trade, misses: 3)).calls.isEmpty)
    }

    @Test func `of two orders told of, one that cannot be booked does not hide the other`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.orderPlaced)
        let entry = try Sample.order(.entry, trade, state: .accepted)
        trade.replace(entry)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        try stage.judge(.poll)
        let priceless = Sample.report(entry.id, .filled, filled: 50)
        let filled = Sample.report(entry.id, .filled, filled: 50, price: "19.66")
        let told = try stage.judge(Sample.answer(.reconcile([entry.id]), .orders([priceless, filled]), trade))
        #expect(told.events == [.orderFilled])
        #expect(told.notes.map(\.level) == [.error])
    }

    @Test func `only a poll takes back a target sale that rests`() throws {
        for input in [Input.poll, .started] {
            let stage = self.stage()
            var trade = try Sample.trade(.orderClosing)
            trade.exitReason = .target
            trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
            let terms = OrderTerms(
                clientOrderID: trade.nextID(.exit),
                symbol: trade.symbol,
                side: .sell,
                type: .limit,
                quantity: Quantity(50),
                limitPrice: Price(22),
                timeInForce: .day
            )
            trade.replace(Order(terms: terms, intendedAt: Sample.now, state: .accepted))
            stage.put(trade)
            var account = try Sample.account()
            account.openTrades = [trade.id: trade.symbol]
            stage.put(Account.key, account)
            try stage.judge(input)
            let id = terms.clientOrderID
            let rests = Sample.answer(.reconcile([id]), .orders([Sample.report(id, .accepted)]), trade)
            #expect(try stage.judge(rests).calls.map(\.operation) == (input == .poll ? [.cancel(id)] : []))
        }
    }

    @Test func `a fill that overtakes the answer counts once`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.entryApproved)
        let order = try Sample.order(.entry, trade, state: .intent)
        trade.replace(order)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let fill = Sample.report(order.id, .filled, filled: 50, price: "19.60")
        let first = try stage.judge(.feed(.order(fill)))
        #expect(first.events == [.orderSubmitted, .orderFilled])
        #expect(try stage.trade(trade.id).state == .filled)
        for late in [fill, Sample.report(order.id, .accepted), Sample.report(order.id, .submitted)] {
            #expect(try stage.judge(.feed(.order(late))).messages.isEmpty)
        }
        #expect(try stage.judge(Sample.answer(.place(order.terms), .orders([fill]), trade)).messages.isEmpty)
        let account = try stage.account()
        #expect(account.cash == Money(9020))
        #expect(account.positions == [trade.symbol: Quantity(50)])
        #expect(account.reservedCash == .zero)
    }

    @Test func `a partly filled entry is time-boxed, and its part becomes the position`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.orderPlaced)
        let order = try Sample.order(.entry, trade, state: .accepted)
        trade.replace(order)
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        let partial = try stage.judge(
            .feed(.order(Sample.report(order.id, .partiallyFilled, filled: 20, price: "19.66")))
        )
        #expect(partial.events == [.orderPartiallyFilled])
        #expect(partial.calls.map(\.operation) == [.cancel(order.id)])
        #expect(partial.calls.map(\.delaySeconds) == [5])
        let ended = try stage.judge(
            .feed(.order(Sample.report(order.id, .cancelled, filled: 20, price: "19.66")))
        )
        #expect(ended.events == [.orderFilled])
        #expect(try stage.trade(trade.id).state == .filled)
        #expect(try stage.trade(trade.id).heldQuantity == Quantity(20))
        #expect(try stage.account().reservedCash == .zero)
    }

    @Test func `an exit cancels the stop, waits, sells, and puts the stop back when the sale fails`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.exitTriggered)
        trade.exitReason = .strategy
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let stop = try Sample.order(.stop, trade, state: .accepted)
        trade.replace(stop)
        stage.put(trade)
        var account = try Sample.account(reserving: trade)
        account.positions = [trade.symbol: Quantity(50)]
        stage.put(Account.key, account)
        let begun = try stage.judge(
            Sample.message(.exitRequested(ExitSignal(symbol: trade.symbol, reason: "40 sessions")), trade)
        )
        #expect(begun.calls.map(\.operation) == [.cancel(stop.id)])
        #expect(try stage.trade(trade.id).latest(.exit) == nil, "nothing may be sold while the stop rests")

        let gone = try stage.judge(
            Sample.answer(.cancel(stop.id), .orders([Sample.report(stop.id, .cancelled)]), trade)
        )
        let exit = try #require(try stage.trade(trade.id).latest(.exit))
        #expect(gone.calls.map(\.operation) == [.place(exit.terms)])
        #expect(exit.terms.type == .market)
        #expect(exit.terms.quantity == Quantity(50))

        let refused = try stage.judge(
            Sample.answer(.place(exit.terms), .refused(code: "403", reason: "insufficient qty"), trade)
        )
        #expect(refused.calls.map(\.operation) == [.holdings(since: nil)], "are the shares still there?")
        #expect(refused.calls.map(\.lane) == [.account])
        let held = try stage.judge(Sample.holds(50, of: trade))
        let restored = try #require(try stage.trade(trade.id).latest(.stop))
        #expect(restored.id.attempt == 2)
        #expect(held.calls.map(\.operation) == [.place(restored.terms)])
        #expect(try stage.trade(trade.id).state == .exitTriggered)
    }

    @Test func `a target is sold with a limit at the target`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.exitTriggered)
        trade.exitReason = .target
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        trade.replace(try Sample.order(.stop, trade, state: .cancelled))
        stage.put(trade)
        stage.put(Account.key, try Sample.account(reserving: trade))
        stage.put(MarketClock.key, Sample.clock(isOpen: true))
        let notice = PositionNotice(
            symbol: trade.symbol,
            quantity: Quantity(50),
            entryPrice: Price(19),
            stopPrice: Price(18),
            targetPrice: Price(22)
        )
        try stage.judge(Sample.message(.targetHit(notice), trade))
        let exit = try #require(try stage.trade(trade.id).latest(.exit))
        #expect(exit.terms.type == .limit)
        #expect(exit.terms.limitPrice == Price("22.6"))
    }

    @Test func `a target hit in a closed market waits behind its stop and exits at the open`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.exitTriggered)
        trade.exitReason = .target
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let stop = try Sample.order(.stop, trade, state: .accepted)
        trade.replace(stop)
        stage.put(trade)
        var account = try Sample.account()
        account.openTrades = [trade.id: trade.symbol]
        stage.put(Account.key, account)
        var clock = MarketClock(since: Sample.now)
        clock.isOpen = false
        stage.put(MarketClock.key, clock)
        let notice = PositionNotice(
            symbol: trade.symbol,
            quantity: Quantity(50),
            entryPrice: Price(19),
            stopPrice: Price(18),
            targetPrice: Price(22)
        )
        #expect(try stage.judge(Sample.message(.targetHit(notice), trade)).calls.isEmpty)
        let open = MarketStatus(
            isOpen: true,
            isTransition: true,
            sessionDate: NewYorkTime.date(of: Sample.now),
            nextOpen: nil,
            nextClose: nil
        )
        let opened = try stage.judge(.message(Speaker(.marketData).say(.marketStatus(open), at: Sample.now, about: "")))
        #expect(opened.calls.map(\.operation) == [.cancel(stop.id)])
    }

    @Test func `a stop that fills while the exit begins closes the trade once`() throws {
        let stage = self.stage()
        var trade = try Sample.trade(.exitTriggered)
        trade.exitReason = .strategy
        trade.replace(try Sample.order(.entry, trade, state: .filled, filled: 50))
        let stop = try Sample.order(.stop, trade, state: .accepted)
        trade.replace(stop)
        stage.put(trade)
        var account = try Sample.account(reserving: trade, cash: 9017)
        account.positions = [trade.symbol: Quantity(50)]
        account.releaseReservation(of: trade.id)
        stage.put(Account.key, account)
        let filled = Sample.report(stop.id, .filled, filled: 50, price: "18.67")
        let decision = try stage.judge(Sample.answer(.cancel(stop.id), .orders([filled]), trade))
        #expect(decision.events == [.orderSubmitted, .orderFilled])
        #expect(decision.calls.isEmpty)
        let after = try stage.trade(trade.id)
        #expect(after.state == .closed)
        #expect(after.exitReason == .stop)
        #expect(try stage.account().positions.isEmpty)
        #expect(try stage.account().cash == Money("9950.5"))
    }
}
