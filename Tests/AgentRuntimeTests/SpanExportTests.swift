import AgentRuntime
import HTTPTransport
import Logging
import MessageBus
import Telemetry
import TestSupport
import Testing
import TradingCore

@Suite struct SpanExportTests {
    /// Answers as it is told, the last answer from then on, and keeps what it was sent.
    private final class Collector: HTTPClient {
        var answers: [Result<HTTPResponse, HTTPTransportError>]
        var bodies: [[UInt8]] = []
        var timeouts: [Duration] = []

        init(_ answers: [Result<HTTPResponse, HTTPTransportError>] = [.success(HTTPResponse(status: 200))]) {
            self.answers = answers
        }

        func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
            self.bodies.append(request.body ?? [])
            self.timeouts.append(request.totalTimeout)
            return try (self.answers.count > 1 ? self.answers.removeFirst() : self.answers[0]).get()
        }

        /// Names of the spans sent, in order.
        var names: [[String]] {
            get throws {
                try self.bodies.map { body in
                    let batches = try JSONValue(parsing: body)["resourceSpans"]?.list ?? []
                    return batches.flatMap { batch in
                        (batch["scopeSpans"]?.list ?? []).flatMap { $0["spans"]?.list ?? [] }
                            .compactMap { $0["name"]?.stringValue }
                    }
                }
            }
        }
    }

    private let store = InMemoryMessageStore()
    private var bus: InMemoryMessageBus { InMemoryMessageBus(store: self.store) }

    private func record(
        _ names: String...,
        by agent: AgentName = .strategy,
        on bus: (any MessageBus)? = nil
    ) throws {
        let spans = names.map { name in
            TraceSpan(
                name,
                .internal,
                traceID: .undecided,
                id: SpanID(derivedFrom: name),
                parent: nil,
                start: Timestamp(seconds: 0),
                end: Timestamp(seconds: 1)
            )
        }
        var commit = Commit()
        Journal(agent: agent, instance: "a", isTraced: true)
            .append(spans, causedBy: nil, to: &commit, at: Timestamp(seconds: 1))
        _ = try (bus ?? self.bus).commit(commit)
    }

    private func export(
        to collector: Collector,
        batch: Int = 512,
        stop: StopSignal = StopSignal(),
        on bus: (any MessageBus)? = nil,
        now: @escaping () -> Timestamp = WallClock.now
    ) throws -> SpanExport {
        let settings = try Settings(
            environment: [
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "\(batch)",
            ]
        )
        let tracing = try TracingSettings(settings)
        return SpanExport(
            to: try #require(tracing.collector),
            settings: tracing,
            client: collector,
            bus: bus ?? self.bus,
            holder: "a",
            stop: stop,
            heartbeat: Heartbeat("export"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            now: now
        )
    }

    @Test func `each span is sent once, and told by its process`() throws {
        let collector = Collector()
        try self.record("one", "two")
        try self.record("three", by: .riskManagement)
        #expect(try self.export(to: collector).turn() == .seconds(5))
        #expect(try collector.names == [["one", "two", "three"]])
        try self.record("four")
        // Another process goes on where this one was.
        _ = try self.export(to: collector).turn()
        #expect(try collector.names.last == ["four"])
        #expect(collector.bodies.count == 2)
        let services = try #require(try JSONValue(parsing: collector.bodies[0])["resourceSpans"]?.list)
        #expect(services.count == 2)
    }

    @Test func `a batch has no more spans than it may`() throws {
        let collector = Collector()
        try self.record("1", "2", "3")
        try self.record("4", "5", by: .riskManagement)
        _ = try self.export(to: collector, batch: 2).turn()
        #expect(try collector.names == [["1", "2"], ["3"], ["4", "5"]])
    }

    @Test func `while the collector is away the spans wait, longer each time, and none is lost`() throws {
        let gone = HTTPTransportError(code: .couldNotConnect, message: "no", requestMayHaveBeenSent: false)
        let collector = Collector([
            .failure(gone), .failure(gone), .success(HTTPResponse(status: 503, headers: [("Retry-After", "7")])),
            .success(HTTPResponse(status: 429)), .success(HTTPResponse(status: 200)),
        ])
        try self.record("one")
        var now = Timestamp(seconds: 1_000_000)
        let export = try self.export(to: collector, now: { now })
        #expect(Duration.milliseconds(900)...Duration.milliseconds(1100) ~= export.turn())
        #expect(Duration.milliseconds(1800)...Duration.milliseconds(2200) ~= export.turn())
        #expect(export.turn() == .seconds(7))
        // What the collector has asked for, every process keeps.
        now = now + .seconds(3)
        #expect(try self.export(to: collector, now: { now }).turn() == .seconds(4))
        now = now + .seconds(4)
        #expect(Duration.milliseconds(7200)...Duration.milliseconds(8800) ~= export.turn())
        try self.record("two")
        #expect(export.turn() == .seconds(5))
        #expect(try collector.names.last == ["one", "two"])
        _ = export.turn()
        #expect(collector.bodies.count == 5)
    }

    @Test func `a journal that was set aside since its ids were used up is followed by the next one`() throws {
        let redis = try RedisServer()
        defer { redis.stop() }
        let connection = try RedisConnection(to: redis.endpoint)
        let bus = RedisMessageBus(endpoint: redis.endpoint)
        let collector = Collector()
        let export = try self.export(to: collector, on: bus)
        try self.record("one", on: bus)
        let last = "18446744073709551615-18446744073709551615"
        _ = try connection.call(RedisCommand("XADD", "{quintet}:stream:journal", last, "d", "by hand"))
        for _ in 1...2 { _ = export.turn() }
        #expect(try collector.names == [["one"]])
        _ = try connection.call(RedisCommand("RENAME", "{quintet}:stream:journal", "aside"))
        try self.record("two", on: bus)
        for _ in 1...2 { _ = export.turn() }
        #expect(try collector.names == [["one"], ["two"]])
    }

    @Test(arguments: ["\"-9223372036854775808\"", "\"9223372036854775807\"", "1", "{}"])
    func `whatever a collector says it has rejected, all goes on`(rejected: String) throws {
        let body = Array("{\"partialSuccess\":{\"rejectedSpans\":\(rejected)}}".utf8)
        let collector = Collector([.success(HTTPResponse(status: 200, body: body))])
        try self.record("one", "two")
        let export = try self.export(to: collector)
        _ = export.turn()
        try self.record("three")
        _ = export.turn()
        #expect(try collector.names == [["one", "two"], ["three"]])
    }

    @Test func `what was taken is not sent again with what has to wait`() throws {
        let collector = Collector([
            .success(HTTPResponse(status: 200)), .success(HTTPResponse(status: 429)),
            .success(HTTPResponse(status: 200)),
        ])
        for name in ["1", "2", "3"] { try self.record(name) }
        let export = try self.export(to: collector, batch: 1)
        for _ in 1...2 { _ = export.turn() }
        #expect(try collector.names == [["1"], ["2"], ["2"], ["3"]])
    }

    @Test func `what a collector refuses is not sent again`() throws {
        let collector = Collector([.success(HTTPResponse(status: 400)), .success(HTTPResponse(status: 200))])
        try self.record("one")
        let export = try self.export(to: collector)
        _ = export.turn()
        try self.record("two")
        _ = export.turn()
        #expect(try collector.names == [["one"], ["two"]])
    }

    @Test func `a process that is to stop sends no long backlog, and waits for no collector for long`() throws {
        let collector = Collector([
            .failure(HTTPTransportError(code: .timedOut, message: "late", requestMayHaveBeenSent: true))
        ])
        try self.record("one")
        let stop = StopSignal()
        let export = try self.export(to: collector, stop: stop)
        stop.give()
        _ = export.turn()
        #expect(collector.bodies.isEmpty)
        export.run()
        #expect(collector.bodies.count == 1)
        #expect(collector.timeouts.allSatisfy { $0 <= .seconds(2) })
    }

    @Test func `one process at a time sends`() throws {
        let collector = Collector()
        try self.record("one")
        #expect(try self.bus.acquireLease(AgentName.spanExportLease, holder: "another", for: .seconds(60)))
        #expect(try self.export(to: collector).turn() == .seconds(5))
        #expect(collector.bodies.isEmpty)
    }
}

extension JSONValue {
    fileprivate var list: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
