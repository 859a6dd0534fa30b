import MessageBus

/// The chains, one pass of each in turn, so that whatever disturbs the machine disturbs them alike and each finds the
/// processor's caches as the others left them.
struct LatencyBenchmark {
    private struct Contestant {
        let name: String
        let title: String
        var chain: any Chain
        private(set) var all = Samples()
        private(set) var roundMedians: [Double] = []

        init(name: String, title: String, chain: any Chain) {
            self.name = name
            self.title = title
            self.chain = chain
        }

        mutating func take(_ round: Samples) {
            self.all.append(contentsOf: round)
            self.roundMedians.append(round.median)
        }
    }

    private static let cRelay = "c_relay"
    private static let pythonRelay = "python_relay"
    private static let rounds = 40
    private static let warmUpPasses = 30
    /// After the simulator has gone to rest.
    private static let gap = Duration.milliseconds(2)

    private let probe: RedisConnection
    private var pings = Samples()
    private var contestants: [Contestant]
    private let passesPerRound: Int

    init(
        _ endpoint: RedisEndpoint,
        agents: [MeasuredAgents],
        cRelays: CRelayChain,
        pythonRelays: PythonRelayChain?,
        passes: Int
    ) throws {
        self.probe = try RedisConnection(to: endpoint)
        self.passesPerRound = max(passes / Self.rounds, 1)
        self.contestants =
            agents.map { Contestant(name: $0.variant.rawValue, title: $0.variant.title, chain: $0.chain) }
            + [Contestant(name: Self.cRelay, title: "three C relays", chain: cRelays)]
        if let pythonRelays {
            self.contestants.append(
                Contestant(name: Self.pythonRelay, title: "three Python pub/sub relays", chain: pythonRelays)
            )
        }
    }

    mutating func warmUp() throws {
        for index in self.contestants.indices {
            for _ in 0..<Self.warmUpPasses { _ = try self.pass(index) }
        }
        self.pings = Samples()
    }

    mutating func run() throws -> [Figure] {
        for _ in 0..<Self.rounds {
            var round = self.contestants.map { _ in Samples() }
            for pass in 0..<self.passesPerRound {
                for turn in self.contestants.indices {
                    // Nobody always comes after the same one.
                    let index = (turn + pass) % self.contestants.count
                    round[index].append(try self.pass(index))
                }
            }
            for (index, samples) in round.enumerated() { self.contestants[index].take(samples) }
        }
        return self.figures
    }

    /// One pass, from the same state of rest for all: after a short pause, with Redis just awake.
    private mutating func pass(_ index: Int) throws -> Duration {
        rest(Self.gap)
        for _ in 0..<3 {
            let start = ContinuousClock.now
            _ = try self.probe.call(RedisCommand("PING"))
            self.pings.append(ContinuousClock.now - start)
        }
        return try self.contestants[index].chain.pass()
    }

    private var figures: [Figure] {
        var figures = [
            Figure(
                name: "redis_ping_p50",
                title: "PING to this Redis and back, p50",
                value: self.pings.median / 1000,
                unit: "µs",
                sampleCount: self.pings.count
            )
        ]
        for contestant in self.contestants {
            for (suffix, fraction) in [("p50", 0.5), ("p99", 0.99)] {
                figures.append(
                    Figure(
                        name: "chain_\(contestant.name)_\(suffix)",
                        title: "signal → order through \(contestant.title), \(suffix)",
                        value: contestant.all.quantile(fraction) / 1000,
                        unit: "µs",
                        sampleCount: contestant.all.count
                    )
                )
            }
        }
        let usual = MeasuredAgents.Variant.usual.rawValue
        let untraced = MeasuredAgents.Variant.untraced.rawValue
        let ratios: [(String, String, goal: Double?)] = [
            (usual, Self.cRelay, 1.5), (usual, Self.pythonRelay, nil), (usual, untraced, Self.tracingGoal),
            (MeasuredAgents.Variant.uncollected.rawValue, untraced, Self.tracingGoal),
            (MeasuredAgents.Variant.overTLS.rawValue, usual, nil),
        ]
        for (one, other, goal) in ratios {
            guard let one = self.contestants.first(where: { $0.name == one }),
                let other = self.contestants.first(where: { $0.name == other })
            else { continue }
            figures.append(self.ratio(of: one, to: other, goal: goal))
        }
        return figures
    }

    /// Traces may cost a twentieth of the chain.
    private static let tracingGoal = 1.05

    /// The median over the rounds of the ratio of the round's medians.
    private func ratio(of one: Contestant, to other: Contestant, goal: Double?) -> Figure {
        var ratios = Samples()
        for (mine, theirs) in zip(one.roundMedians, other.roundMedians) { ratios.append(mine / theirs) }
        return Figure(
            name: "chain_\(one.name)_to_\(other.name)",
            title: "\(one.title) : \(other.title), p50",
            value: ratios.median,
            unit: "×",
            sampleCount: ratios.count,
            sides: (
                .init(name: "chain_\(one.name)_p50", value: one.all.median / 1000, unit: "µs"),
                .init(name: "chain_\(other.name)_p50", value: other.all.median / 1000, unit: "µs")
            ),
            goal: goal
        )
    }
}
