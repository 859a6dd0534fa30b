import BrokerSimulatorProcess

@main
enum Main {
    static func main() async {
        await BrokerSimulatorProcess.run()
    }
}
