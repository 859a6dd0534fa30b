import Glibc
package import MessageBus
import Synchronization

/// A redis-server of its own for a test: on a free loopback port, with a temporary folder that goes when it stops.
///
/// Ends with `stop()`, at the latest when the last reference goes or the test process ends, however it ends. May be used
/// from any thread.
package final class RedisServer: Sendable {
    package let endpoint: RedisEndpoint
    package let port: UInt16
    private let folder: String
    private let arguments: [String]
    private let processes = Mutex<Processes?>(nil)

    private struct Processes {
        var server: pid_t
        /// A shell that ends the server when this process has gone without doing so.
        var watcher: pid_t
        /// Closes with this process, which is what the shell waits for.
        var watched: Int32
    }

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Starts the server and waits until it answers.
    ///
    /// `appendOnly` switches the append-only file on, which `kill()` and `restart()` need to keep data. `password` is
    /// asked of every client. `options` are further arguments such as `["--appendfsync", "always"]`.
    package init(appendOnly: Bool = false, password: String? = nil, options: [String] = []) throws {
        self.folder = try Self.makeFolder()
        self.port = try Self.freePort()
        self.endpoint = RedisEndpoint(address: .tcp(host: "127.0.0.1", port: self.port), password: password)
        self.arguments =
            [
                "redis-server", "--bind", "127.0.0.1", "--port", String(self.port), "--dir", self.folder,
                "--logfile", self.folder + "/redis.log", "--save", "", "--appendonly", appendOnly ? "yes" : "no",
                "--appendfsync", "everysec", "--maxmemory-policy", "noeviction",
            ] + (password.map { ["--requirepass", $0] } ?? []) + options
        try self.start()
    }

    deinit { self.stop() }

    /// Ends the server in good order and removes its folder.
    package func stop() {
        self.end(with: SIGTERM)
        Self.remove(self.folder)
    }

    /// Ends the server as a crash would.
    package func kill() {
        self.end(with: SIGKILL)
    }

    /// Starts the server again, on the same port and with the data it has kept. Ends it first if it still runs.
    package func restart() throws {
        self.end(with: SIGTERM)
        try self.start()
    }

    private func start() throws {
        let server = try Self.spawn(self.arguments)
        try self.watch(server)
        let deadline = ContinuousClock.now + .seconds(20)
        var lastFailure = "no attempt was made"
        while ContinuousClock.now < deadline {
            var status = siginfo_t()
            // Looks whether it has ended, and leaves it to be collected.
            if waitid(P_PID, id_t(server), &status, WEXITED | WNOHANG | WNOWAIT) == 0, status.si_signo == SIGCHLD {
                let log = Self.tail(of: self.folder + "/redis.log")
                self.stop()
                throw Failure(description: "redis-server ended at once on port \(self.port). Its log ends with: \(log)")
            }
            do {
                let connection = try RedisConnection(to: self.endpoint, connectTimeout: .seconds(1))
                _ = try connection.call(RedisCommand("PING"))
                return
            } catch {
                lastFailure = error.description
            }
            // Between two questions; what is waited for is the answer.
            _ = poll(nil, 0, 5)
        }
        self.stop()
        throw Failure(description: "redis-server did not answer within 20 s: \(lastFailure)")
    }

    private func watch(_ server: pid_t) throws {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            Self.end(server, with: SIGKILL)
            throw Failure(description: "No socket pair to watch redis-server with: error \(errno).")
        }
        defer { close(ends[1]) }
        let script = "read -r line; kill -9 \"$1\"; rm -rf \"$2\""
        do {
            let arguments = ["sh", "-c", script, "sh", String(server), self.folder]
            let watcher = try Self.spawn(arguments, input: ends[1])
            let processes = Processes(server: server, watcher: watcher, watched: ends[0])
            self.processes.withLock { $0 = processes }
        } catch {
            close(ends[0])
            Self.end(server, with: SIGKILL)
            throw error
        }
    }

    private func end(with signal: Int32) {
        let running = self.processes.withLock { processes in
            defer { processes = nil }
            return processes
        }
        guard let running else { return }
        Self.end(running.watcher, with: SIGKILL)
        close(running.watched)
        Self.end(running.server, with: signal)
    }

    private static func end(_ process: pid_t, with signal: Int32) {
        var status: Int32 = 0
        _ = Glibc.kill(process, signal)
        let deadline = ContinuousClock.now + .seconds(10)
        while waitpid(process, &status, WNOHANG) == 0 {
            if ContinuousClock.now > deadline { _ = Glibc.kill(process, SIGKILL) }
            _ = poll(nil, 0, 2)
        }
    }

    private static func spawn(_ arguments: [String], input: Int32? = nil) throws -> pid_t {
        let program = arguments[0]
        var child: pid_t = 0
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        if let input { posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) }
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
            throw Failure(description: "There is no \(program) on the PATH: install it (apt-get install \(program)).")
        }
        guard result == 0 else { throw Failure(description: "\(program) could not be started: error \(result).") }
        return child
    }

    private static func makeFolder() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/quintet-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(description: "No temporary folder could be made in \(parent): error \(errno).")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A port that was free a moment ago, from below those the system gives to clients: a client that keeps trying to
    /// connect to one of these while nobody listens can be connected to itself, and then blocks the port.
    private static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            let port = UInt16.random(in: 20_000..<32_000)
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            address.sin_port = port.bigEndian
            let isFree = withUnsafeBytes(of: &address) { bytes in
                bind(listener, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count)) == 0
            }
            if isFree { return port }
        }
        throw Failure(description: "No free loopback port was found between 20000 and 32000.")
    }

    private static func tail(of path: String) -> String {
        guard let file = fopen(path, "r") else { return "(no log)" }
        defer { fclose(file) }
        fseek(file, -500, SEEK_END)
        var bytes = [UInt8](repeating: 0, count: 500)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    private static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { Self.remove("\(path)/\(name)") }
            }
            closedir(folder)
        }
        _ = Glibc.remove(path)
    }
}
