package import TradingCore

/// How far the simulator's replay is.
package struct SimulatorStatus: Hashable, Sendable {
    /// Market time.
    package var time: Timestamp
    /// Counted from 1; 0 before the first.
    package var session: Int
    package var sessions: Int
    /// Of all symbols, so far.
    package var ticks: Int
    /// All bars have been replayed and the system has settled.
    package var isFinished: Bool
    /// What the replay waits for or waited for last, for people.
    package var waitingFor: String?

    package init(
        time: Timestamp,
        session: Int,
        sessions: Int,
        ticks: Int,
        isFinished: Bool,
        waitingFor: String? = nil
    ) {
        self.time = time
        self.session = session
        self.sessions = sessions
        self.ticks = ticks
        self.isFinished = isFinished
        self.waitingFor = waitingFor
    }
}

/// The simulator's own books at the end of a replay.
package struct SimulatorResult: Hashable, Sendable {
    package struct EquityPoint: Hashable, Sendable {
        package var date: CalendarDate
        /// At the session's close.
        package var equity: Money

        package init(date: CalendarDate, equity: Money) {
            self.date = date
            self.equity = equity
        }
    }

    package var sessions: Int
    package var cash: Money
    package var equity: Money
    package var peakEquity: Money
    /// A share of the peak.
    package var maximumDrawdown: Rate
    package var positions: [Symbol: Quantity]
    package var equityCurve: [EquityPoint]

    package init(
        sessions: Int,
        cash: Money,
        equity: Money,
        peakEquity: Money,
        maximumDrawdown: Rate,
        positions: [Symbol: Quantity],
        equityCurve: [EquityPoint]
    ) {
        self.sessions = sessions
        self.cash = cash
        self.equity = equity
        self.peakEquity = peakEquity
        self.maximumDrawdown = maximumDrawdown
        self.positions = positions
        self.equityCurve = equityCurve
    }
}

/// What can be asked of the simulator beside the broker's own API. Blocks.
package protocol SimulatorControl {
    func status() throws -> SimulatorStatus
    func result() throws -> SimulatorResult
}
