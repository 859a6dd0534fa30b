package import TradingCore

/// `ma-rsi-volume`, the default: close above its 20-bar mean, Wilder RSI(14) between 50 and 70,
/// volume above its 20-bar mean. Stop 5 % below the entry, target three times that above, out after 40 sessions.
package struct MovingAverageRSIVolumeStrategy: Strategy {
    package static let name = "ma-rsi-volume"

    private let meanPeriod: Int
    private let rsiPeriod: Int
    private let rsiRange: ClosedRange<Double>
    private let stopDistance: Rate
    private let rewardMultiple: Int
    private let maximumSessions: Int
    package let entersNextSession: Bool

    package init(parameters: StrategyParameters) throws {
        try parameters.allow(
            "mean_period",
            "rsi_period",
            "rsi_low",
            "rsi_high",
            "stop_distance",
            "reward_multiple",
            "maximum_sessions",
            "next_session_entries"
        )
        self.meanPeriod = try parameters.int("mean_period", default: 20, in: 1...1000)
        self.rsiPeriod = try parameters.int("rsi_period", default: 14, in: 1...1000)
        let low = try parameters.int("rsi_low", default: 50, in: 0...100)
        let high = try parameters.int("rsi_high", default: 70, in: 0...100)
        guard low <= high else {
            throw StrategyParameterError(
                name: "rsi_low",
                value: "\(low)",
                expected: "at most rsi_high, which is \(high)"
            )
        }
        self.rsiRange = Double(low)...Double(high)
        self.stopDistance = try parameters.decimal(
            "stop_distance",
            default: Rate(raw: Rate.unit / 20),
            in: Rate(raw: Rate.unit / 1000)...Rate(raw: Rate.unit / 2)
        )
        self.rewardMultiple = try parameters.int("reward_multiple", default: 3, in: 1...100)
        // What a session's last bar calls for is bought in the next one.
        self.entersNextSession = try parameters.int("next_session_entries", default: 1, in: 0...1) == 1
        self.maximumSessions = try parameters.int("maximum_sessions", default: 40, in: 1...10_000)
    }

    package struct State: JSONCodable, Sendable {
        var closes: SimpleMovingAverage
        var volumes: SimpleMovingAverage
        var strength: RelativeStrengthIndex

        init(meanPeriod: Int, rsiPeriod: Int) {
            self.closes = SimpleMovingAverage(period: meanPeriod)
            self.volumes = SimpleMovingAverage(period: meanPeriod)
            self.strength = RelativeStrengthIndex(period: rsiPeriod)
        }

        package init(json: JSONValue) throws(JSONError) {
            let object = try JSONObject(json)
            self.closes = try object.value("closes")
            self.volumes = try object.value("volumes")
            self.strength = try object.value("strength")
        }

        package func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("closes", self.closes)
                $0.field("volumes", self.volumes)
                $0.field("strength", self.strength)
            }
        }
    }

    package var initialState: State { State(meanPeriod: self.meanPeriod, rsiPeriod: self.rsiPeriod) }

    package func observe(_ bar: Bar, state: inout State) {
        state.closes.add(bar.close.raw)
        state.volumes.add(bar.volume)
        state.strength.add(bar.close)
    }

    package func isCandidate(_ bar: Bar, state: State) -> Bool {
        guard let strength = state.strength.value else { return false }
        return state.closes.isBelow(bar.close.raw) && self.rsiRange.contains(strength)
            && state.volumes.isBelow(bar.volume)
    }

    package func plan(for candidate: ScanResult) throws -> EntryPlan {
        let reward = Rate(raw: self.stopDistance.raw * Int64(self.rewardMultiple))
        return EntryPlan(
            entryPrice: candidate.close,
            stopPrice: try candidate.close.scaled(by: .one - self.stopDistance),
            targetPrice: try candidate.close.scaled(by: .one + reward)
        )
    }

    package func exitReason(for position: HeldPosition) -> String? {
        position.sessionsHeld >= self.maximumSessions ? "held for \(position.sessionsHeld) sessions" : nil
    }
}
