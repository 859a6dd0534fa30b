package import TradingCore

/// Where in time an entry stands, as its id tells: `<milliseconds>-<number>`. The later one is the greater, whatever the
/// streams.
package struct StreamPosition: Hashable, Sendable, Comparable {
    private let milliseconds: UInt64
    private let number: UInt64

    /// No entry comes after it.
    static let last = StreamPosition("\(UInt64.max)-\(UInt64.max)")

    /// What is no id stands before all.
    package init(_ id: String) {
        let parts = id.split(separator: "-")
        self.milliseconds = parts.first.flatMap { UInt64($0) } ?? 0
        self.number = parts.last.flatMap { UInt64($0) } ?? 0
    }

    /// By Redis' clock.
    package var time: Timestamp { Timestamp(milliseconds: Int64(clamping: self.milliseconds)) }

    package static func < (lhs: StreamPosition, rhs: StreamPosition) -> Bool {
        (lhs.milliseconds, lhs.number) < (rhs.milliseconds, rhs.number)
    }
}
