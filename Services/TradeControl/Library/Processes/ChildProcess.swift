import Glibc

/// A process this one has started and will see the end of.
///
/// Has to be started by the main thread where the child asks to die with its parent: Linux means the thread.
package struct ChildProcess {
    package enum End: Hashable, Sendable, CustomStringConvertible {
        case exit(code: Int32)
        case signal(Int32)

        package var description: String {
            switch self {
            case .exit(let code): "exit code \(code)"
            case .signal(let number): "signal \(number) (\(String(cString: strsignal(number))))"
            }
        }
    }

    package let pid: Int32

    /// Starts a program in a process group of its own, so that Ctrl-C on the terminal reaches only this process, which
    /// ends its children in order. Output and errors are appended to `logFile`; of this process's open files the child
    /// gets none.
    package init(
        program: String,
        arguments: [String],
        environment: [String: String],
        logFile: String
    ) throws(CommandFailure) {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, logFile, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        Self.keepOpenFiles()

        var pid: pid_t = 0
        let result = Self.withTexts([program] + arguments) { arguments in
            Self.withTexts(environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(result))
            throw CommandFailure(.failed, "\(program) could not be started (log \(logFile)): \(reason).")
        }
        self.pid = pid
    }

    /// Nil while it runs. Once it has been seen, the pid may belong to somebody else.
    package func checkForEnd() -> End? {
        var status: Int32 = 0
        guard waitpid(self.pid, &status, WNOHANG) == self.pid else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? .exit(code: (status >> 8) & 0xFF) : .signal(signal)
    }

    package func send(_ signal: Int32) {
        kill(self.pid, signal)
    }

    /// Whatever a library has opened, and this process has inherited, stays with this process.
    private static func keepOpenFiles() {
        for descriptor in FileSystem.names(in: "/proc/self/fd").compactMap(Int32.init) where descriptor > 2 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    private static func withTexts<R>(
        _ texts: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> R
    ) -> R {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
