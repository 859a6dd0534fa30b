/// Waits a little longer after each failure in a row: 20 ms, doubling to 1 s.
struct BackOff {
    private var failures = 0

    mutating func reset() { self.failures = 0 }

    /// Blocks the thread; a stop ends it at once.
    mutating func wait(stop: StopSignal, heartbeat: Heartbeat) {
        let duration = min(.milliseconds(20) * (1 << min(self.failures, 6)), .seconds(1))
        self.failures += 1
        _ = stop.wait(for: duration, beating: heartbeat)
    }
}
