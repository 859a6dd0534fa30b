/// For how long things have been in some state, by looking again and again at which are in it now.
struct StandingTimes<ID: Hashable> {
    private var since: [ID: Duration] = [:]
    private var now = Duration.zero

    /// Those that were not among the last ones begin now, by a monotonic clock.
    mutating func look(at ids: some Sequence<ID>, now: Duration) {
        self.now = now
        self.since = ids.reduce(into: [:]) { since, id in since[id] = self.since[id] ?? now }
    }

    /// At the last look; zero for what is not so.
    subscript(_ id: ID) -> Duration { self.since[id].map { self.now - $0 } ?? .zero }

    var longest: Duration { self.since.values.map { self.now - $0 }.max() ?? .zero }
}
