/// No usable answer came. The message names method, host and port, and nothing else of the request.
package struct HTTPTransportError: Error, Equatable, CustomStringConvertible {
    package enum Code: Sendable {
        case couldNotResolve
        case couldNotConnect
        case timedOut
        case connectionLost
        case tls
        case responseTooLarge
        case malformedURL
        /// Kept back by this side, for the sake of a rate limit.
        case withheld
        /// Who had asked for it has taken it back (`HTTPRequest.isWithdrawn`).
        case withdrawn
        case other
    }

    package let code: Code
    package let message: String
    /// False only if no byte of the request left this process. If true, ask what became of it before repeating it.
    package let requestMayHaveBeenSent: Bool

    package init(code: Code, message: String, requestMayHaveBeenSent: Bool) {
        self.code = code
        self.message = message
        self.requestMayHaveBeenSent = requestMayHaveBeenSent
    }

    package var description: String {
        self.requestMayHaveBeenSent ? "\(self.message) (the request may have been carried out)" : self.message
    }
}
