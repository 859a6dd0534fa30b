import AgentRuntime
import ArgumentParser
import BrokerSimulatorProcess
import Glibc
import MarketDataAgentProcess
import OrderExecutionAgentProcess
import PositionManagementAgentProcess
import RiskManagementAgentProcess
import StrategyAgentProcess
import TradeControl

/// Every program of the system in one file, which is a sixth of what they are apart. The name it is called by says which
/// one it is, so that a container image holds it once, with a link for each program. Under its own name it only takes the
/// question after the health of the container's program, which is the same command whatever the container runs.
@main
enum Main {
    static func main() async {
        var name = Self.program(CommandLine.arguments.first ?? "")
        if name == "quintet", HealthQuestion.isAsked { name = Self.program(Self.firstProcess) }
        switch name {
        case "market-data-agent": await MarketDataAgentProcess.run()
        case "strategy-agent": await StrategyAgentProcess.run()
        case "risk-management-agent": await RiskManagementAgentProcess.run()
        case "order-execution-agent": await OrderExecutionAgentProcess.run()
        case "position-management-agent": await PositionManagementAgentProcess.run()
        case "broker-simulator": await BrokerSimulatorProcess.run()
        case "tradectl": TradeControlCommand.main()
        default:
            var line = Array(
                "\(name): it does nothing under this name; call it by a link named as the program it is to be\n".utf8
            )
            _ = write(STDERR_FILENO, &line, line.count)
            exit(64)
        }
    }

    private static func program(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? ""
    }

    /// How process 1 was called, which in a container is what it runs.
    private static var firstProcess: String {
        guard let file = fopen("/proc/1/cmdline", "re") else { return "" }
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 256)
        let count = fread(&text, 1, text.count, file)
        return String(decoding: text[..<count].prefix { $0 != 0 }, as: UTF8.self)
    }
}
