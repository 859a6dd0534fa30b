import RiskManagementAgentProcess

@main
enum Main {
    static func main() async {
        await RiskManagementAgentProcess.run()
    }
}
