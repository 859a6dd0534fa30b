import AgentRuntime
import ServiceLifecycle
import Telemetry
import Testing

@Suite struct HealthQuestionTests {
    @Test func `a process is well while it answers 200, and else it is said why it is not`() async throws {
        let readiness = ReadinessBoard(waitingFor: ["redis"])
        let server = try await HealthServer.start(
            host: "127.0.0.1",
            port: 0,
            liveness: { .alive },
            readiness: readiness,
            metrics: PrometheusMetricsFactory(help: [:])
        )
        func answer() -> String? {
            do {
                try HealthQuestion.ask(host: "0.0.0.0", port: server.port, "HTTP_PORT", path: "/readyz")
                return nil
            } catch {
                return "\(error)"
            }
        }
        let unready = try #require(answer())
        #expect(unready.contains("answers 503") && unready.contains("redis"))
        readiness.set("redis", .ready)
        #expect(answer() == nil)
        let running = Task { try await server.run() }
        running.cancel()
        try await running.value
        let gone = try #require(answer())
        #expect(gone.contains("127.0.0.1:\(server.port)/readyz does not answer"))
    }

    @Test func `a port that the process has chosen itself cannot be asked`() {
        #expect(throws: ConfigurationError.self) {
            try HealthQuestion.ask(host: "127.0.0.1", port: 0, "CONTROL_PORT", path: "/status")
        }
    }
}
