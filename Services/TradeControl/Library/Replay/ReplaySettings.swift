package import MarketSimulation
package import TradingCore

/// What a replay is asked to do, checked.
package struct ReplaySettings: Sendable {
    package var barsPath: String
    package var bars: BarFolder
    package var timeframe: Timeframe
    /// At the start.
    package var cash: Money
    package var runDirectory: String
    /// Where the agents' and the simulator's executables are.
    package var binaries: String
    /// About how often an agent is killed; nil for never.
    package var killEvery: Duration?
    package var dialect: BrokerDialect
    /// Of the agents that run more than once.
    package var replicas: [AgentName: Int]
    /// Chooses who is killed and when.
    package var seed: UInt64
    package var logLevel: String
    /// What the processes inherit.
    package var environment: [String: String]

    /// Reads the bars, which blocks on the file system.
    ///
    /// - Throws: `CommandFailure` with `.badBars` for bars that cannot be replayed.
    package init(
        barsPath: String,
        cash: Money,
        runDirectory: String,
        binaries: String,
        killEvery: Duration? = nil,
        dialect: BrokerDialect = .alpaca,
        replicas: [AgentName: Int] = [:],
        seed: UInt64 = 1,
        logLevel: String = "warning",
        environment: [String: String] = [:]
    ) throws(CommandFailure) {
        var warnings: [String] = []
        do {
            self.bars = try BarFolder(path: barsPath) { warnings.append($0) }
        } catch {
            // The folder is what the user has named; a file in it speaks for itself.
            let origin = error.file == barsPath ? "BARS (--bars): " : ""
            throw CommandFailure(.badBars, origin + error.description)
        }
        self.timeframe = try Self.timeframe(of: self.bars, path: barsPath)
        if dialect == .schwab { try Self.checkForSchwab(self.timeframe, warnings) }
        for warning in warnings { BarFolder.warnOnStandardError(warning) }
        self.barsPath = barsPath
        self.cash = cash
        self.runDirectory = runDirectory
        self.binaries = binaries
        self.killEvery = killEvery
        self.dialect = dialect
        self.replicas = replicas
        self.seed = seed
        self.logLevel = logLevel
        self.environment = environment
    }

    private static func checkForSchwab(_ timeframe: Timeframe, _ warnings: [String]) throws(CommandFailure) {
        guard timeframe == .day || timeframe.interval == .seconds(60) else {
            throw CommandFailure(
                .badBars,
                "BARS (--bars): Schwab brings completed bars of a minute and of a day only, and these last \(timeframe); "
                    + "replay them with BROKER_DIALECT=alpaca"
            )
        }
        // Its adapter knows that no session is on a weekend.
        if let warning = warnings.first {
            throw CommandFailure(.badBars, "BARS (--bars): \(warning); replay them with BROKER_DIALECT=alpaca")
        }
    }

    private static func timeframe(of bars: BarFolder, path: String) throws(CommandFailure) -> Timeframe {
        guard case .intraday(let interval) = bars.frequency else { return .day }
        let seconds = interval.components.seconds
        let text = seconds % 3600 == 0 ? "\(seconds / 3600)Hour" : "\(seconds / 60)Min"
        guard let timeframe = Timeframe(text), timeframe.interval == interval else {
            throw CommandFailure(
                .badBars,
                "BARS (--bars): \(path): bar times lie \(interval) apart; give bars of 1 to 59 whole minutes or 1 to "
                    + "23 whole hours"
            )
        }
        return timeframe
    }
}
