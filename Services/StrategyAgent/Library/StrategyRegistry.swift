package import TradingCore

/// Every strategy there is. To add one, add its line.
package enum StrategyRegistry {
    package static let strategies: [any Strategy.Type] = [
        MovingAverageRSIVolumeStrategy.self
    ]

    /// The agent that trades the strategy of that name.
    package static func agent(
        named name: String,
        parameters: StrategyParameters,
        timeframe: Timeframe,
        seed: String
    ) throws -> any Judgement {
        guard let type = Self.strategies.first(where: { $0.name == name }) else {
            let known = Self.strategies.map { $0.name }.joined(separator: ", ")
            throw UnknownStrategy(
                description: "STRATEGY_NAME (strategy.name): \"\(name)\" is none of the strategies \(known)"
            )
        }
        return try Self.make(type, parameters: parameters, timeframe: timeframe, seed: seed)
    }

    private static func make<S: Strategy>(
        _ type: S.Type,
        parameters: StrategyParameters,
        timeframe: Timeframe,
        seed: String
    ) throws -> any Judgement {
        StrategyAgent(strategy: try S(parameters: parameters), parameters: parameters, timeframe: timeframe, seed: seed)
    }
}

package struct UnknownStrategy: Error, CustomStringConvertible {
    package let description: String
}
