/// What ends a command early: what happened, to what, and what to do now, with the exit code that goes with it.
package struct CommandFailure: Error, Hashable, CustomStringConvertible {
    /// Codes as in sysexits.h where there is one.
    package enum Code: Int32, Hashable, Sendable {
        /// The run failed, or the books do not agree.
        case failed = 1
        case usage = 64
        case badBars = 65
        /// A program of the system or of this installation is missing.
        case missingProgram = 69
        case badConfiguration = 78
    }

    package var code: Code
    package var description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
