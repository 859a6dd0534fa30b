import Brokerage
import Testing
import TradingCore

/// What the desk makes of a broker that answers, refuses, fails or says nothing.
@Suite struct BrokerDeskTests {
    @Test func `an order is placed once and its report handed back`() throws {
        let stage = try Stage()
        let answer = stage.perform(.place(stage.terms))
        #expect(answer.outcome == .orders([stage.report(.accepted)]))
        #expect(stage.broker.placed == 1)
    }

    @Test func `a redelivered order is looked up before it is sent`() throws {
        let stage = try Stage()
        stage.broker.known = stage.report(.accepted)
        #expect(stage.perform(.place(stage.terms), mayHaveBeenMade: true).outcome == .orders([stage.report(.accepted)]))
        #expect(stage.broker.placed == 0)
    }

    @Test(arguments: [OrderState.accepted, .filled, .cancelled, .rejected])
    func `an order that the ledger has past its sending, or does not have, is not sent`(state: OrderState) throws {
        let stage = try Stage()
        stage.ledger[0].state = state
        stage.ledger[0].brokerOrderID = "broker-1"
        for isRepeated in [false, true] {
            guard case .refused("void", _) = stage.perform(.place(stage.terms), mayHaveBeenMade: isRepeated).outcome
            else {
                Issue.record("an order that is \(state) was sent")
                continue
            }
        }
        stage.ledger[0].brokerOrderID = nil
        guard case .refused("void", _) = stage.perform(.place(stage.terms)).outcome else {
            Issue.record("an order that is \(state) was sent, or is said to have been")
            return
        }
        // Nobody has heard of it from the broker: whoever had the call before may have sent it all the same.
        guard case .unknown = stage.perform(.place(stage.terms), mayHaveBeenMade: true).outcome else {
            Issue.record("an order that is \(state) is said not to have been sent")
            return
        }
        stage.ledger = []
        guard case .refused("void", _) = stage.perform(.place(stage.terms)).outcome else {
            Issue.record("an order that is not in the ledger was sent")
            return
        }
        #expect(stage.broker.placed == 0)
    }

    @Test func `an order that call and ledger do not agree about is not sent`() throws {
        let changes: [(inout OrderTerms) -> Void] = [
            { $0.quantity = Quantity(6) }, { $0.side = .sell }, { $0.symbol = Symbol("MSFT") ?? $0.symbol },
            { $0.type = .market }, { $0.limitPrice = Price(11) }, { $0.stopPrice = Price(9) },
            { $0.timeInForce = .goodTillCancelled }, { $0.trail = .amount(Price(1)) },
            { $0.orderClass = .oneTriggersOther(stopLoss: OrderClass.StopLoss(stopPrice: Price(9))) },
        ]
        for change in changes {
            let stage = try Stage()
            change(&stage.ledger[0].terms)
            let told = stage.ledger[0].terms.summary
            for isRepeated in [false, true] {
                guard
                    case .refused("void", let reason) = stage.perform(
                        .place(stage.terms),
                        mayHaveBeenMade: isRepeated
                    ).outcome
                else {
                    Issue.record("\(told) was sent")
                    continue
                }
                #expect(reason.contains(told) && reason.contains(stage.terms.summary) && told != stage.terms.summary)
            }
            #expect(stage.broker.placed == 0)
            // One that was sent before is no less at the broker for it.
            stage.broker.known = stage.report(.accepted)
            let answer = stage.perform(.place(stage.terms), mayHaveBeenMade: true)
            #expect(answer.outcome == .orders([stage.report(.accepted)]))
            #expect(stage.changes.isEmpty)
        }
    }

    @Test func `a redelivered order that cannot be looked up stays unknown and is not sent`() throws {
        let stage = try Stage()
        stage.broker.failure = BrokerError(.notExecuted, "not reached")
        let answer = stage.perform(.place(stage.terms), mayHaveBeenMade: true)
        #expect(answer.outcome == .unknown(reason: "not reached"))
        #expect(stage.broker.placed == 0)
    }

