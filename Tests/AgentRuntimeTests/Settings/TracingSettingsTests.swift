import AgentRuntime
import Telemetry
import Testing
import TradingCore

/// OpenTelemetry's variables mean what its specification says.
@Suite struct TracingSettingsTests {
    private func tracing(_ environment: [String: String]) throws -> TracingSettings {
        try TracingSettings(try SettingsFixture.settings(environment))
    }

    @Test func `without an address nothing is sent, and every trace has spans`() throws {
        let tracing = try self.tracing([:])
        #expect(tracing.collector == nil)
        #expect(tracing.sampler == .all)
        #expect(tracing.scheduleDelay == .seconds(5))
        #expect(tracing.batchSize == 512)
    }

    @Test(arguments: [
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"], "http://c:4318/v1/traces"),
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"], "http://c:4318/v1/traces"),
        (["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/x"], "http://c:4318/x"),
        (
            ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://d/t"],
            "https://d/t"
        ), (["OTEL_TRACES_EXPORTER": "otlp"], "http://localhost:4318/v1/traces"),
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"], nil),
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"], nil),
    ])
    func `spans go to the address for traces, or below that for everything`(
        environment: [String: String],
        url: String?
    ) throws {
        #expect(try self.tracing(environment).collector?.tracesURL == url)
    }

    @Test(arguments: [
        ("always_on", nil, TraceSampler.all), ("always_off", nil, .none), ("parentbased_always_on", nil, .all),
        ("parentbased_always_off", nil, .none), ("traceidratio", "0.25", .ratio(0.25)),
        ("parentbased_traceidratio", nil, .ratio(1)),
    ])
    func `samplers have their usual names`(name: String, argument: String?, sampler: TraceSampler) throws {
        var environment = ["OTEL_TRACES_SAMPLER": name]
        environment["OTEL_TRACES_SAMPLER_ARG"] = argument
        #expect(try self.tracing(environment).sampler == sampler)
    }

    @Test(arguments: [
        (["OTEL_TRACES_SAMPLER": "sometimes"], "OTEL_TRACES_SAMPLER"),
        (["OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"], "OTEL_TRACES_SAMPLER_ARG"),
        (["OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"], "OTEL_EXPORTER_OTLP_PROTOCOL"),
        (["OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"], "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (["OTEL_EXPORTER_OTLP_HEADERS": "planted-token"], "OTEL_EXPORTER_OTLP_HEADERS"),
        (["OTEL_EXPORTER_OTLP_HEADERS": "authorization=planted-token%+A"], "OTEL_EXPORTER_OTLP_HEADERS"),
        (["OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "0"], "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    ])
    func `what cannot be used is refused with its name, and no header is repeated`(
        environment: [String: String],
        name: String
    ) throws {
        let error = try #require(#expect(throws: ConfigurationError.self) { try self.tracing(environment) })
        #expect(error.description.contains(name))
        #expect(!error.description.contains("planted-token"))
    }
}
