/// Readings of one monotonic clock, from an arbitrary beginning: for timeouts and breakers, never for market time.
package enum MonotonicClock {
    private static let beginning = ContinuousClock.now

    package static func now() -> Duration { self.beginning.duration(to: ContinuousClock.now) }
}
