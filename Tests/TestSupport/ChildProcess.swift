import Glibc
import Synchronization

/// A program that a test runs beside itself. Ends with `end(with:)`, at the latest when the test process ends, however it
/// ends. May be used from any thread.
package final class ChildProcess: Sendable {
    private struct Processes {
        var program: pid_t
        /// A shell that ends the program when this process has gone without doing so.
        var watcher: pid_t
        /// Closes with this process, which is what the shell waits for.
        var watched: Int32
        /// The end to read the program's standard output from.
        var output: Int32?
    }

    private let processes: Mutex<Processes?>

    /// Starts the program, found on the PATH. `removing`: a folder that goes when this process dies before `end`.
    package init(_ arguments: [String], removing folder: String? = nil, capturesOutput: Bool = false) throws {
        let output = capturesOutput ? try Self.socketPair() : nil
        let program: pid_t
        do {
            program = try Self.spawn(arguments, output: output?.theirs)
        } catch {
            if let output { close(output.ours) }
            if let output { close(output.theirs) }
            throw error
        }
        if let output { close(output.theirs) }
        do {
            let (watcher, watched) = try Self.watch(program, folder)
            self.processes = Mutex(
                Processes(
                    program: program,
                    watcher: watcher,
                    watched: watched,
                    output: output?.ours
                )
            )
        } catch {
            if let output { close(output.ours) }
            Self.end(program, with: SIGKILL)
            throw error
        }
    }

    deinit { self.end(with: SIGKILL) }

    package var hasEnded: Bool {
        self.processes.withLock { processes in
            guard let processes else { return true }
            var status = siginfo_t()
            // Looks whether it has ended, and leaves it to be collected.
            let found = waitid(P_PID, id_t(processes.program), &status, WEXITED | WNOHANG | WNOWAIT)
            return found == 0 && status.si_signo == SIGCHLD
        }
    }

    /// Blocks until the program has written a line; nil if it ends before.
    package func nextLine() -> String? {
        guard let output = self.processes.withLock({ $0?.output }) else { return nil }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    /// Sends the signal and waits for the end; after 10 s it sends SIGKILL.
    package func end(with signal: Int32) {
        let running = self.processes.withLock { processes in
            defer { processes = nil }
            return processes
        }
        guard let running else { return }
        Self.end(running.watcher, with: SIGKILL)
        close(running.watched)
        Self.end(running.program, with: signal)
        if let output = running.output { close(output) }
    }

    /// Another test's listening socket, inherited, would keep its port open.
    package static func keepDescriptorsBack() {
        for name in Files.names(in: "/proc/self/fd") {
            guard let descriptor = Int32(name), descriptor > STDERR_FILENO else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    private static func socketPair() throws -> (ours: Int32, theirs: Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TestFailure("No socket pair to a program: error \(errno).")
        }
        return (ends[0], ends[1])
    }

    private static func watch(_ program: pid_t, _ folder: String?) throws -> (watcher: pid_t, watched: Int32) {
        let (ours, theirs) = try Self.socketPair()
        defer { close(theirs) }
        let script = "read -r line; kill -9 \"$1\"; [ -z \"$2\" ] || rm -rf \"$2\""
        do {
            let arguments = ["sh", "-c", script, "sh", String(program), folder ?? ""]
            return (try Self.spawn(arguments, input: theirs), ours)
        } catch {
            close(ours)
            throw error
        }
    }

    private static func end(_ process: pid_t, with signal: Int32) {
        var status: Int32 = 0
        _ = kill(process, signal)
        let deadline = ContinuousClock.now + .seconds(10)
        while waitpid(process, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline { _ = kill(process, SIGKILL) }
            _ = poll(nil, 0, 2)
        }
    }

    private static func spawn(_ arguments: [String], input: Int32? = nil, output: Int32? = nil) throws -> pid_t {
        let program = arguments[0]
        var child: pid_t = 0
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        if let input { posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) }
        if let output { posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) }
        Self.keepDescriptorsBack()
        // Threads of the concurrency pool block all signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let result = posix_spawnp(&child, program, &files, &attributes, &pointers, environ)
        guard result != ENOENT else {
            throw TestFailure("There is no \(program) on the PATH: install it (apt-get install \(program)).")
        }
        guard result == 0 else { throw TestFailure("\(program) could not be started: error \(result).") }
        return child
    }
}
