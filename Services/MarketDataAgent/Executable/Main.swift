import MarketDataAgentProcess

@main
enum Main {
    static func main() async {
        await MarketDataAgentProcess.run()
    }
}
