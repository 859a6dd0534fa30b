import MarketSimulation
package import TradingCore

/// What made a run what it was.
package struct ReportedSettings: Hashable, Sendable {
    /// The name of the folder of bars.
    package var bars: String
    /// At the start.
    package var cash: Money
    package var symbols: [Symbol]
    package var timeframe: Timeframe
    /// Whose API was spoken.
    package var dialect: BrokerDialect
    /// Nil if nothing was scanned.
    package var strategy: String?
    /// Nil if the run killed nothing.
    package var killEvery: Duration?
    package var seed: UInt64
    /// Of the agents that ran more than once.
    package var replicas: [AgentName: Int]
    /// Of the environment, what sets the agents up beside this; of a file of settings, its path.
    package var environment: [String: String]

    package init(
        bars: String,
        cash: Money,
        symbols: [Symbol],
        timeframe: Timeframe,
        dialect: BrokerDialect = .alpaca,
        strategy: String? = nil,
        killEvery: Duration? = nil,
        seed: UInt64 = 1,
        replicas: [AgentName: Int] = [:],
        environment: [String: String] = [:]
    ) {
        self.bars = bars
        self.cash = cash
        self.symbols = symbols
        self.timeframe = timeframe
        self.dialect = dialect
        self.strategy = strategy
        self.killEvery = killEvery
        self.seed = seed
        self.replicas = replicas
        self.environment = environment
    }

    /// - Parameter strategy: the one that scanned the bars.
    init(_ settings: ReplaySettings, strategy: String?) {
        let path = (try? FileSystem.absolute(settings.barsPath)) ?? settings.barsPath
        self.init(
            bars: path.split(separator: "/").last.map(String.init) ?? path,
            cash: settings.cash,
            symbols: settings.bars.symbols,
            timeframe: settings.timeframe,
            dialect: settings.dialect,
            strategy: strategy,
            killEvery: settings.killEvery,
            seed: settings.seed,
            replicas: settings.replicas,
            environment: settings.environment.filter { Self.isReported($0.key) }
        )
    }

    private static func isReported(_ name: String) -> Bool {
        ["RISK_", "STRATEGY_", "ORDER_", "BREAKER_"].contains { name.hasPrefix($0) }
            || ["QUINTET_CONFIG", "FAULTS", "FILL_FRACTION", "TICK_RULE", "STRICT_BARS"].contains(name)
    }

    var timeStyle: TimeStyle { self.timeframe == .day ? .date : .instant }
}

extension ReportedSettings: JSONEncodable {
    /// Every member is there; what there was not is null.
    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("bars", self.bars)
            $0.field("cash", self.cash)
            $0.field("symbols", self.symbols)
            $0.field("timeframe", self.timeframe.rawValue)
            $0.field("broker_dialect", self.dialect.rawValue)
            $0.field("strategy", self.strategy.map(JSONValue.string) ?? .null)
            // In seconds.
            $0.field("kill_every", self.killEvery.map { JSONValue.number("\($0 / .seconds(1))") } ?? .null)
            $0.field("seed", JSONValue.number(String(self.seed)))
            $0.object("replicas") {
                for agent in AgentName.allCases { $0.field(agent.rawValue, self.replicas[agent] ?? 1) }
            }
            $0.object("environment") {
                for (name, value) in self.environment.sorted(by: { $0.key < $1.key }) { $0.field(name, value) }
            }
        }
    }
}
