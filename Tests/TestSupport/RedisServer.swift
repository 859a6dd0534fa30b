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
    private let folder: TemporaryFolder
    private let arguments: [String]
    private let process = Mutex<ChildProcess?>(nil)

    /// Starts the server and waits until it answers.
    ///
    /// `appendOnly` switches the append-only file on, which `kill()` and `restart()` need to keep data: what was
    /// acknowledged then survives. `password` is asked of every client. `options` are further arguments.
    package init(appendOnly: Bool = false, password: String? = nil, options: [String] = []) throws {
        self.folder = try TemporaryFolder()
        self.port = try Self.freePort()
        self.endpoint = RedisEndpoint(address: .tcp(host: "127.0.0.1", port: self.port), password: password)
        self.arguments =
            [
                "redis-server", "--bind", "127.0.0.1", "--port", String(self.port), "--dir", self.folder.path,
                "--logfile", "\(self.folder.path)/redis.log", "--save", "", "--appendonly", appendOnly ? "yes" : "no",
                // With everysec it may answer before it has written, and forget when killed what it acknowledged.
                "--appendfsync", "no", "--maxmemory-policy", "noeviction",
            ] + (password.map { ["--requirepass", $0] } ?? []) + options
        try self.start()
    }

    deinit { self.stop() }

    /// Ends the server in good order and removes its folder.
    package func stop() {
        self.end(with: SIGTERM)
        Files.remove(self.folder.path)
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
        let server = try ChildProcess(self.arguments, removing: self.folder.path)
        self.process.withLock { $0 = server }
        let deadline = ContinuousClock.now + .seconds(20)
        var lastFailure = "no attempt was made"
        while ContinuousClock.now < deadline {
            if server.hasEnded {
                let log = self.folder.text("redis.log")?.suffix(500) ?? "(no log)"
                self.stop()
                throw TestFailure("redis-server ended at once on port \(self.port). Its log ends with: \(log)")
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
        throw TestFailure("redis-server did not answer within 20 s: \(lastFailure)")
    }

    private func end(with signal: Int32) {
        let running = self.process.withLock { process in
            defer { process = nil }
            return process
        }
        running?.end(with: signal)
    }

    /// A port that was free a moment ago, from below those the system gives to clients: a client that keeps trying to
    /// connect to one of these while nobody listens can be connected to itself, and then blocks the port.
    package static func freePort() throws -> UInt16 {
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
        throw TestFailure("No free loopback port was found between 20000 and 32000.")
    }
}
