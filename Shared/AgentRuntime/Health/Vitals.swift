/// The heartbeats of a process's threads, each with the longest pause that is no sign of trouble.
package struct Vitals: Sendable {
    private let threads: [(heartbeat: Heartbeat, limit: Duration)]

    package init(_ threads: [(heartbeat: Heartbeat, limit: Duration)]) {
        self.threads = threads
    }

    /// Stalled when one of the threads is; says which and for how long.
    package func liveness() -> Liveness {
        let reasons: [String] = self.threads.compactMap { heartbeat, limit in
            if case .stalled(let reason) = heartbeat.liveness(within: limit) { reason } else { nil }
        }
        return reasons.isEmpty ? .alive : .stalled(reasons.joined(separator: "; "))
    }
}
