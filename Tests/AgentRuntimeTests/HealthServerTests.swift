import AgentRuntime
import CoreMetrics
import Glibc
import ServiceLifecycle
import ServiceLifecycleTestKit
import Synchronization
import Telemetry
import Testing
import TradingCore

@Suite struct HealthServerTests {
    /// A server on a free port with a state the test turns.
    private struct Fixture {
        let server: HealthServer
        let liveness: LivenessSwitch
        let readiness = ReadinessBoard(waitingFor: ["redis", "broker"])
        let metrics = PrometheusMetricsFactory()

        init() async throws {
            let liveness = LivenessSwitch()
            self.liveness = liveness
            self.server = try await HealthServer.start(
                host: "127.0.0.1",
                port: 0,
                liveness: { liveness.verdict },
                readiness: self.readiness,
                metrics: self.metrics
            )
        }

        func get(_ path: String, method: String = "GET") throws -> String {
            try exchange(
                port: self.server.port,
                request: "\(method) \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
            )
        }
    }

    private final class LivenessSwitch: Sendable {
        private let state: Mutex<Liveness> = Mutex(.alive)

        var verdict: Liveness { self.state.withLock { $0 } }

        func turn(_ verdict: Liveness) { self.state.withLock { $0 = verdict } }
    }

    /// Runs the server until `body` has ended, then shuts it down gracefully and waits for it.
    private func withServer(_ body: @escaping @Sendable (Fixture) async throws -> Void) async throws {
        let fixture = try await Fixture()
        try await testGracefulShutdown { trigger in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fixture.server.run() }
                let result: Result<Void, any Error>
                do {
                    result = .success(try await body(fixture))
                } catch {
                    result = .failure(error)
                }
                trigger.triggerGracefulShutdown()
                try await group.waitForAll()
                try result.get()
            }
        }
    }

    @Test func `livez follows the liveness verdict`() async throws {
        try await self.withServer { fixture in
            let alive = try fixture.get("/livez")
            #expect(alive.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(alive.hasSuffix("\r\n\r\nok\n"))
            fixture.liveness.turn(.stalled("the main loop last turned over 31 s ago"))
            let stalled = try fixture.get("/livez")
            #expect(stalled.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(stalled.hasSuffix("\r\n\r\nthe main loop last turned over 31 s ago\n"))
        }
    }

    @Test func `readyz names every check and is 200 only when all are ready`() async throws {
        try await self.withServer { fixture in
            #expect(
                try fixture.get("/readyz").hasSuffix(
                    #"{"ready":false,"checks":{"broker":"not checked yet","redis":"not checked yet"}}"#
                )
            )
            fixture.readiness.set("broker", .ready)
            fixture.readiness.set("redis", .waiting("unreachable at \"cache\""))
            let waiting = try fixture.get("/readyz")
            #expect(waiting.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(waiting.contains("content-type: application/json\r\n"))
            #expect(
                waiting.hasSuffix(#"{"ready":false,"checks":{"broker":"ok","redis":"unreachable at \"cache\""}}"#)
            )
            fixture.readiness.set("redis", .ready)
            let ready = try fixture.get("/readyz?verbose")
            #expect(ready.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(ready.hasSuffix(#"{"ready":true,"checks":{"broker":"ok","redis":"ok"}}"#))
            fixture.readiness.set("redis", .waiting("connection lost"))
            #expect(try fixture.get("/readyz").hasPrefix("HTTP/1.1 503"))
        }
    }

    @Test func `readyz shows every breaker, and an open one does not make the agent unready`() async throws {
        try await self.withServer { fixture in
            let since = Timestamp(seconds: 1_764_000_000)
            fixture.readiness.setBreaker("protective", BreakerStatus(.closed, since: since, reason: "fine"))
            fixture.readiness.setBreaker(
                "entries",
                BreakerStatus(.open, since: since, until: since + .seconds(60), reason: "timed out")
            )
            let breakers =
                #","breakers":{"entries":{"state":"open","since":"2025-11-24T16:00:00Z","#
                + #""until":"2025-11-24T16:01:00Z","reason":"timed out"},"#
                + #""protective":{"state":"closed","since":"2025-11-24T16:00:00Z","reason":"fine"}}}"#
            let waiting = try fixture.get("/readyz")
            #expect(waiting.hasPrefix("HTTP/1.1 503"))
            #expect(waiting.hasSuffix(breakers))
            for check in ["redis", "broker"] { fixture.readiness.set(check, .ready) }
            let ready = try fixture.get("/readyz")
            #expect(ready.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(ready.hasSuffix(breakers))
        }
    }

    @Test func `readyz names a thread that hangs`() async throws {
        try await self.withServer { fixture in
            for check in ["redis", "broker"] { fixture.readiness.set(check, .ready) }
            fixture.liveness.turn(.stalled("lane entries last turned over 121 s ago"))
            let hanging = try fixture.get("/readyz")
            #expect(hanging.hasPrefix("HTTP/1.1 503"))
            #expect(hanging.contains(#""threads":"lane entries last turned over 121 s ago""#))
            fixture.liveness.turn(.alive)
            #expect(try fixture.get("/readyz").hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func `metrics are rendered as Prometheus text`() async throws {
        try await self.withServer { fixture in
            Counter(label: "orders.sent", factory: fixture.metrics).increment(by: 3)
            let response = try fixture.get("/metrics")
            #expect(response.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(response.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            #expect(response.contains("# TYPE orders_sent_total counter\norders_sent_total 3\n"))
        }
    }

    @Test func `metrics tell what is ready, that no thread hangs too`() async throws {
        try await self.withServer { fixture in
            fixture.readiness.set("redis", .ready)
            let waiting = try fixture.get("/metrics")
            #expect(waiting.contains(#"quintet_ready{check="broker"} 0"#))
            #expect(waiting.contains(#"quintet_ready{check="redis"} 1"#))
            #expect(waiting.contains(#"quintet_ready{check="threads"} 1"#))
            fixture.readiness.set("redis", .waiting("Redis is gone"))
            fixture.liveness.turn(.stalled("the main loop last turned over 31 s ago"))
            let lost = try fixture.get("/metrics")
            #expect(lost.contains(#"quintet_ready{check="redis"} 0"#))
            #expect(lost.contains(#"quintet_ready{check="threads"} 0"#))
        }
    }

    @Test func `other paths and methods are refused, HEAD has no body`() async throws {
        try await self.withServer { fixture in
            #expect(try fixture.get("/").hasPrefix("HTTP/1.1 404 Not Found\r\n"))
            #expect(try fixture.get("/livez", method: "POST").hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
            let head = try fixture.get("/livez", method: "HEAD")
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(head.contains("content-length: 3\r\n"))
            #expect(head.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func `one connection serves several requests`() async throws {
        try await self.withServer { fixture in
            let responses = try exchange(
                port: fixture.server.port,
                request: "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"
                    + "POST /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbody"
                    + "GET /readyz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
            )
            let statuses = responses.ranges(of: "HTTP/1.1 ").map { responses[$0.upperBound...].prefix(3) }
            #expect(statuses == ["200", "405", "503"])
        }
    }

    @Test func `nonsense on the wire ends its connection and nothing else`() async throws {
        try await self.withServer { fixture in
            _ = try exchange(port: fixture.server.port, request: "\u{0}\u{1} what\r\n\r\n")
            #expect(try fixture.get("/livez").hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
    }

    @Test func `a connection beyond the limit is closed, and room comes back`() async throws {
        try await self.withServer { fixture in
            var open: [Int32] = []
            // Answered requests prove that the server counts these connections.
            for _ in 0..<64 {
                let descriptor = try connectToLoopback(port: fixture.server.port)
                open.append(descriptor)
                try send(descriptor, "GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
                var buffer = [UInt8](repeating: 0, count: 1024)
                #expect(read(descriptor, &buffer, buffer.count) > 0)
            }
            let refused = try fixture.get("/livez")
            #expect(refused.isEmpty)
            for descriptor in open {
                close(descriptor)
            }
            var answered = false
            for _ in 0..<10_000 where !answered {
                answered = try fixture.get("/livez").hasPrefix("HTTP/1.1 200")
            }
            #expect(answered)
        }
    }

    @Test func `shutdown closes what is open and frees the port`() async throws {
        let fixture = try await Fixture()
        let idle = try connectToLoopback(port: fixture.server.port)
        defer { close(idle) }
        try await testGracefulShutdown { trigger in
            async let running: Void = fixture.server.run()
            #expect(try fixture.get("/livez").hasPrefix("HTTP/1.1 200"))
            trigger.triggerGracefulShutdown()
            try await running
        }
        var byte: UInt8 = 0
        #expect(read(idle, &byte, 1) <= 0)
        #expect(throws: (any Error).self) { try connectToLoopback(port: fixture.server.port) }
    }

    @Test func `cancelling ends the server`() async throws {
        let fixture = try await Fixture()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await fixture.server.run() }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(throws: (any Error).self) { try connectToLoopback(port: fixture.server.port) }
    }

    @Test func `a taken port is said plainly`() async throws {
        try await self.withServer { fixture in
            let port = fixture.server.port
            let error = await #expect(throws: HealthServerError.self) {
                _ = try await HealthServer.start(
                    host: "127.0.0.1",
                    port: port,
                    liveness: { .alive },
                    readiness: ReadinessBoard(waitingFor: []),
                    metrics: PrometheusMetricsFactory()
                )
            }
            let message = try #require(error?.description)
            #expect(message.hasPrefix("cannot listen on 127.0.0.1, port \(port): "))
            #expect(message.contains("Address already in use"))
            #expect(message.hasSuffix("; set HTTP_HOST or HTTP_PORT to a free address"))
        }
    }

    @Test func `a heartbeat stalls after its limit and recovers with the next beat`() {
        let clock = ManualClock(start: ContinuousClock.now)
        let heartbeat = Heartbeat(now: { clock.now })
        clock.advance(by: .seconds(10))
        #expect(heartbeat.liveness(within: .seconds(10)) == .alive)
        clock.advance(by: .milliseconds(1))
        #expect(
            heartbeat.liveness(within: .seconds(10)) == .stalled("the main loop last turned over 10 s ago")
        )
        heartbeat.beat()
        #expect(heartbeat.liveness(within: .seconds(10)) == .alive)
    }

    @Test func `a process is alive while all its threads are, and says which is not`() {
        let clock = ManualClock(start: ContinuousClock.now)
        let loop = Heartbeat(now: { clock.now })
        let lanes = ["entries", "protection"].map { Heartbeat("lane \($0)", now: { clock.now }) }
        let vitals = Vitals([(loop, .seconds(30))] + lanes.map { ($0, .seconds(120)) })
        #expect(vitals.liveness() == .alive)
        clock.advance(by: .seconds(121))
        loop.beat()
        lanes[0].beat()
        #expect(vitals.liveness() == .stalled("lane protection last turned over 121 s ago"))
        clock.advance(by: .seconds(31))
        #expect(
            vitals.liveness()
                == .stalled("the main loop last turned over 31 s ago; lane protection last turned over 152 s ago")
        )
        for heartbeat in [loop] + lanes { heartbeat.beat() }
        #expect(vitals.liveness() == .alive)
    }

    @Test func `setting a check says whether that is news`() {
        let board = ReadinessBoard(waitingFor: ["redis"])
        #expect(board.set("redis", .ready))
        #expect(!board.set("redis", .ready))
        #expect(board.set("ledger", .waiting("lost")))
        #expect(!board.set("ledger", .waiting("lost")))
        #expect(!board.report().isReady)
    }
}

