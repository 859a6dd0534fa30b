import Glibc

/// Asks for a fact until it is there.
enum Patience {
    /// The first answer that is not nil; nil if there is none within `limit`.
    static func wait<Fact>(_ limit: Duration, for fact: () throws -> Fact?) rethrows -> Fact? {
        let deadline = ContinuousClock.now + limit
        while true {
            if let found = try fact() { return found }
            guard ContinuousClock.now < deadline else { return nil }
            _ = poll(nil, 0, 20)
        }
    }
}
