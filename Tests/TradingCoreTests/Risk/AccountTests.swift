import Testing
import TradingCore

@Suite struct AccountTests {
    private let symbol = MessageTests.symbol
    private let trade = MessageTests.trade

    @Test func `an entry's reservation shrinks at its limit and the cash at its price`() throws {
        var account = Account(cash: Money(10_000))
        account.reserve(Money(1000), for: self.trade, symbol: self.symbol)
        #expect(account.reservedCash == Money(1000))
        #expect(account.openTrades == [self.trade: self.symbol])
        try account.book(
            .buy,
            Quantity(4),
            value: Money(396),
            symbol: self.symbol,
            trade: self.trade,
            reservedPrice: Price(100)
        )
        #expect(account.cash == Money(9604))
        #expect(account.reservedCash == Money(600))
        #expect(account.positions == [self.symbol: Quantity(4)])
        try account.book(
            .buy,
            Quantity(6),
            value: Money(600),
            symbol: self.symbol,
            trade: self.trade,
            reservedPrice: Price(100)
        )
        #expect(account.reservations.isEmpty)
        try account.book(
            .sell,
            Quantity(10),
            value: Money(1100),
            symbol: self.symbol,
            trade: self.trade,
            reservedPrice: nil
        )
        #expect(account.cash == Money(10_104))
        #expect(account.positions.isEmpty)
        #expect(account.openTrades == [self.trade: self.symbol])
        account.release(self.trade)
        #expect(account.openTrades.isEmpty)
    }

    @Test func `a release frees only what belongs to the trade`() throws {
        var account = Account(cash: Money(10_000))
        let later = try #require(TradeID("AAPL-20251029T143000Z"))
        account.reserve(Money(100), for: self.trade, symbol: self.symbol)
        account.reserve(Money(200), for: later, symbol: self.symbol)
        account.release(self.trade)
        #expect(account.openTrades == [later: self.symbol])
        #expect(account.reservations == [later: Money(200)])
        account.releaseReservation(of: later)
        #expect(account.openTrades == [later: self.symbol])
        #expect(account.reservations.isEmpty)
    }

    @Test func `an impossible booking leaves the account as it was`() {
        var account = Account(cash: Money(90_000_000_000))
        account.reserve(Money(1000), for: self.trade, symbol: self.symbol)
        let before = account
        #expect(throws: ArithmeticOverflow.self) {
            try account.book(
                .sell,
                Quantity(1),
                value: Money(9_000_000_000),
                symbol: self.symbol,
                trade: self.trade,
                reservedPrice: nil
            )
        }
        #expect(throws: ArithmeticOverflow.self) {
            try account.book(
                .buy,
                Quantity(10),
                value: Money(1),
                symbol: self.symbol,
                trade: self.trade,
                reservedPrice: Price(10_000_000_000)
            )
        }
        #expect(account == before)
    }

    @Test func `reads back as it was written`() throws {
        var account = Account(cash: Money(raw: 123_456_789_012))
        #expect(try Account(json: try JSONValue(parsing: JSONWriter.bytes(account))) == account)
        for ticker in ["MSFT", "AAPL", "BRK.B"] {
            let symbol = try #require(Symbol(ticker))
            let trade = TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 1_761_661_800))
            account.reserve(Money(raw: 1), for: trade, symbol: symbol)
            account.positions[symbol] = Quantity(raw: -5)
        }
        account.record(equity: Money(2000))
        account.record(equity: Money(-1))
        account.entriesStopped = "drawdown"
        let bytes = JSONWriter.bytes(account)
        #expect(try Account(json: try JSONValue(parsing: bytes)) == account)
        // Dictionaries have no order; the text has.
        #expect(JSONWriter.bytes(try Account(json: try JSONValue(parsing: bytes))) == bytes)
    }
}
