import StrategyAgentProcess

@main
enum Main {
    static func main() async {
        await StrategyAgentProcess.run()
    }
}
