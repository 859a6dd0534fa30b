import Testing
import TradingCore

@Suite struct TickRuleTests {
    @Test(arguments: [
        // Price, as a buyer's limit or a seller's stop, as a seller's limit or a buyer's stop.
        ("290.123", "290.12", "290.13"), ("290.12", "290.12", "290.12"), ("1", "1", "1"), ("1.0001", "1", "1.01"),
        ("0.99999", "0.9999", "1"), ("0.12345", "0.1234", "0.1235"), ("0.1234", "0.1234", "0.1234"),
        ("0.00001", "0", "0.0001"),
    ])
    func `a price becomes the nearest that is taken and no worse`(price: String, down: String, up: String) throws {
        let price = try #require(Price(price))
        #expect(TickRule.usStocks.limit(price, .buy) == Price(down))
        #expect(TickRule.usStocks.stop(price, .sell) == Price(down))
        #expect(TickRule.usStocks.limit(price, .sell) == Price(up))
        #expect(TickRule.usStocks.stop(price, .buy) == Price(up))
        for side in OrderSide.allCases {
            #expect(TickRule.none.limit(price, side) == price)
            #expect(TickRule.none.stop(price, side) == price)
        }
    }

    @Test func `what is rounded stays rounded and moves less than a tick`() {
        var generator = SplitMix64(seed: 612)
        for _ in 0..<2000 {
            let price = Price(raw: Int64.random(in: 1...(2 * Price.unit), using: &generator))
            let low = TickRule.usStocks.limit(price, .buy)
            let high = TickRule.usStocks.limit(price, .sell)
            #expect(low <= price && price <= high && high - low <= .cent)
            #expect(TickRule.usStocks.limit(low, .sell) == low)
            #expect(TickRule.usStocks.limit(high, .buy) == high)
        }
    }
}
