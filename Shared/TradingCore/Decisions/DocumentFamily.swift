/// One document of the ledger, or all whose keys begin alike.
package struct DocumentFamily: Hashable, Sendable, CustomStringConvertible {
    /// The key, or what all keys begin with.
    package let prefix: String
    package let isOne: Bool

    /// All whose keys begin so.
    package init(prefix: String) {
        self.prefix = prefix
        self.isOne = false
    }

    package init(_ key: DocumentKey) {
        self.prefix = key.rawValue
        self.isOne = true
    }

    package func contains(_ key: DocumentKey) -> Bool {
        self.isOne ? key.rawValue == self.prefix : key.rawValue.hasPrefix(self.prefix)
    }

    package var description: String { self.isOne ? self.prefix : self.prefix + "*" }

    /// The member of that name.
    package func key(_ name: some CustomStringConvertible) -> DocumentKey {
        DocumentKey(rawValue: self.prefix + name.description)
    }

    package static let trades = DocumentFamily(prefix: Trade.keyPrefix)
    package static let quotes = DocumentFamily(prefix: "quote:")
    /// What each strategy remembers of each symbol.
    package static let strategyRecords = DocumentFamily(prefix: "strategy:")
    /// The targets that are watched, by symbol.
    package static let targetWatches = DocumentFamily(prefix: "watch:")
    package static let orderWatch = DocumentFamily(DocumentKey.orderWatch)
    package static let holdingsWatch = DocumentFamily(DocumentKey.holdingsWatch)
    package static let schedule = DocumentFamily(DocumentKey.schedule)
    package static let account = DocumentFamily(Account.key)
    package static let market = DocumentFamily(MarketClock.key)
    package static let halt = DocumentFamily(TradingHalt.key)
    package static let loginAlarm = DocumentFamily(LoginAlarm.key)
}

extension DocumentKey {
    /// What OrderExecution has asked the broker about open orders.
    package static let orderWatch = DocumentKey(rawValue: "order-watch")
    /// What it has asked about the account's holdings, and what came of it.
    package static let holdingsWatch = DocumentKey(rawValue: "holdings-watch")
    /// The broker's calendar.
    package static let schedule = DocumentKey(rawValue: "schedule")
    /// How far the journal's spans have been sent to the collector.
    package static let spanExport = DocumentKey(rawValue: "span-export")
}
