import Glibc

/// Waits a little longer after each failure in a row: 20 ms, doubling to 1 s.
struct BackOff {
    private var failures = 0

    mutating func reset() { self.failures = 0 }

    /// Blocks the thread, in short steps so that a stop is noticed.
    mutating func wait(stop: StopSignal, heartbeat: Heartbeat) {
        let deadline = MonotonicClock.now() + min(.milliseconds(20) * (1 << min(self.failures, 6)), .seconds(1))
        self.failures += 1
        while !stop.isGiven, MonotonicClock.now() < deadline {
            heartbeat.beat()
            usleep(10_000)
        }
    }
}
