package import CoreMetrics
import Synchronization

/// Collects the process's metrics and renders them for Prometheus, text format 0.0.4.
///
/// Names and label names are made valid (`redis.commit` becomes `redis_commit`); counters end in `_total`, timers in
/// `_seconds`. Counters stay counters, meters and recorders that do not aggregate are gauges, recorders that do are
/// summaries (sum and count), timers are histograms with fixed bounds from 50 µs to 10 s.
///
/// Safe from any thread. Making a metric takes a lock; recording a value takes none.
package final class PrometheusMetricsFactory: MetricsFactory {
    /// The value of `Content-Type` for `render()`'s text.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct Family {
        let kind: SeriesKind
        var series: [SeriesLabels: any Series] = [:]
    }

    private struct State {
        var families: [String: Family] = [:]
        var seriesCount = 0
    }

    private let state: Mutex<State> = Mutex(State())
    private let maximumSeries: Int
    private let help: [String: String]
    private let labels: [(String, String)]
    private let dropped = CounterSeries()

    /// - Parameters:
    ///   - maximumSeries: how many metrics, each with its own label values, are kept. A new one beyond it, or one whose
    ///     name is already taken by another kind, records nothing and adds to `quintet_metrics_dropped_total`.
    ///   - help: what each metric tells, by the name it is rendered with.
    ///   - labels: stand on every series that has none of that name itself.
    package init(maximumSeries: Int = 2_000, help: [String: String] = [:], labels: [(String, String)] = []) {
        self.maximumSeries = maximumSeries
        self.help = help
        self.labels = labels
    }

    package func render() -> String {
        let families = self.state.withLock { $0.families }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            if let help = self.help[name] { text += "# HELP \(name) \(PrometheusText.helpText(help))\n" }
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.render(name: name, labels: labels, into: &text)
            }
        }
        text += "# HELP quintet_metrics_dropped_total metrics refused: over the limit or name taken by another kind\n"
        text += "# TYPE quintet_metrics_dropped_total counter\n"
        self.dropped.render(name: "quintet_metrics_dropped_total", labels: SeriesLabels(self.labels), into: &text)
        return text
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.series(label, "_total", dimensions, .counter, CounterSeries.init)
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.series(label, "_total", dimensions, .counter, FloatingPointCounterSeries.init)
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.series(label, "", dimensions, .gauge, GaugeSeries.init)
    }

    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        aggregate
            ? self.series(label, "", dimensions, .summary, SummarySeries.init)
            : self.series(label, "", dimensions, .gauge, GaugeSeries.init)
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.series(label, "_seconds", dimensions, .histogram, HistogramSeries.init)
    }

    package func destroyCounter(_ handler: any CounterHandler) { self.remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { self.remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { self.remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { self.remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { self.remove(handler) }

    /// The series of that name and those labels; a detached one when it cannot be kept.
    private func series<Wanted: Series>(
        _ label: String,
        _ suffix: String,
        _ dimensions: [(String, String)],
        _ kind: SeriesKind,
        _ make: () -> Wanted
    ) -> Wanted {
        let plainName = PrometheusText.metricName(label)
        let name = plainName.hasSuffix(suffix) ? plainName : plainName + suffix
        let labels = SeriesLabels(dimensions + self.labels)
        let kept = self.state.withLock { state -> Wanted? in
            var family = state.families[name] ?? Family(kind: kind)
            if let existing = family.series[labels] {
                return existing as? Wanted
            }
            guard family.kind == kind, state.seriesCount < self.maximumSeries else { return nil }
            let series = make()
            family.series[labels] = series
            state.families[name] = family
            state.seriesCount += 1
            return series
        }
        if let kept { return kept }
        self.dropped.increment(by: 1)
        return make()
    }

    private func remove(_ handler: AnyObject) {
        self.state.withLock { state in
            for (name, family) in state.families {
                guard let labels = family.series.first(where: { $0.value === handler })?.key else { continue }
                state.families[name]?.series[labels] = nil
                if family.series.count == 1 {
                    state.families[name] = nil
                }
                state.seriesCount -= 1
                return
            }
        }
    }
}
