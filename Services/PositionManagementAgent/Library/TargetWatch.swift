import TradingCore

/// What to look for in a symbol's quotes, for each position in it: kept beside the trades so that a quote costs one small
/// read.
struct TargetWatches: Hashable, Sendable, JSONCodable {
    private(set) var entries: [TargetWatch] = []

    static func key(_ symbol: Symbol) -> DocumentKey { DocumentFamily.targetWatches.key(symbol) }

    init() {}

    func hit(by quote: Quote) -> TargetWatch? { self.entries.first { $0.isHit(by: quote) } }

    mutating func set(_ watch: TargetWatch) {
        self.remove(watch.trade)
        self.entries.append(watch)
    }

    mutating func remove(_ trade: TradeID) { self.entries.removeAll { $0.trade == trade } }

    /// What cannot be read is left out: a target is worth less than the stop that the same messages bring.
    init(json: JSONValue) throws(JSONError) { self.entries = (try? [TargetWatch](json: json)) ?? [] }

    func write(to writer: inout JSONWriter) { self.entries.write(to: &writer) }
}

struct TargetWatch: Hashable, Sendable, JSONCodable {
    var trade: TradeID
    var targetPrice: Price
    /// The fill's market time: older quotes say nothing about this position.
    var since: Timestamp

    init(trade: TradeID, targetPrice: Price, since: Timestamp) {
        self.trade = trade
        self.targetPrice = targetPrice
        self.since = since
    }

    /// A long position can be sold at the bid.
    func isHit(by quote: Quote) -> Bool {
        quote.isUsable && quote.bid >= self.targetPrice && quote.timestamp >= self.since
    }

    init(json: JSONValue) throws(JSONError) {
        let object = try JSONObject(json)
        self.init(
            trade: try object.value("trade_id"),
            targetPrice: try object.value("target_price"),
            since: try object.value("since")
        )
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("trade_id", self.trade)
            $0.field("target_price", self.targetPrice)
            $0.field("since", self.since)
        }
    }
}
