import MarketSimulation
import TradingCore

/// A bar's members on the data API and, with `kind` and `symbol`, on the data stream.
///
/// The replay's market trades four times a bar, as often each, so that is the count and their mean the average price.
struct WireBar: JSONEncodable {
    private let bar: Bar
    private let kind: String?
    private let symbol: Symbol?

    init(_ bar: Bar) {
        self.bar = bar
        self.kind = nil
        self.symbol = nil
    }

    init(_ bar: Bar, kind: String, symbol: Symbol) {
        self.bar = bar
        self.kind = kind
        self.symbol = symbol
    }

    func write(to writer: inout JSONWriter) {
        let bar = self.bar
        let mean = (bar.open.raw / 4) + (bar.high.raw / 4) + (bar.low.raw / 4) + (bar.close.raw / 4)
        writer.object {
            $0.field("T", self.kind)
            $0.field("S", self.symbol)
            $0.field("t", bar.timestamp)
            $0.field("o", bar.open)
            $0.field("h", bar.high)
            $0.field("l", bar.low)
            $0.field("c", bar.close)
            $0.field("v", bar.volume)
            $0.field("n", 4)
            $0.field("vw", Price(raw: mean).roundedTowardZero(toMultipleOf: Price(raw: Price.cent.raw / 100)))
        }
    }
}

/// The replay's market has no spread: bid and ask are the last tick.
struct WireQuote: JSONEncodable {
    private let price: Price
    private let at: Timestamp
    private let symbol: Symbol?

    init?(_ market: SimulatedMarket, _ slot: Int) {
        guard let price = market.engine.lastPrice(slot: slot), let at = market.lastQuoteAt[slot] else { return nil }
        self.price = price
        self.at = at
        self.symbol = nil
    }

    /// For the data stream.
    init(symbol: Symbol, price: Price, at: Timestamp) {
        self.price = price
        self.at = at
        self.symbol = symbol
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            if let symbol = self.symbol {
                $0.field("T", "q")
                $0.field("S", symbol)
            }
            $0.field("t", self.at)
            for side in ["b", "a"] {
                $0.field("\(side)x", "V")
                $0.field("\(side)p", self.price)
                $0.field("\(side)s", 100)
            }
            $0.field("c", ["R"])
            $0.field("z", "C")
        }
    }
}

struct WireTrade: JSONEncodable {
    private let price: Price
    private let at: Timestamp
    private let number: Int
    private let symbol: Symbol?

    init?(_ market: SimulatedMarket, _ slot: Int) {
        guard let price = market.engine.lastPrice(slot: slot), let at = market.lastTickAt[slot] else { return nil }
        self.price = price
        self.at = at
        self.number = market.tickCount
        self.symbol = nil
    }

    /// For the data stream.
    init(symbol: Symbol, price: Price, at: Timestamp, number: Int) {
        self.price = price
        self.at = at
        self.number = number
        self.symbol = symbol
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            if let symbol = self.symbol {
                $0.field("T", "t")
                $0.field("S", symbol)
            }
            $0.field("t", self.at)
            $0.field("i", self.number)
            $0.field("x", "V")
            $0.field("p", self.price)
            $0.field("s", 100)
            $0.field("c", ["@"])
            $0.field("z", "C")
        }
    }
}

/// A trading halt and its end, on the data stream.
struct WireTradingStatus: JSONEncodable {
    let symbol: Symbol
    let isHalted: Bool
    let at: Timestamp

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("T", "s")
            $0.field("S", self.symbol)
            $0.field("sc", self.isHalted ? "H" : "T")
            $0.field("sm", self.isHalted ? "Trading Halt" : "Trading Resumption")
            $0.field("rc", self.isHalted ? "LUDP" : "")
            $0.field("rm", self.isHalted ? "Volatility Trading Pause" : "")
            $0.field("t", self.at)
            $0.field("z", "C")
        }
    }
}
