import MessageBus
import TestSupport
import Testing
import TradingCore

/// TLS to Redis: whom it trusts, what it says when it does not, and that it loses and holds back nothing.
@Suite struct RedisTLSTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates() }

    /// What a connection fails with.
    private func refusal(_ endpoint: RedisEndpoint, sourceLocation: SourceLocation = #_sourceLocation) throws -> String
    {
        let error = #expect(throws: MessageBusError.self, sourceLocation: sourceLocation) {
            let connection = try RedisConnection(to: endpoint, connectTimeout: .milliseconds(500))
            _ = try connection.call(RedisCommand("PING"))
        }
        let thrown = try #require(error, sourceLocation: sourceLocation)
        #expect(thrown.code == .unreachable, "\(thrown)", sourceLocation: sourceLocation)
        #expect(!thrown.message.contains("\n"), sourceLocation: sourceLocation)
        return thrown.message
    }

    private func server(certificate: String? = nil, asksForCertificates: Bool = false) throws -> RedisServer {
        try RedisServer(
            tls: ServerTLS(self.certificates, certificate: certificate, asksForCertificates: asksForCertificates)
        )
    }

    // MARK: Whom it trusts

    @Test func `takes a certificate for the name or the address in the URL, signed by the authority given`() throws {
        let server = try self.server()
        defer { server.stop() }
        let port = try #require(server.tlsPort)
        for host in ["127.0.0.1", "localhost"] {
            var endpoint = try RedisEndpoint(url: "rediss://\(host):\(port)")
            endpoint.tls?.authoritiesFile = self.certificates.authority
            #expect(try RedisConnection(to: endpoint).call(RedisCommand("PING")) == .status("PONG"))
        }
    }

    @Test func `refuses a certificate that none of the trusted authorities signed`() throws {
        let server = try self.server()
        defer { server.stop() }
        var endpoint = server.endpoint
        endpoint.tls?.authoritiesFile = self.certificates.stranger
        let message = try self.refusal(endpoint)
        #expect(message.contains("signed by none of the authorities in \(self.certificates.stranger)"))
        #expect(message.contains("REDIS_CA_FILE"))
        endpoint.tls?.authoritiesFile = nil
        #expect(try self.refusal(endpoint).contains("signed by none of the system's authorities"))
    }

    @Test func `refuses a certificate for another host`() throws {
        let server = try self.server(certificate: self.certificates.otherHost)
        defer { server.stop() }
        for host in ["127.0.0.1", "localhost"] {
            var endpoint = server.endpoint
            endpoint.address = .tcp(host: host, port: try #require(server.tlsPort))
            let message = try self.refusal(endpoint)
            #expect(message.contains("made for another host") && message.contains("REDIS_URL"))
        }
    }

    @Test func `refuses an expired certificate`() throws {
        let server = try self.server(certificate: self.certificates.expired)
        defer { server.stop() }
        #expect(try self.refusal(server.endpoint).contains("has expired. Renew it"))
    }

    @Test func `each side says so when the other speaks no TLS`() throws {
        let server = try self.server()
        defer { server.stop() }
        var endpoint = server.endpoint
        endpoint.address = .tcp(host: "127.0.0.1", port: server.port)
        let tooMuch = try self.refusal(endpoint)
        #expect(tooMuch.contains("TLS") && tooMuch.contains("write redis:// in REDIS_URL"))
        let tooLittle = try self.refusal(try RedisEndpoint(url: "redis://127.0.0.1:\(try #require(server.tlsPort))"))
        #expect(tooLittle.contains("TLS") && tooLittle.contains("write rediss:// in REDIS_URL"))
    }

    @Test func `shows its own certificate to a server that asks for one`() throws {
        let server = try self.server(asksForCertificates: true)
        defer { server.stop() }
        #expect(try RedisConnection(to: server.endpoint).call(RedisCommand("PING")) == .status("PONG"))
        var endpoint = server.endpoint
        endpoint.tls?.certificateFile = nil
        endpoint.tls?.keyFile = nil
        #expect(try self.refusal(endpoint).contains("REDIS_CERTIFICATE_FILE"))
        endpoint.tls?.certificateFile = self.certificates.stranger
        endpoint.tls?.keyFile = self.certificates.strangersKey
        _ = try self.refusal(endpoint)
    }

    // MARK: Its files

    @Test func `a file that cannot be used is named`() throws {
        let (valid, key) = (self.certificates.valid, self.certificates.key)
        let cases: [(RedisTLS, RedisTLSError.File, String)] = [
            (RedisTLS(authoritiesFile: "/nowhere/ca.pem"), .authorities, "cannot be read: No such file"),
            (RedisTLS(authoritiesFile: key), .authorities, "holds no certificate"),
            (RedisTLS(certificateFile: key, keyFile: key), .certificate, "holds no certificate"),
            (RedisTLS(certificateFile: valid, keyFile: valid), .key, "holds no key"),
            (RedisTLS(certificateFile: valid, keyFile: self.certificates.encryptedKey), .key, "without a password"),
            (RedisTLS(certificateFile: valid, keyFile: self.certificates.strangersKey), .key, "is not the key of"),
        ]
        for (settings, file, reason) in cases {
            let error = try #require(#expect(throws: RedisTLSError.self) { try settings.check() })
            #expect(error.file == file && error.reason.contains(reason), "\(error)")
        }
        try RedisTLS(certificateFile: valid, keyFile: key).check()
    }

    @Test func `files that were replaced count for the next connection`() throws {
        let server = try self.server()
        defer { server.stop() }
        let folder = try TemporaryFolder()
        let file = try folder.write(try #require(Files.text(self.certificates.stranger)), to: "ca.pem")
        var endpoint = server.endpoint
        endpoint.tls?.authoritiesFile = file
        _ = try self.refusal(endpoint)
        try folder.write(try #require(Files.text(self.certificates.authority)), to: "ca.pem")
        #expect(try RedisConnection(to: endpoint).call(RedisCommand("PING")) == .status("PONG"))
    }

    // MARK: What it carries

    @Test func `carries what is larger than a record, in both directions`() throws {
        let server = try self.server()
        defer { server.stop() }
        let connection = try RedisConnection(to: server.endpoint)
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        var store = RedisCommand("SET", "large")
        store.append(large)
        #expect(try connection.call(store) == .status("OK"))
        #expect(try connection.call(RedisCommand("GET", "large")) == .string(large))
        let questions = (0..<500).map { _ in RedisCommand("STRLEN", "large") }
        #expect(try connection.exchange(questions) == Array(repeating: .integer(3_000_000), count: 500))
    }

    @Test func `no message stays behind in a record that was read with others`() throws {
        let server = try self.server()
        defer { server.stop() }
        let bus = RedisMessageBus(endpoint: server.endpoint)
        try bus.subscribe(to: ["order.filled"])
        let count = 300
        let publisher = try RedisConnection(to: server.endpoint)
        let script = "for n = 1, \(count) do redis.call('PUBLISH', 'order.filled', string.rep('x', n * 7)) end"
        _ = try publisher.call(RedisCommand("EVAL", script, "0"))
        var lengths: [Int] = []
        // Nothing more is sent, so what stays behind comes with no later message, and this ends with the last wait.
        while lengths.count < count {
            let reception = try bus.receive(group: "", consumer: "", streams: [], limit: 1, timeout: .seconds(20))
            try #require(!reception.published.isEmpty, "only \(lengths.count) messages came")
            lengths += reception.published.map(\.body.count)
        }
        #expect(lengths == (1...count).map { $0 * 7 })
    }

    @Test func `a server that dies is noticed, and found again`() throws {
        let server = try self.server()
        defer { server.stop() }
        let bus = RedisMessageBus(endpoint: server.endpoint)
        try bus.create(.trade)
        server.kill()
        let error = try #require(#expect(throws: MessageBusError.self) { try bus.load([.trade]) })
        #expect(error.code == .unreachable)
        try server.restart()
        #expect(try bus.load([.trade]) == [nil])
    }
}
