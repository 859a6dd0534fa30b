/// What ends a command early: what happened, to what, and what to do now, with the exit code that goes with it.
package struct CommandFailure: Error, Hashable, CustomStringConvertible {
    /// Codes as in sysexits.h where there is one.
    package enum Code: Int32, Hashable, Sendable {
        /// The run failed, the books do not agree, or a problem was found.
        case failed = 1
        case usage = 64
        case badBars = 65
        /// There is no ledger, or none of what was asked for in it.
        case notFound = 66
        /// A program of the system or of this installation is missing, or Redis is not there.
        case unavailable = 69
        /// It was asked for, and was not confirmed in time.
        case unconfirmed = 75
        case badConfiguration = 78
    }

    package var code: Code
    package var description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
