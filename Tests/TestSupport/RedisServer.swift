import Glibc
package import MessageBus
import Synchronization

/// How a test's redis-server speaks TLS.
package struct ServerTLS: Sendable {
    let certificates: TestCertificates
    let certificate: String
    let asksForCertificates: Bool

    /// The server shows `certificate`, by default a valid one.
    package init(_ certificates: TestCertificates, certificate: String? = nil, asksForCertificates: Bool = false) {
        self.certificates = certificates
        self.certificate = certificate ?? certificates.valid
        self.asksForCertificates = asksForCertificates
    }

    func options(port: UInt16) -> [String] {
        [
            "--tls-port", String(port), "--tls-cert-file", self.certificate, "--tls-key-file", self.certificates.key,
            "--tls-ca-cert-file", self.certificates.authority,
            "--tls-auth-clients", self.asksForCertificates ? "yes" : "no",
        ]
    }

    /// What a client needs.
    var clientSettings: RedisTLS {
        RedisTLS(
            authoritiesFile: self.certificates.authority,
            certificateFile: self.asksForCertificates ? self.certificates.valid : nil,
            keyFile: self.asksForCertificates ? self.certificates.key : nil
        )
    }
}

/// A redis-server of its own for a test: on a free loopback port, with a temporary folder that goes when it stops.
///
/// Ends with `stop()`, at the latest when the last reference goes or the test process ends, however it ends. May be used
/// from any thread.
package final class RedisServer: Sendable {
    /// Speaks TLS if the server does.
    package let endpoint: RedisEndpoint
    /// Speaks plain.
    package let port: UInt16
    private let folder: TemporaryFolder
    private let arguments: [String]
    /// Keeps the certificates' files.
    private let tls: ServerTLS?
    /// Speaks TLS.
    package let tlsPort: UInt16?
    private let process = Mutex<ChildProcess?>(nil)

    /// Starts the server and waits until it answers.
    ///
    /// `appendOnly` switches the append-only file on, which `kill()` and `restart()` need to keep data: what was
    /// acknowledged then survives. `password` is asked of every client. With `tls` it has a second port that speaks TLS.
    /// With `accessList` its users may do what that says, each with `password(of:)`; `endpoint` then is that of one more
    /// user, who may do everything. `options` are further arguments.
    package init(
        appendOnly: Bool = false,
        password: String? = nil,
        tls: ServerTLS? = nil,
        accessList: RedisAccessList? = nil,
        options: [String] = []
    ) throws {
        self.folder = try TemporaryFolder()
        self.port = try Self.freePort()
        self.tls = tls
        let port = try tls.map { _ in try Self.freePort() } ?? self.port
        self.tlsPort = tls.map { _ in port }
        self.endpoint = RedisEndpoint(
            address: .tcp(host: "127.0.0.1", port: port),
            user: accessList == nil ? nil : Self.administrator,
            password: accessList == nil ? password : Self.password(of: Self.administrator),
            tls: tls?.clientSettings
        )
        var arguments =
            [
                "redis-server", "--bind", "127.0.0.1", "--port", String(self.port), "--dir", self.folder.path,
                "--logfile", "\(self.folder.path)/redis.log", "--save", "", "--appendonly", appendOnly ? "yes" : "no",
                // With everysec it may answer before it has written, and forget when killed what it acknowledged.
                "--appendfsync", "no", "--maxmemory-policy", "noeviction",
            ] + (password.map { ["--requirepass", $0] } ?? []) + (tls?.options(port: port) ?? []) + options
        if let accessList {
            let names = accessList.users.map(\.name)
            let passwords = names.map { ($0, Self.password(of: $0)) }
            let administrator = "user \(Self.administrator) on >\(Self.password(of: Self.administrator)) ~* &* +@all\n"
            let text = accessList.file(passwords: Dictionary(uniqueKeysWithValues: passwords)) + administrator
            arguments += ["--aclfile", try self.folder.write(text, to: "users.acl")]
        }
        self.arguments = arguments
        try self.start()
    }

    deinit { self.stop() }

    private static let administrator = "administrator"

    /// Of a user in the access list.
    package static func password(of user: String) -> String { "\(user)-password" }

    /// For a user in the access list.
    package func endpoint(of user: String) -> RedisEndpoint {
        var endpoint = self.endpoint
        endpoint.user = user
        endpoint.password = Self.password(of: user)
        return endpoint
    }

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
        // Whether its certificate is to be trusted is not asked here.
        var plain = self.endpoint
        plain.address = .tcp(host: "127.0.0.1", port: self.port)
        plain.tls = nil
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
                let connection = try RedisConnection(to: plain, connectTimeout: .seconds(1))
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
