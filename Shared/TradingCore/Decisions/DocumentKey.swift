/// The name of one versioned document in the ledger, without the namespace that the bus puts in front of it.
package struct DocumentKey: Hashable, Sendable, RawRepresentable, CustomStringConvertible {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package var description: String { self.rawValue }
    package var isTrade: Bool { self.rawValue.hasPrefix(Trade.keyPrefix) }
}
