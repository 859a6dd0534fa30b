import AgentRuntime
import RiskManagementAgent
import TradingCore

/// The agent as a process. Returns when it has been asked to stop.
package enum RiskManagementAgentProcess {
    package static func run() async {
        var definition = AgentDefinition(agent: .riskManagement, defaultHTTPPort: 8083) { settings, _ in
            RiskManagementAgent(
                limits: try RiskLimits(settings),
                approvalLifetime: try settings.duration("risk.approvalLifetime", default: .seconds(300))
            )
        }
        definition.watchesProtection = true
        await AgentProcess.run(definition)
    }
}
