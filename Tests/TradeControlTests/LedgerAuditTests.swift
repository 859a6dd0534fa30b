import MessageBus
import Testing
import TradeControl
import TradingCore

@Suite("Auditing the ledger")
struct LedgerAuditTests {
    @Test("A run in order has no discrepancy, also after a round through the bus")
    func soundBooks() throws {
        let fixture = try LedgerFixture()
        #expect(fixture.discrepancies == [])
        let bus = InMemoryMessageBus(store: InMemoryMessageStore())
        try fixture.store(in: bus)
        let read = try Ledger(reading: bus)
        #expect(Set(read.records) == Set(fixture.records))
        #expect(read.account == fixture.account)
        #expect(read.publishedMessages == 3)
        #expect(read.deadLetters == 1)
        #expect(
            LedgerAudit.discrepancies(in: read, broker: fixture.broker, startingCash: LedgerFixture.startingCash) == []
        )
    }

    @Test("A record that cannot be decoded is named")
    func undecodableRecord() throws {
        let bus = InMemoryMessageBus(store: InMemoryMessageStore())
        var commit = Commit()
        commit.puts = [(key: DocumentKey(rawValue: "trade:MSFT-1"), body: Array("{\"trade_id\":7}".utf8))]
        commit.additions = [(set: "trades", member: "MSFT-1")]
        #expect(try bus.commit(commit) == .committed)
        let failure = #expect(throws: CommandFailure.self) { try Ledger(reading: bus) }
        #expect(failure?.description.contains("MSFT-1") == true)
    }

    @Test("A P&L that is not what the fills add up to")
    func wrongProfit() throws {
        var fixture = try LedgerFixture()
        fixture.records[0].trade.pnl = try LedgerFixture.money("-49.49")
        #expect(
            fixture.discrepancies == ["trade MSFT-20090206T210000Z, P&L: expected -49.5, found -49.49"]
        )
    }

    @Test("A fill the account has not booked shows in cash and shares of both books")
    func unbookedFill() throws {
        var fixture = try LedgerFixture()
        fixture.records[1].trade.orders[0].filledQuantity = Quantity(9)
        fixture.records[1].trade.orders[0].filledValue = try LedgerFixture.money("826.875")
        let found = fixture.discrepancies
        #expect(found.contains("the broker's cash: expected 9123.625, found 9031.75"))
        #expect(found.contains("the ledger's cash: expected 9123.625, found 9031.75"))
        #expect(found.contains("the broker's shares of IBM: expected 9, found 10"))
        #expect(found.contains("the ledger's shares of IBM: expected 9, found 10"))
    }

    @Test("Equity, its peak and the drawdown are the broker's to the last digit")
    func wrongEquity() throws {
        var fixture = try LedgerFixture()
        fixture.account.equity = try LedgerFixture.money("9961.76")
        fixture.account.highWaterMark = Money(10_001)
        fixture.account.maximumDrawdown = .zero
        #expect(
            fixture.discrepancies == [
                "the ledger's equity: expected 9961.75, found 9961.76",
                "the ledger's highest equity: expected 10000, found 10001",
                "the ledger's largest drawdown: expected 0.005, found 0",
            ]
        )
    }

    @Test("A history with a step left out, or one the table does not have")
    func illegalHistory() throws {
        var fixture = try LedgerFixture()
        fixture.records[0].history.remove(at: 3)
        fixture.records[3].history[1].trigger = .orderFilled
        let found = fixture.discrepancies
        #expect(
            found.contains("trade MSFT-20090206T210000Z, history, step 4: expected from ORDER_PLACED, found FILLED")
        )
        #expect(found.contains { $0.hasPrefix("trade GOOG-20090206T210000Z, history, step 2: expected a step of") })
        #expect(found.count == 2)
    }

    @Test("A history that ends elsewhere than the record, and a record stored under another state")
    func wrongEnd() throws {
        var fixture = try LedgerFixture()
        fixture.records[1].history.removeLast()
        fixture.records[2].storedState = "ORDER_PLACED"
        #expect(
            fixture.discrepancies == [
                "trade IBM-20090206T210000Z, history, end: expected HOLDING, found FILLED",
                "trade AAPL-20090206T210000Z, stored state: expected CANCELLED, found ORDER_PLACED",
            ]
        )
    }

    @Test("Shares held without a stop")
    func unprotectedShares() throws {
        var fixture = try LedgerFixture()
        fixture.records[1].trade.orders[1].step(on: .cancelled)
        #expect(
            fixture.discrepancies == [
                "trade IBM-20090206T210000Z, HOLDING, shares under a stop or a sale: expected 10, found 0"
            ]
        )
    }

    @Test("A sale waiting for the open stands in for the stop it has replaced")
    func saleUnderWay() throws {
        var fixture = try LedgerFixture()
        fixture.records[1].trade.orders[1].step(on: .cancelled)
        try fixture.records[1].step(to: .exitTriggered, on: .exitSignal, at: "2009-02-12T21:00:00Z")
        try fixture.records[1].rest(.exit)
        try fixture.records[1].step(to: .orderClosing, on: .orderSubmitted, at: "2009-02-12T21:00:00Z")
        #expect(fixture.discrepancies == [])
    }

    @Test("An order that outlives its trade, and one of which nobody knows what became of it")
    func strayOrders() throws {
        var fixture = try LedgerFixture()
        for (record, state) in [(2, OrderState.accepted), (1, .unknown)] {
            let told = fixture.records[record].trade.orders[0]
            var order = Order(terms: told.terms, intendedAt: told.intendedAt, state: state)
            order.filledQuantity = told.filledQuantity
            order.filledValue = told.filledValue
            fixture.records[record].trade.orders[0] = order
        }
        #expect(
            fixture.discrepancies == [
                "trade IBM-20090206T210000Z, order IBM-20090206T210000Z-entry-1: expected a known outcome, found unknown",
                "trade AAPL-20090206T210000Z, CANCELLED, order AAPL-20090206T210000Z-entry-1: "
                    + "expected an order that has ended, found accepted",
            ]
        )
    }

    @Test("Open trades that the account does not know, and ones it should have let go")
    func openTrades() throws {
        var fixture = try LedgerFixture()
        let closed = fixture.records[0].trade
        fixture.account.openTrades = [closed.id: closed.symbol]
        #expect(
            fixture.discrepancies == [
                "the ledger's open trade in IBM: expected IBM-20090206T210000Z, found none",
                "the ledger's open trade in MSFT: expected a trade that is open, found MSFT-20090206T210000Z",
            ]
        )
    }

    @Test("A ledger without an account")
    func missingAccount() throws {
        let fixture = try LedgerFixture()
        var ledger = fixture.ledger
        ledger.account = nil
        let found = LedgerAudit.discrepancies(
            in: ledger,
            broker: fixture.broker,
            startingCash: LedgerFixture.startingCash
        )
        #expect(found.map(\.description) == ["the ledger's account: expected a record, found none"])
    }
}
