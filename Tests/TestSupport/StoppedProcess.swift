package import Glibc

/// Stops the process with SIGSTOP, and returns once none of its threads runs any more. The signal alone is only sent
/// when `kill` returns: until one of the threads takes it, the others go on, on a busy machine for milliseconds.
///
/// - Throws: `TestFailure` if the process does not stand still within 10 s.
package func stop(process pid: pid_t) async throws {
    guard kill(pid, SIGSTOP) == 0 else { throw TestFailure("process \(pid) cannot be stopped: errno \(errno)") }
    _ = try await awaited("process \(pid) to stand still") { isStopped(pid) ? true : nil }
}

private func isStopped(_ pid: pid_t) -> Bool {
    let threads = Files.names(in: "/proc/\(pid)/task")
    return !threads.isEmpty
        && threads.allSatisfy { thread in
            // The state follows the name in parentheses, which may itself hold parentheses.
            guard let line = Files.text("/proc/\(pid)/task/\(thread)/stat"), let end = line.lastIndex(of: ")") else {
                return false
            }
            return line[end...].dropFirst(2).first == "T"
        }
}