    @Test func `where repeated orders are not recognised, one that may have been sent is not sent again`() throws {
        let stage = try Stage()
        stage.broker.recognisesRepeatedOrders = false
        guard case .unknown = stage.perform(.place(stage.terms), mayHaveBeenMade: true).outcome else {
            Issue.record("an order that may have been sent was sent again")
            return
        }
        #expect(stage.broker.placed == 0)
        // Nor is a refusal to look it up one of the order.
        stage.broker.failure = BrokerError(.refused(code: "ambiguous"), "two of them")
        guard case .unknown = stage.perform(.place(stage.terms), mayHaveBeenMade: true).outcome else {
            Issue.record("an order was taken for refused because it could not be told from another")
            return
        }
    }

    @Test func `an expired login opens the breaker at once`() throws {
        let stage = try Stage()
        stage.broker.failure = BrokerError(.loginExpired, "log in again")
        #expect(stage.perform(.place(stage.terms)).outcome == .unavailable(reason: "log in again"))
        #expect(stage.changes.map(\.to) == [.open])
        #expect(stage.broker.placed == 1)
    }

    @Test func `a first order that certainly was not sent is unavailable`() throws {
        let stage = try Stage()
        stage.broker.failure = BrokerError(.notExecuted, "not reached")
        #expect(stage.perform(.place(stage.terms)).outcome == .unavailable(reason: "not reached"))
    }

