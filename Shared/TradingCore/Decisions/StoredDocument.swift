/// A document as it lies in the ledger.
package struct StoredDocument: Hashable, Sendable {
    /// Counts the writes; the first write makes it 1. For quotes it is the quote's market time in microseconds.
    package var version: Int64
    /// The state-machine state the version was written with; empty for documents without one.
    package var state: String
    package var body: [UInt8]

    package init(version: Int64, state: String, body: [UInt8]) {
        self.version = version
        self.state = state
        self.body = body
    }
}
