/// Which traces have spans. Every process says the same of one trace, since its id decides.
package enum TraceSampler: Hashable, Sendable {
    case all
    case none
    /// This part of all traces, from 0 to 1.
    case ratio(Double)

    package func takes(_ trace: TraceID) -> Bool {
        switch self {
        case .all: true
        case .none: false
        // The last 8 bytes are as good as random in any W3C trace id; OpenTelemetry's ratio sampler goes by them too.
        case .ratio(let ratio):
            UInt64(trace.rawValue.suffix(16), radix: 16).map { Double($0 >> 11) < ratio * 9_007_199_254_740_992 }
                ?? false
        }
    }
}
