package struct MessageBusError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// No connection, or it broke in the middle: whether a commit took place is not known.
        case unreachable
        /// The server answered with an error.
        case refused
        /// An answer of a shape this code does not understand.
        case protocolViolation
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { self.message }
}
