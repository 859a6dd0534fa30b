import CoreMetrics
import Synchronization

/// The `TYPE` of a metric in the text format.
enum SeriesKind: String {
    case counter
    case gauge
    case histogram
    case summary
}

/// One metric with one set of label values.
protocol Series: AnyObject, Sendable {
    func render(name: String, labels: SeriesLabels, into text: inout String)
}

final class CounterSeries: Series, CounterHandler {
    private let value: Atomic<Int64> = Atomic(0)

    /// A counter only rises: amounts below zero are ignored.
    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        self.value.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() {
        self.value.store(0, ordering: .relaxed)
    }

    func render(name: String, labels: SeriesLabels, into text: inout String) {
        text += "\(name)\(labels.braced()) \(self.value.load(ordering: .relaxed))\n"
    }
}

final class FloatingPointCounterSeries: Series, FloatingPointCounterHandler {
    private let value = AtomicDouble()

    /// A counter only rises: amounts below zero and those that are no number are ignored.
    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.value.add(amount)
    }

    func reset() {
        self.value.store(0)
    }

    func render(name: String, labels: SeriesLabels, into text: inout String) {
        text += "\(name)\(labels.braced()) \(PrometheusText.number(self.value.load()))\n"
    }
}

final class GaugeSeries: Series, MeterHandler, RecorderHandler {
    private let value = AtomicDouble()

    func set(_ value: Int64) { self.value.store(Double(value)) }
    func set(_ value: Double) { self.value.store(value) }
    func increment(by amount: Double) { self.value.add(amount) }
    func decrement(by amount: Double) { self.value.add(-amount) }
    func record(_ value: Int64) { self.value.store(Double(value)) }
    func record(_ value: Double) { self.value.store(value) }

    func render(name: String, labels: SeriesLabels, into text: inout String) {
        text += "\(name)\(labels.braced()) \(PrometheusText.number(self.value.load()))\n"
    }
}

final class SummarySeries: Series, RecorderHandler {
    private let count: Atomic<Int64> = Atomic(0)
    private let sum = AtomicDouble()

    func record(_ value: Int64) { self.record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        self.sum.add(value)
        self.count.wrappingAdd(1, ordering: .relaxed)
    }

    func render(name: String, labels: SeriesLabels, into text: inout String) {
        text += "\(name)_sum\(labels.braced()) \(PrometheusText.number(self.sum.load()))\n"
        text += "\(name)_count\(labels.braced()) \(self.count.load(ordering: .relaxed))\n"
    }
}

final class HistogramSeries: Series, TimerHandler {
    /// The upper bound of each bucket but the last, with its label.
    private static let bounds: [(nanoseconds: Int64, label: String)] = [
        (50_000, "0.00005"), (100_000, "0.0001"), (250_000, "0.00025"), (500_000, "0.0005"),
        (1_000_000, "0.001"), (2_500_000, "0.0025"), (5_000_000, "0.005"), (10_000_000, "0.01"),
        (25_000_000, "0.025"), (50_000_000, "0.05"), (100_000_000, "0.1"), (250_000_000, "0.25"),
        (500_000_000, "0.5"), (1_000_000_000, "1"), (2_500_000_000, "2.5"), (5_000_000_000, "5"),
        (10_000_000_000, "10"),
    ]

    /// How many durations fell into each bucket alone; the last has no upper bound.
    private let counts: InlineArray<18, Atomic<Int64>> = InlineArray { _ in Atomic(0) }
    private let sum: Atomic<Int64> = Atomic(0)

    func recordNanoseconds(_ duration: Int64) {
        let duration = max(0, duration)
        let bucket = Self.bounds.firstIndex { duration <= $0.nanoseconds } ?? Self.bounds.count
        self.counts[bucket].wrappingAdd(1, ordering: .relaxed)
        self.sum.wrappingAdd(duration, ordering: .relaxed)
    }

    func render(name: String, labels: SeriesLabels, into text: inout String) {
        var count: Int64 = 0
        for bucket in self.counts.indices {
            count += self.counts[bucket].load(ordering: .relaxed)
            let bound = bucket < Self.bounds.count ? Self.bounds[bucket].label : "+Inf"
            text += "\(name)_bucket\(labels.braced(adding: "le=\"\(bound)\"")) \(count)\n"
        }
        let seconds = Double(self.sum.load(ordering: .relaxed)) / 1_000_000_000
        text += "\(name)_sum\(labels.braced()) \(PrometheusText.number(seconds))\n"
        text += "\(name)_count\(labels.braced()) \(count)\n"
    }
}

/// A floating-point number that several threads add to without a lock.
private struct AtomicDouble: ~Copyable {
    private let bits: Atomic<UInt64> = Atomic(0)

    func load() -> Double {
        Double(bitPattern: self.bits.load(ordering: .relaxed))
    }

    func store(_ value: Double) {
        self.bits.store(value.bitPattern, ordering: .relaxed)
    }

    func add(_ amount: Double) {
        var current = self.bits.load(ordering: .relaxed)
        while true {
            let sum = Double(bitPattern: current) + amount
            let (exchanged, original) = self.bits.weakCompareExchange(
                expected: current,
                desired: sum.bitPattern,
                ordering: .relaxed
            )
            if exchanged { return }
            current = original
        }
    }
}
