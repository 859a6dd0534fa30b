package import TradingCore

/// A trade that was asked for and that the ledger does not show.
package struct UnreadableTrade: Hashable, Sendable, JSONEncodable {
    package var id: TradeID
    /// Nil unless the account has the trade open. Its shares, if it holds any, may be without a stop.
    package var symbol: Symbol?
    /// Whole sentences.
    package var reason: String

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("trade_id", self.id)
            $0.field("symbol", self.symbol)
            $0.field("reason", self.reason)
        }
    }
}
