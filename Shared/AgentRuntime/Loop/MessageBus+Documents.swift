package import MessageBus
package import TradingCore

extension MessageBus {
    package func documents(_ keys: [DocumentKey]) throws -> Documents {
        var documents = Documents()
        for (key, document) in zip(keys, try self.load(keys)) { documents.insert(document, for: key) }
        return documents
    }

    /// The trades the account has open, but for those that cannot be read.
    func openTrades() throws -> [Trade] {
        let account = try self.documents([Account.key])
        guard let open = (try? account.find(Account.key, as: Account.self))?.value.openTrades else { return [] }
        let keys = open.keys.sorted().map(Trade.key)
        let trades = try self.documents(keys)
        return keys.compactMap { key in (try? trades.find(key, as: Trade.self))?.value }
    }
}
