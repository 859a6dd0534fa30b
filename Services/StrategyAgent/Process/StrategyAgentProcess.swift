import AgentRuntime
import StrategyAgent
import TradingCore

/// The agent as a process. Returns when it has been asked to stop.
package enum StrategyAgentProcess {
    package static func run() async {
        await AgentProcess.run(
            AgentDefinition(agent: .strategy, defaultHTTPPort: 8082) { settings, seed in
                try StrategyRegistry.agent(
                    named: try settings.string("strategy.name", default: MovingAverageRSIVolumeStrategy.name),
                    parameters: StrategyParameters(try settings.strategyParameters()),
                    timeframe: try settings.timeframe(),
                    seed: seed
                )
            }
        )
    }
}

extension StrategyParameterError: ConfigurationProblem {}
extension UnknownStrategy: ConfigurationProblem {}
