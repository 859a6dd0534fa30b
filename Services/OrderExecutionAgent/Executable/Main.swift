import OrderExecutionAgentProcess

@main
enum Main {
    static func main() async {
        await OrderExecutionAgentProcess.run()
    }
}
