import AgentRuntime
import Brokerage
import MarketDataAgent
import TradingCore

@main
enum Main {
    static func main() async {
        var definition = AgentDefinition(agent: .marketData, defaultHTTPPort: 8081) { settings, _ in
            MarketDataAgent(symbols: try settings.symbols(), timeframe: try settings.timeframe())
        }
        definition.makeFeed = { settings, endpoints in
            AlpacaMarketDataFeed(
                endpoints: endpoints,
                symbols: try settings.symbols(),
                timeframe: try settings.timeframe()
            )
        }
        definition.pollInterval = .seconds(30)
        await AgentProcess.run(definition)
    }
}
