/// A document as it lies in the ledger.
package struct StoredDocument: Hashable, Sendable {
    /// Counts the writes; the first write makes it 1. For quotes it is the quote's market time in microseconds.
    package var version: Int64
    /// The state-machine state the version was written with; empty for documents without one.
    package var state: String
    package var body: [UInt8]
    /// Why what lies there is no document, which only somebody's hand can have done. Nil for one that is.
    package let fault: String?

    package init(version: Int64, state: String, body: [UInt8]) {
        self.version = version
        self.state = state
        self.body = body
        self.fault = nil
    }

    /// What nobody can read, so that it stands in the way of nothing but what needs it.
    package init(fault: String) {
        self.version = 0
        self.state = ""
        self.body = []
        self.fault = fault
    }
}
