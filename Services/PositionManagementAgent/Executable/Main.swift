import PositionManagementAgentProcess

@main
enum Main {
    static func main() async {
        await PositionManagementAgentProcess.run()
    }
}
