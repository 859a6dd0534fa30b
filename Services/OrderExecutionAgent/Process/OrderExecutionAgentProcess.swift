import AgentRuntime
import Brokerage
import OrderExecutionAgent
import TradingCore

/// The agent as a process. Returns when it has been asked to stop.
package enum OrderExecutionAgentProcess {
    package static func run() async {
        var definition = AgentDefinition(agent: .orderExecution, defaultHTTPPort: 8084) { settings, _ in
            OrderExecutionAgent(
                partialFillSeconds: try settings.int("order.partialFillSeconds", default: 5, in: 0...3600),
                tickRule: try settings.choice("order.tickRule", default: .usStocks)
            )
        }
        definition.makeFeed = { _, broker in
            switch broker {
            case .alpaca(let endpoints): AlpacaTradeUpdatesFeed(endpoints: endpoints)
            // Schwab's one stream is MarketData's, which passes on that orders have moved.
            case .schwab: nil
            }
        }
        definition.pollInterval = .seconds(15)
        definition.watchesProtection = true
        await AgentProcess.run(definition)
    }
}