    @Test func `a refusal is an answer and leaves the breaker closed`() throws {
        let stage = try Stage()
        stage.broker.failure = BrokerError(.refused(code: "40310000"), "insufficient buying power")
        for _ in 0..<10 {
            #expect(
                stage.perform(.place(stage.terms)).outcome
                    == .refused(code: "40310000", reason: "insufficient buying power")
            )
        }
        #expect(stage.changes.isEmpty)
        #expect(stage.broker.placed == 10)
    }

    @Test func `three failures open the breaker, a probe after 60 s closes it`() throws {
        let stage = try Stage()
        stage.broker.failure = BrokerError(.unknownOutcome, "timed out")
        for _ in 0..<3 { #expect(stage.perform(.place(stage.terms)).outcome == .unknown(reason: "timed out")) }
        #expect(stage.changes.map(\.to) == [.open])
        stage.broker.failure = nil
        guard case .unavailable = stage.perform(.place(stage.terms)).outcome else {
            Issue.record("an open breaker let a call through")
            return
        }
        #expect(stage.broker.placed == 3)
        stage.time += .seconds(60)
        #expect(stage.perform(.place(stage.terms)).outcome == .orders([stage.report(.accepted)]))
        #expect(stage.changes.last?.to == .closed)
    }

    @Test func `one absence proves nothing, sixty-one do, and a failed look is none`() throws {
        let stage = try Stage()
        var call = BrokerCall(.find(stage.terms.clientOrderID), lane: .protective)
        for _ in 0..<60 {
            let answer = stage.perform(call)
            #expect(answer.outcome == .notFound)
            #expect(!answer.provesAbsence)
            call = call.again(afterMiss: true)
            stage.broker.failure = BrokerError(.notExecuted, "not reached")
            let failed = stage.perform(call)
            #expect(!failed.provesAbsence)
            call = call.again(afterMiss: failed.outcome == .notFound)
            stage.broker.failure = nil
        }
        #expect(stage.perform(call).provesAbsence)
    }

    @Test func `one order that cannot be told of does not hide the others`() throws {
        let stage = try Stage()
        let other = ClientOrderID(trade: stage.terms.clientOrderID.trade, role: .stop, attempt: 1)
        var terms = stage.terms
        terms.clientOrderID = other
        stage.ledger.append(OrderReference(terms: terms, state: .accepted, intendedAt: Timestamp(seconds: 0)))
        stage.broker.known = stage.report(.accepted)
        for kind in [BrokerError.Kind.refused(code: "replaced"), .unreadable] {
            stage.broker.failures = [other: BrokerError(kind, "not this one")]
            for _ in 0..<4 {
                let answer = stage.perform(.reconcile([other, stage.terms.clientOrderID]))
                guard case .orders(let reports) = answer.outcome else {
                    Issue.record("the other order was not told of")
                    return
                }
                #expect(reports.map(\.event) == [.outcomeUnknown, .accepted])
                #expect(reports.last == stage.report(.accepted))
            }
        }
        #expect(stage.changes.isEmpty, "the broker answers, so no breaker opens")
    }

    @Test func `what was told before the broker stopped answering is good, the rest is asked for`() throws {
        let stage = try Stage()
        let lost = ClientOrderID(trade: stage.terms.clientOrderID.trade, role: .stop, attempt: 1)
        var terms = stage.terms
        terms.clientOrderID = lost
        stage.ledger.append(OrderReference(terms: terms, state: .accepted, intendedAt: Timestamp(seconds: 0)))
        stage.broker.known = stage.report(.accepted)
        stage.broker.failures = [lost: BrokerError(.unknownOutcome, "connection reset")]
        let answer = stage.perform(.reconcile([stage.terms.clientOrderID, lost]))
        #expect(answer.outcome == .orders([stage.report(.accepted)]))
        guard case .unknown = stage.perform(.reconcile([lost, stage.terms.clientOrderID])).outcome else {
            Issue.record("nothing was told, so everything has to be asked for again")
            return
        }
    }

    @Test func `a broker that stops answering in a reconciliation counts once against it`() throws {
        let stage = try Stage()
        let lost = ClientOrderID(trade: stage.terms.clientOrderID.trade, role: .stop, attempt: 1)
        var terms = stage.terms
        terms.clientOrderID = lost
        stage.ledger.append(OrderReference(terms: terms, state: .accepted, intendedAt: Timestamp(seconds: 0)))
        stage.broker.known = stage.report(.accepted)
        stage.broker.failures = [lost: BrokerError(.unknownOutcome, "connection reset")]
        let both = [stage.terms.clientOrderID, lost]
        for _ in 0..<2 { _ = stage.perform(.reconcile(both)) }
        #expect(stage.changes.isEmpty)
        _ = stage.perform(.reconcile(both))
        #expect(stage.changes.map(\.to) == [.open])
    }

    @Test func `a cancel is watched at once, then ever more rarely`() throws {
        let stage = try Stage()
        stage.broker.known = stage.report(.accepted)
        stage.broker.looksUntilCancelled = 1
        _ = stage.perform(.cancel(stage.terms.clientOrderID))
        #expect(stage.time == .zero, "what is cancelled at once is seen at once")
        stage.broker.looksUntilCancelled = 3
        stage.broker.cancelRequests = 0
        _ = stage.perform(.cancel(stage.terms.clientOrderID))
        #expect(stage.time == .milliseconds(300))
    }

    @Test func `a cancel waits for the terminal state`() throws {
        let stage = try Stage()
        stage.broker.known = stage.report(.accepted)
        stage.broker.looksUntilCancelled = 3
        #expect(
            stage.perform(.cancel(stage.terms.clientOrderID)).outcome == .orders([stage.report(.cancelled)])
        )
        #expect(stage.broker.cancelRequests == 1)
    }

    @Test func `a cancel that never ends is unknown, not done`() throws {
        let stage = try Stage()
        stage.broker.known = stage.report(.accepted)
        stage.broker.looksUntilCancelled = .max
        guard case .unknown = stage.perform(.cancel(stage.terms.clientOrderID)).outcome else {
            Issue.record("a live order counted as cancelled")
            return
        }
    }
}

private final class Stage {
    let broker: ScriptedBroker
    let terms: OrderTerms
    var ledger: [OrderReference]
    var time = Duration.zero
    var changes: [(from: BreakerState, to: BreakerState)] = []
    private lazy var desk = BrokerDesk(
        broker: self.broker,
        now: { self.time },
        pause: {
            self.time += $0
            return true
        },
        breakerChanged: { from, to, _, _ in self.changes.append((from, to)) }
    )

