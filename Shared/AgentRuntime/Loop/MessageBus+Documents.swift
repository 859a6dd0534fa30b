package import MessageBus
package import TradingCore

extension MessageBus {
    package func documents(_ keys: [DocumentKey]) throws -> Documents {
        var documents = Documents()
        for (key, document) in zip(keys, try self.load(keys)) { documents.insert(document, for: key) }
        return documents
    }

    /// The trades that the account has open. Nil if the account cannot be read.
    func openTrades() throws -> StoredTrades? {
        let documents = try self.documents([Account.key])
        do {
            guard let account = try documents.find(Account.key, as: Account.self) else { return StoredTrades() }
            return try StoredTrades(openIn: account.value, on: self)
        } catch is JSONError {
            return nil
        }
    }
}
