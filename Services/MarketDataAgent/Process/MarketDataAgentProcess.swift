import AgentRuntime
import Brokerage
import HTTPTransport
import MarketDataAgent
import TradingCore

/// The agent as a process. Returns when it has been asked to stop.
package enum MarketDataAgentProcess {
    package static func run() async {
        var definition = AgentDefinition(agent: .marketData, defaultHTTPPort: 8081) { settings, seed in
            let (symbols, timeframe) = (try settings.symbols(), try settings.timeframe())
            let isReal = try MarketTime(settings) == .wall
            // The closing auction is part of the bar, and told of later. A replay's bars are complete at the close.
            let delay = try settings.duration(
                "market.dailyBarDelay",
                default: isReal ? .seconds(300) : .zero,
                in: .zero...Duration.seconds(4 * 3600)
            )
            return switch try BrokerSettings(settings) {
            case .alpaca:
                MarketDataAgent(
                    symbols: symbols,
                    timeframe: timeframe,
                    dailyBarDelay: delay,
                    checksCalendar: isReal,
                    seed: seed
                )
            // Schwab is asked for each date by itself, and streams bars of a minute at most.
            case .schwab:
                MarketDataAgent(
                    symbols: symbols,
                    timeframe: timeframe,
                    calendarDays: 45,
                    streamsDailyBars: false,
                    dailyBarDelay: delay,
                    checksCalendar: isReal,
                    streamTellsOfOrders: true,
                    seed: seed
                )
            }
        }
        definition.makeFeed = { settings, broker in
            let (symbols, timeframe) = (try settings.symbols(), try settings.timeframe())
            switch broker {
            case .alpaca(let endpoints):
                return AlpacaMarketDataFeed(endpoints: endpoints, symbols: symbols, timeframe: timeframe)
            case .schwab(let endpoints):
                guard timeframe == .day || timeframe.interval == .seconds(60) else {
                    throw ConfigurationError(
                        .malformed,
                        "TIMEFRAME (timeframe): Schwab brings completed bars of 1Min and 1Day only, not of \(timeframe)"
                    )
                }
                let tls = try TLSSettings(settings)
                return SchwabStreamFeed(
                    endpoints: endpoints,
                    symbols: symbols,
                    timeframe: timeframe,
                    makeClient: { CurlHTTPClient(tls: tls) },
                    now: WallClock.now
                )
            }
        }
        definition.pollInterval = .seconds(30)
        await AgentProcess.run(definition)
    }
}
