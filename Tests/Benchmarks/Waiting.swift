import Glibc

/// Asks until the answer is yes. Between two questions the thread rests for `interval`.
func wait(
    for what: String,
    upTo limit: Duration = .seconds(30),
    every interval: Duration,
    until isTrue: () throws -> Bool
)
    throws
{
    let deadline = ContinuousClock.now + limit
    while try !isTrue() {
        guard ContinuousClock.now < deadline else {
            throw BenchmarkFailure("waited \(limit.components.seconds) s for \(what) in vain")
        }
        rest(interval)
    }
}

/// Leaves the processor to others for that long, less than a second.
func rest(_ duration: Duration) {
    usleep(UInt32(duration.nanoseconds / 1000))
}