private final class ManualClock: Sendable {
    private let instant: Mutex<ContinuousClock.Instant>

    init(start: ContinuousClock.Instant) {
        self.instant = Mutex(start)
    }

    var now: ContinuousClock.Instant { self.instant.withLock { $0 } }

    func advance(by duration: Duration) {
        self.instant.withLock { $0 += duration }
    }
}

private struct SocketError: Error {
    let call: String
    let code: Int32
}

private func connectToLoopback(port: Int) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw SocketError(call: "socket", code: errno) }
    var timeout = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard status == 0 else {
        let code = errno
        close(descriptor)
        throw SocketError(call: "connect", code: code)
    }
    return descriptor
}

private func send(_ descriptor: Int32, _ text: String) throws {
    let bytes = Array(text.utf8)
    guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
        throw SocketError(call: "send", code: errno)
    }
}

/// Sends the request and reads until the server closes; a connection the server resets has read nothing more.
private func exchange(port: Int, request: String) throws -> String {
    let descriptor = try connectToLoopback(port: port)
    defer { close(descriptor) }
    do {
        try send(descriptor, request)
    } catch let error as SocketError where error.code == EPIPE || error.code == ECONNRESET {
        return ""
    }
    var response: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { break }
        response.append(contentsOf: buffer.prefix(count))
    }
    return String(decoding: response, as: UTF8.self)
}
