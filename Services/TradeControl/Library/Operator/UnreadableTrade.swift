package import TradingCore

/// A trade that the account has open and that the ledger does not show.
package struct UnreadableTrade: Hashable, Sendable, JSONEncodable {
    package var id: TradeID
    package var symbol: Symbol
    package var reason: String

    /// A whole line.
    package var warning: String {
        "WARNING: nothing was asked for \(self.id), and its shares may still be held: look for \(self.symbol) at the "
            + "broker. \(self.reason)\n"
    }

    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("trade_id", self.id)
            $0.field("symbol", self.symbol)
            $0.field("reason", self.reason)
        }
    }
}
