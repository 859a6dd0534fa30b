import CoreMetrics
import TradingCore

/// The metrics of one agent's main loop. Belongs to its thread.
final class OutcomeCounters {
    enum Outcome: String {
        case committed
        case duplicate
        case deferred
        case deadLetter = "dead_letter"
    }

    private var handled: [String: (counter: Counter, timer: CoreMetrics.Timer)] = [:]
    private let commits = Counter(label: MetricName.commits.rawValue)
    private let conflicts = Counter(label: MetricName.conflicts.rawValue)

    init() {
        // Shown before there is one.
        Counter(label: MetricName.deadLetters.rawValue).increment(by: 0)
    }

    func count(_ input: Input, _ outcome: Outcome, since started: ContinuousClock.Instant) {
        let name = Self.name(of: input)
        let key = "\(name) \(outcome.rawValue)"
        let metrics: (counter: Counter, timer: CoreMetrics.Timer)
        if let known = self.handled[key] {
            metrics = known
        } else {
            let dimensions = [("input", name), ("outcome", outcome.rawValue)]
            metrics = (
                Counter(label: MetricName.inputs.rawValue, dimensions: dimensions),
                CoreMetrics.Timer(label: MetricName.handlingTime.rawValue, dimensions: dimensions)
            )
            self.handled[key] = metrics
        }
        metrics.counter.increment()
        let elapsed = started.duration(to: ContinuousClock.now).components
        metrics.timer.recordNanoseconds(elapsed.seconds * 1_000_000_000 + elapsed.attoseconds / 1_000_000_000)
    }

    func countCommit() { self.commits.increment() }
    func countConflict() { self.conflicts.increment() }

    private static func name(of input: Input) -> String {
        switch input {
        case .started: "started"
        case .message(let message): message.event.rawValue
        case .quote: "quote"
        case .feed(.connected): "feed.connected"
        case .feed(.disconnected): "feed.disconnected"
        case .feed(.quote): "feed.quote"
        case .feed(.bar): "feed.bar"
        case .feed(.order): "feed.order"
        case .feed(.ordersMoved): "feed.orders_moved"
        case .feed(.holdingsMoved): "feed.holdings_moved"
        case .poll: "poll"
        case .login: "login"
        case .unprotected: "unprotected"
        }
    }
}
