/// Decides when an agent is killed and which, the same way for the same seed.
package struct AgentKiller {
    private let interval: Duration
    private var generator: SplitMix64

    package init(interval: Duration, seed: UInt64) {
        self.interval = interval
        self.generator = SplitMix64(state: seed)
    }

    /// The time to the next kill: from half the interval to one and a half.
    package mutating func nextDelay() -> Duration {
        self.interval * Double.random(in: 0.5...1.5, using: &self.generator)
    }

    package mutating func nextVictim(of count: Int) -> Int {
        Int.random(in: 0..<count, using: &self.generator)
    }
}

private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
