package import Glibc

/// A folder of a test's own, under `TMPDIR` if that is set. It goes, with all that is in it, with its last reference.
package final class TemporaryFolder: Sendable {
    /// From the root, without symbolic links.
    package let path: String

    package init() throws(TestFailure) {
        let parent = TestEnvironment.variables()["TMPDIR"] ?? "/tmp"
        // mkdtemp(3) puts a name that nobody has in place of the X.
        var template = Array("\(parent)/quintet-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let resolved = realpath(template, nil) else {
            throw TestFailure("No temporary folder could be made in \(parent): \(String(cString: strerror(errno))).")
        }
        defer { free(resolved) }
        self.path = String(cString: resolved)
    }

    deinit { Files.remove(self.path) }

    /// Writes `text` to a file of the folder and returns the file's path.
    @discardableResult
    package func write(_ text: String, to name: String) throws(TestFailure) -> String {
        let path = "\(self.path)/\(name)"
        try Files.write(text, to: path)
        return path
    }

    /// Writes an executable `/bin/sh` script and returns its path.
    @discardableResult
    package func writeScript(_ body: String, to name: String) throws(TestFailure) -> String {
        let path = try self.write("#!/bin/sh\n\(body)\n", to: name)
        guard chmod(path, 0o755) == 0 else { throw TestFailure("\(path) could not be made executable.") }
        return path
    }

    /// Nil if the file cannot be read.
    package func text(_ name: String) -> String? { Files.text("\(self.path)/\(name)") }

    /// Nil if the file cannot be read.
    package func bytes(_ name: String) -> [UInt8]? { Files.bytes("\(self.path)/\(name)") }

    /// What it holds, or a folder in it does, in ascending order.
    package func names(in name: String = "") -> [String] { Files.names(in: "\(self.path)/\(name)") }

    /// The permissions of a file; nil if there is none.
    package func mode(_ name: String) -> mode_t? { Files.mode("\(self.path)/\(name)") }

    /// What a pid file says; nil if there is none.
    package func pid(_ name: String) -> pid_t? {
        self.text(name).flatMap { pid_t($0.filter { !$0.isWhitespace }) }
    }
}
