import Synchronization

/// Remembers when a loop last turned over. Safe from any thread; a beat costs one clock reading and one store.
package final class Heartbeat: Sendable {
    private let name: String
    private let start: ContinuousClock.Instant
    private let now: @Sendable () -> ContinuousClock.Instant
    /// Since `start`.
    private let lastBeatMilliseconds: Atomic<Int64> = Atomic(0)

    /// Counts as a first beat. `name` says whose it is.
    package init(
        _ name: String = "the main loop",
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.name = name
        self.now = now
        self.start = now()
    }

    package func beat() {
        self.lastBeatMilliseconds.store(self.elapsedMilliseconds(), ordering: .relaxed)
    }

    /// Stalled when the last beat is longer ago than `limit`.
    package func liveness(within limit: Duration) -> Liveness {
        let age = Duration.milliseconds(
            self.elapsedMilliseconds() - self.lastBeatMilliseconds.load(ordering: .relaxed)
        )
        return age <= limit ? .alive : .stalled("\(self.name) last turned over \(age.components.seconds) s ago")
    }

    private func elapsedMilliseconds() -> Int64 {
        let elapsed = (self.now() - self.start).components
        return elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000
    }
}
