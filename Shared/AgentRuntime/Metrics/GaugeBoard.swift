import CoreMetrics

/// What one gauge shows.
struct GaugeReading: Hashable {
    let metric: MetricName
    let labels: [String: String]
    let value: Double

    init(_ metric: MetricName, _ value: Double, _ labels: [String: String] = [:]) {
        self.metric = metric
        self.labels = labels
        self.value = value
    }
}

/// Gauges that are read all at once. Belongs to one thread.
struct GaugeBoard {
    private struct Key: Hashable {
        let metric: MetricName
        let labels: [String: String]
    }

    private let factory: any MetricsFactory
    private var gauges: [Key: Gauge] = [:]

    init(_ factory: any MetricsFactory) {
        self.factory = factory
    }

    /// Shows these and no others: what is not known any more disappears, rather than to stay as it was.
    mutating func show(_ readings: [GaugeReading]) {
        var gone = self.gauges
        for reading in readings {
            let key = Key(metric: reading.metric, labels: reading.labels)
            gone[key] = nil
            let gauge =
                self.gauges[key]
                ?? Gauge(
                    label: key.metric.rawValue,
                    dimensions: key.labels.map { ($0.key, $0.value) },
                    factory: self.factory
                )
            self.gauges[key] = gauge
            gauge.record(reading.value)
        }
        for (key, gauge) in gone {
            gauge.destroy()
            self.gauges[key] = nil
        }
    }
}
