import AgentRuntime
import Brokerage
import Logging
import MarketDataAgent
import MarketSimulation
import MessageBus
import OrderExecutionAgent
import PositionManagementAgent
import RiskManagementAgent
import StrategyAgent
import Testing
import TradingCore

/// The five agents over the in-memory bus and the matching engine, in one thread: the same judgements, loops, lanes
/// and commits as in production, without processes. Crashes are thrown at commits, before or after they take effect,
/// and the crashed agent starts again with nothing but the ledger.
final class SimulatedSystem {
    let store = InMemoryMessageStore()
    let market: SimulatedMarket
    private let folder: BarFolder
    private let schedule: ReplaySchedule
    private var processes: [SimulatedProcess] = []
    private let crashes: CrashPlan
    private(set) var restarts = 0

    init(bars folder: BarFolder, cash: Money = Money(10_000), crashes: CrashPlan = .none, replicas: Int = 1) throws {
        self.folder = folder
        self.schedule = ReplaySchedule(folder)
        self.crashes = crashes
        let first = try #require(self.schedule.sessions.first, "the bars hold no session")
        self.market = SimulatedMarket(
            engine: MatchingEngine(
                symbols: self.schedule.symbols,
                configuration: .init(cash: cash),
                startingAt: NewYorkTime.timestamp(on: first.date, hour: 0)
            ),
            sessions: self.schedule.sessions
        )
        for agent in AgentName.allCases {
            for replica in 1...replicas {
                self.processes.append(
                    SimulatedProcess(
                        agent: agent,
                        instance: "\(agent)-\(replica)",
                        store: self.store,
                        market: self.market,
                        symbols: self.schedule.symbols,
                        crashes: crashes
                    )
                )
            }
        }
    }

    /// Replays every session. Throws what only a defect can throw.
    func run() throws {
        for index in self.processes.indices { self.start(index) }
        for process in self.processes { process.feed(.connected) }
        try self.settle()
        for session in self.schedule.sessions.indices {
            for step in self.schedule.steps(ofSession: session) {
                switch step {
                case .tick(let tick):
                    self.market.tell(self.market.engine.tick(tick))
                    self.quote(tick.slot)
                case .sessionClosed(let close):
                    self.market.tell(
                        self.market.engine.closeSession(date: self.schedule.sessions[session].date, at: close)
                    )
                    for slot in self.schedule.symbols.indices { self.quote(slot) }
                case .barComplete(let slot, let bar, _):
                    let symbol = self.schedule.symbols[slot]
                    self.market.bars[symbol, default: []].append(bar)
                    self.tellMarketData(.bar(symbol, .day, bar))
                }
                try self.settle()
            }
        }
    }

    private func quote(_ slot: Int) {
        guard let price = self.market.engine.lastPrice(slot: slot) else { return }
        self.tellMarketData(
            .quote(
                Quote(
                    symbol: self.schedule.symbols[slot],
                    bid: price,
                    ask: price,
                    timestamp: self.market.engine.now
                )
            )
        )
    }

    private func tellMarketData(_ event: FeedEvent) {
        self.processes.first { $0.agent == .marketData }?.feed(event)
    }

    /// Lets everybody work until nobody has anything to do.
    private func settle() throws {
        let groups = AgentName.allCases.flatMap { agent in
            agent.allStreams.map { (stream: $0, group: agent.rawValue) }
        }
        let bus = InMemoryMessageBus(store: self.store)
        for round in 0..<10_000 {
            let updates = self.market.updates
            self.market.updates = []
            for update in updates {
                self.processes.first { $0.agent == .orderExecution }?.feed(.order(update))
            }
            for index in self.processes.indices where !self.processes[index].work() { self.start(index) }
            if self.market.updates.isEmpty, self.processes.allSatisfy(\.isIdle),
                try bus.quiescence(of: groups) == .settled
            {
                return
            }
            if round == 9_999 { throw NotSettled(description: "\(try bus.quiescence(of: groups))") }
        }
    }

    private func start(_ index: Int) {
        while !self.processes[index].start() { self.restarts += 1 }
        if self.processes[index].hasCrashed {
            self.restarts += 1
            self.processes[index].hasCrashed = false
            // A new process has a new connection.
            self.processes[index].feed(.connected)
        }
    }
}

struct NotSettled: Error, CustomStringConvertible {
    let description: String
}

/// When the next commit is cut short. The countdown is drawn from a seed, so that a failing run can be repeated.
final class CrashPlan {
    private var state: UInt64
    private let meanCommits: UInt64
    private var countdown: UInt64

    static var none: CrashPlan { CrashPlan(seed: 1, meanCommits: 0) }

    init(seed: UInt64, meanCommits: UInt64) {
        self.state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        self.meanCommits = meanCommits
        self.countdown = meanCommits
    }

    enum Cut { case none, before, after }

    func next() -> Cut {
        guard self.meanCommits > 0 else { return .none }
        guard self.countdown == 0 else {
            self.countdown -= 1
            return .none
        }
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        self.countdown = self.state % (2 * self.meanCommits)
        return self.state >> 40 & 1 == 0 ? .before : .after
    }
}