    init() throws {
        let symbol = try #require(Symbol("AAPL"))
        let trade = TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 0))
        self.terms = OrderTerms(
            clientOrderID: ClientOrderID(trade: trade, role: .entry, attempt: 1),
            symbol: symbol,
            side: .buy,
            type: .limit,
            quantity: Quantity(5),
            limitPrice: Price(10),
            timeInForce: .day
        )
        self.ledger = [OrderReference(terms: self.terms, intendedAt: Timestamp(seconds: 0))]
        self.broker = ScriptedBroker()
        self.broker.accepted = self.report(.accepted)
        self.broker.cancelled = self.report(.cancelled)
    }

    func report(_ event: OrderEvent) -> OrderReport {
        OrderReport(
            clientOrderID: self.terms.clientOrderID,
            brokerOrderID: "b1",
            event: event,
            filledQuantity: .zero,
            averagePrice: nil,
            submittedAt: Timestamp(seconds: 1),
            timestamp: Timestamp(seconds: 1)
        )
    }

    func perform(_ operation: BrokerCall.Operation, mayHaveBeenMade: Bool = false) -> BrokerAnswer {
        self.desk.perform(
            BrokerCall(operation, lane: .entries),
            orders: self.ledger,
            mayHaveBeenMade: mayHaveBeenMade
        )
    }

    func perform(_ call: BrokerCall) -> BrokerAnswer {
        self.desk.perform(call, orders: self.ledger, mayHaveBeenMade: false)
    }
}

private final class ScriptedBroker: Broker {
    var accepted: OrderReport?
    var cancelled: OrderReport?
    var known: OrderReport?
    var failure: BrokerError?
    var failures: [ClientOrderID: BrokerError] = [:]
    var placed = 0
    var cancelRequests = 0
    var looksUntilCancelled = Int.max
    var recognisesRepeatedOrders = true

    func place(_ order: OrderReference) throws(BrokerError) -> OrderReport {
        self.placed += 1
        if let failure { throw failure }
        guard let accepted else { throw BrokerError(.unknownOutcome, "nothing scripted") }
        return accepted
    }

    func requestCancel(brokerOrderID: String) throws(BrokerError) { self.cancelRequests += 1 }

    func order(_ order: OrderReference) throws(BrokerError) -> OrderReport? {
        if let failure = self.failure ?? self.failures[order.id] { throw failure }
        if self.cancelRequests > 0 {
            self.looksUntilCancelled -= 1
            if self.looksUntilCancelled <= 0 { return self.cancelled }
        }
        return self.known
    }

    func replace(_ order: OrderReference, with replacement: OrderTerms) throws(BrokerError) -> OrderReport {
        throw BrokerError(.unknownOutcome, "nothing scripted")
    }

    func openOrders() throws(BrokerError) -> [BrokerOrder] { [] }
    func positions() throws(BrokerError) -> [BrokerPosition] { [] }
    func executions(since: Timestamp) throws(BrokerError) -> [BrokerExecution] { [] }
    func account() throws(BrokerError) -> BrokerAccount { BrokerAccount(cash: .zero, equity: .zero) }

    func checkAccount() throws(BrokerError) -> BrokerAccountCheck {
        BrokerAccountCheck(broker: "scripted", accountNumber: "1", environment: .simulator, mayOpenPositions: true)
    }

    func clock() throws(BrokerError) -> Timestamp { Timestamp(seconds: 0) }
    func calendar(from start: CalendarDate, to end: CalendarDate) throws(BrokerError) -> [TradingSession] { [] }
    func bars(_ request: BarsRequest) throws(BrokerError) -> [Bar] { [] }
    func latestQuotes(_ symbols: [Symbol]) throws(BrokerError) -> [Quote] { [] }
}
