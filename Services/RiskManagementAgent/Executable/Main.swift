import AgentRuntime
import RiskManagementAgent
import TradingCore

@main
enum Main {
    static func main() async {
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
