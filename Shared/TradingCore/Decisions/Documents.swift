/// A decoded document with the version and state it was read at.
package struct Versioned<Value: Sendable>: Sendable {
    package let key: DocumentKey
    /// 0: not in the ledger yet.
    package let version: Int64
    package let state: String
    package var value: Value

    init(key: DocumentKey, version: Int64, state: String, value: Value) {
        self.key = key
        self.version = version
        self.state = state
        self.value = value
    }

    /// A document that is not in the ledger yet.
    package init(new key: DocumentKey, value: Value) {
        self.init(key: key, version: 0, state: "", value: value)
    }
}

/// The documents that were read for one decision.
package struct Documents: Sendable {
    private var entries: [DocumentKey: StoredDocument?] = [:]

    package init() {}

    package mutating func insert(_ document: StoredDocument?, for key: DocumentKey) {
        self.entries[key] = .some(document)
    }

    /// Whether the key has been looked up, found or not.
    package func hasRead(_ key: DocumentKey) -> Bool { self.entries[key] != nil }

    /// Nil when the ledger has no such document. Throws `JSONError` when it does not decode.
    package func find<Value: JSONDecodable & Sendable>(
        _ key: DocumentKey,
        as type: Value.Type = Value.self
    ) throws -> Versioned<Value>? {
        guard case .some(.some(let document)) = self.entries[key] else { return nil }
        if let fault = document.fault { throw JSONError(fault) }
        return Versioned(
            key: key,
            version: document.version,
            state: document.state,
            value: try Value(json: try JSONValue(parsing: document.body))
        )
    }

    package func find<Value: JSONDecodable & Sendable>(
        _ key: DocumentKey,
        orNew value: @autoclosure () -> Value
    ) throws -> Versioned<Value> {
        try self.find(key) ?? Versioned(new: key, value: value())
    }

    package func trade(_ id: TradeID) throws -> Versioned<Trade> {
        guard let trade: Versioned<Trade> = try self.find(Trade.key(id)) else {
            throw JSONError("trade \(id) is not in the ledger")
        }
        return trade
    }

    package func account() throws -> Versioned<Account> {
        guard let account: Versioned<Account> = try self.find(Account.key) else {
            throw NotYet("the account has not been read from the broker yet")
        }
        return account
    }

    /// The newest known quote.
    package func quote(_ symbol: Symbol) throws -> Quote? {
        guard case .some(.some(let document)) = self.entries[Quote.key(symbol)] else { return nil }
        guard case .quoteUpdated(let quote) = try Message(decoding: document.body).body else { return nil }
        return quote
    }
}

extension Quote {
    package static func key(_ symbol: Symbol) -> DocumentKey { DocumentFamily.quotes.key(symbol) }
}
