package import MessageBus
package import TradingCore

/// Trades as far as the ledger shows them: none that cannot be read keeps another from being read.
package struct StoredTrades: Hashable, Sendable {
    /// In the order in which they were asked for, and so are those that cannot be read.
    package private(set) var trades: [Trade] = []
    package private(set) var unreadable: [UnreadableTrade] = []

    private static let batch = 200

    package init() {}

    /// - Throws: what the bus throws when it does not answer.
    package init(_ ids: some Sequence<TradeID>, on bus: any MessageBus) throws {
        var ids = Array(ids)[...]
        while !ids.isEmpty {
            try self.read(ids.prefix(Self.batch), bus)
            ids = ids.dropFirst(Self.batch)
        }
    }

    /// What the account has open, in the order of the ids.
    ///
    /// - Throws: what the bus throws when it does not answer.
    package init(openIn account: Account, on bus: any MessageBus) throws {
        try self.init(account.openTrades.keys.sorted(), on: bus)
        for index in self.unreadable.indices {
            self.unreadable[index].symbol = account.openTrades[self.unreadable[index].id]
        }
    }

    private mutating func read(_ ids: ArraySlice<TradeID>, _ bus: any MessageBus) throws {
        let documents = try bus.documents(ids.map(Trade.key))
        for id in ids {
            do {
                self.trades.append(try documents.trade(id).value)
            } catch {
                let reason = "The ledger's document \(Trade.key(id).rawValue) cannot be read: \(error)."
                self.unreadable.append(UnreadableTrade(id: id, reason: reason))
            }
        }
    }
}
