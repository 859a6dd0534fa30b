import Glibc
package import TradingCore

/// The time of day by this machine: for logins and their tokens, and to be held against the market's time where that
/// is a real market's.
package enum WallClock {
    package static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
