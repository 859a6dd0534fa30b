import CoreMetrics
import Glibc
import Instrumentation
package import Logging
import Synchronization

/// Logs and metrics of this process.
package enum Telemetry {
    private static let installed: Mutex<PrometheusMetricsFactory?> = Mutex(nil)

    /// Installs the log handler and the metrics factory for the whole process. Only the first call installs; later
    /// ones change nothing and return the same factory.
    ///
    /// - Parameters:
    ///   - service: stands on every log line.
    ///   - format: nil writes text when stderr is a terminal, else JSON.
    ///   - metricHelp: what each metric tells, by its name on the page.
    ///   - metricLabels: stand on every metric.
    /// - Returns: what `/metrics` renders.
    @discardableResult
    package static func bootstrap(
        service: String,
        level: Logger.Level,
        format: LogFormat? = nil,
        metricHelp: [String: String] = [:],
        metricLabels: [(String, String)] = []
    ) -> PrometheusMetricsFactory {
        self.installed.withLock { installed in
            if let installed { return installed }
            let factory = PrometheusMetricsFactory(help: metricHelp, labels: metricLabels)
            let format = format ?? LogFormat.suiting(fileDescriptor: STDERR_FILENO)
            LoggingSystem.bootstrap(
                { label, provider in
                    StructuredLogHandler(
                        label: label,
                        service: service,
                        level: level,
                        format: format,
                        metadataProvider: provider
                    )
                },
                metadataProvider: .scope
            )
            MetricsSystem.bootstrap(factory)
            InstrumentationSystem.bootstrap(CollectingTracer())
            installed = factory
            return factory
        }
    }
}
