package struct MessageBusError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// No connection, or it broke in the middle: whether a commit took place is not known. Or the server cannot now:
        /// it says so, and nothing has happened.
        case unreachable
        /// The server answered with an error.
        case refused
        /// An answer of a shape this code does not understand.
        case protocolViolation
        /// The ledger is not the one that was joined: Redis has lost its data or holds another's. Nothing was changed,
        /// and trying again is of no use.
        case ledgerReplaced
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { self.message }

    /// How the scripts say so.
    static let ledgerReplacedCode = "LEDGERREPLACED"

    static let streamUsedUpCode = "STREAMUSEDUP"

    static let ledgerReplaced = MessageBusError(
        .ledgerReplaced,
        "The ledger in Redis is not the one this process started with: Redis was emptied, has lost its data or holds "
            + "another's. Stop all agents, restore Redis' data and start them again; or verify the positions at the "
            + "broker and start anew."
    )
}
