import AgentRuntime
import PositionManagementAgent
import TradingCore

/// The agent as a process. Returns when it has been asked to stop.
package enum PositionManagementAgentProcess {
    package static func run() async {
        let definition = AgentDefinition(agent: .positionManagement, defaultHTTPPort: 8085) { settings, _ in
            PositionManagementAgent(
                gapStopDistance: try RiskLimits(settings).stopDistance,
                tickRule: try settings.choice("order.tickRule", default: .usStocks),
                // A second apart, they outlast the rest of a breaker.
                maximumSendAttempts: 15 + Int(try BreakerSettings(settings).openFor.components.seconds)
            )
        }
        await AgentProcess.run(definition)
    }
}
