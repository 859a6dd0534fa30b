import Glibc
import Synchronization
import TestSupport

/// A program that the test has started as a child of its own. Killed, if it still runs, when the last reference goes.
final class ChildProgram: Sendable {
    enum End: Hashable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    let pid: pid_t
    private let end = Mutex<End?>(nil)

    /// Starts the program; it reads the file `input`, and what it prints is appended to the file `output`.
    init(
        _ program: String,
        _ arguments: [String] = [],
        environment: [String: String],
        input: String = "/dev/null",
        output: String
    ) throws {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the concurrency pool block all signals, and a child would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        posix_spawn_file_actions_addopen(&files, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&files, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&files, 1, 2)
        var pid: pid_t = 0
        let texts = [program] + arguments
        let variables = environment.map { "\($0.key)=\($0.value)" }
        var argumentPointers: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) } + [nil]
        var variablePointers: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers + variablePointers { free(pointer) } }
        ChildProcess.keepDescriptorsBack()
        let result = posix_spawn(&pid, program, &files, &attributes, &argumentPointers, &variablePointers)
        guard result == 0 else {
            throw TestFailure("\(program) could not be started: \(String(cString: strerror(result))).")
        }
        self.pid = pid
    }

    deinit {
        guard self.checkForEnd() == nil else { return }
        kill(self.pid, SIGKILL)
        var status: Int32 = 0
        waitpid(self.pid, &status, 0)
    }

    func send(_ signal: Int32) {
        if self.checkForEnd() == nil { kill(self.pid, signal) }
    }

    /// Nil while it runs.
    func checkForEnd() -> End? {
        self.end.withLock { end in
            var status: Int32 = 0
            if end == nil, waitpid(self.pid, &status, WNOHANG) == self.pid {
                let signal = status & 0x7F
                end = signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
            }
            return end
        }
    }

    func ended(within limit: Duration) async throws -> End {
        try await awaited("the end of process \(self.pid)", within: limit) { self.checkForEnd() }
    }
}
