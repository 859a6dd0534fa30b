import Glibc

/// Writes the process id where a supervisor or a person looks for it.
package enum PIDFile {
    /// Replaces the file at once, so that no reader sees half of it.
    package static func write(_ path: String) throws {
        let temporary = "\(path).\(getpid())"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw PIDFileError(path: path, reason: String(cString: strerror(errno))) }
        var text = Array("\(getpid())\n".utf8)
        let written = Glibc.write(file, &text, text.count)
        close(file)
        guard written == text.count, rename(temporary, path) == 0 else {
            throw PIDFileError(path: path, reason: String(cString: strerror(errno)))
        }
    }
}

package struct PIDFileError: Error, CustomStringConvertible {
    package let path: String
    package let reason: String

    package var description: String { "PID_FILE \(self.path) cannot be written: \(self.reason)" }
}
