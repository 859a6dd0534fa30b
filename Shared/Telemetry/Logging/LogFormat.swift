import Glibc

/// How log lines are written.
package enum LogFormat: String, CaseIterable, Sendable {
    /// One JSON object a line.
    case json
    /// One readable line.
    case text

    /// What suits the reader: text on a terminal, else JSON.
    package static func suiting(fileDescriptor: Int32) -> LogFormat {
        isatty(fileDescriptor) == 1 ? .text : .json
    }
}
