import Brokerage
package import Telemetry
package import TradingCore

/// What OpenTelemetry's environment variables say of traces (specification, "Environment Variable Specification"): times
/// are in milliseconds there.
package struct TracingSettings: Sendable {
    private enum Exporter: String, CaseIterable {
        case otlp
        case none
    }

    private enum Sampler: String, CaseIterable {
        case alwaysOn = "always_on"
        case alwaysOff = "always_off"
        case ratio = "traceidratio"
        case parentAlwaysOn = "parentbased_always_on"
        case parentAlwaysOff = "parentbased_always_off"
        case parentRatio = "parentbased_traceidratio"
    }

    private enum Encoding: String, CaseIterable {
        case json = "http/json"
    }

    package let sampler: TraceSampler
    /// Nil: spans stay in the journal.
    package let collector: OTLPCollector?
    /// How often the journal is looked at for new spans.
    package let scheduleDelay: Duration
    package let batchSize: Int

    package init(_ settings: Settings) throws(ConfigurationError) {
        let isDisabled = try settings.bool("otel.sdk.disabled", default: false)
        self.sampler = isDisabled ? .none : try Self.sampler(settings)
        self.scheduleDelay = .milliseconds(
            try settings.int("otel.bsp.scheduleDelay", default: 5000, in: 10...3_600_000)
        )
        self.batchSize = try settings.int("otel.bsp.maxExportBatchSize", default: 512, in: 1...10_000)
        _ = try settings.choice("otel.exporter.otlp.protocol", default: Encoding.json)
        let exporter = try settings.optionalChoice("otel.traces.exporter", of: Exporter.self)
        let endpoint = try Self.endpoint(settings)
        let timeout = try settings.int("otel.exporter.otlp.timeout", default: 10_000, in: 1...600_000)
        let headers = try Self.pairs(settings, "otel.exporter.otlp.headers")
        let resource = Dictionary(try Self.pairs(settings, "otel.resourceAttributes")) { $1 }
        let isWanted = exporter == .otlp || (exporter == nil && endpoint != nil)
        guard isWanted, !isDisabled, self.sampler != .none else {
            self.collector = nil
            return
        }
        self.collector = OTLPCollector(
            tracesURL: endpoint ?? "http://localhost:4318/v1/traces",
            headers: headers.map { (name: $0.0, value: $0.1) },
            timeout: .milliseconds(timeout),
            resource: resource
        )
    }

    private static func sampler(_ settings: Settings) throws(ConfigurationError) -> TraceSampler {
        let argument = try settings.decimalText("otel.traces.samplerArg", default: "1")
        switch try settings.choice("otel.traces.sampler", default: Sampler.parentAlwaysOn) {
        case .alwaysOn, .parentAlwaysOn: return .all
        case .alwaysOff, .parentAlwaysOff: return .none
        case .ratio, .parentRatio:
            guard let ratio = Double(argument), 0...1 ~= ratio else {
                throw ConfigurationError(
                    .malformed,
                    "OTEL_TRACES_SAMPLER_ARG (otel.traces.samplerArg): \(argument) is no part of all traces; expected 0 to 1"
                )
            }
            return .ratio(ratio)
        }
    }

    /// The address for traces as it is; the address for everything with the path that traces have there.
    private static func endpoint(_ settings: Settings) throws(ConfigurationError) -> String? {
        let schemes = ["http", "https"]
        if try settings.optionalString("otel.exporter.otlp.tracesEndpoint") != nil {
            return try settings.url("otel.exporter.otlp.tracesEndpoint", default: "", schemes: schemes)
        }
        guard try settings.optionalString("otel.exporter.otlp.endpoint") != nil else { return nil }
        return try settings.url("otel.exporter.otlp.endpoint", default: "", schemes: schemes) + "/v1/traces"
    }

    /// `key=value` between commas, values percent-encoded.
    private static func pairs(_ settings: Settings, _ path: String) throws(ConfigurationError) -> [(String, String)] {
        guard let text = try settings.optionalSecret(path)?.exposed else { return [] }
        var pairs: [(String, String)] = []
        for entry in text.split(separator: ",") {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].trimmingSpaces()
            guard parts.count == 2, !name.isEmpty, let value = percentDecoded(parts[1].trimmingSpaces()) else {
                throw ConfigurationError(
                    .malformed,
                    "\(SettingsKey(path: path)): entry \(pairs.count + 1) is not key=value with a percent-encoded value"
                )
            }
            pairs.append((name, value))
        }
        return pairs
    }
}
