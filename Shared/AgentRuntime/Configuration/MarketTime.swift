/// What drives the market's time: `MARKET_TIME`. No agent can tell a replay from a machine whose clock is years off, so
/// whoever starts it says so; `tradectl replay` does.
package enum MarketTime: String, Hashable, Sendable, CaseIterable {
    /// A real market, in step with this machine's clock: the clock is held against the broker's, silence means
    /// something, and the broker's calendar is held against the exchanges' rules.
    case wall
    /// A replay: its time comes in messages alone and stands still as long as it likes; its bars say what is a session.
    case simulated

    /// - Throws: `ConfigurationError` for anything else.
    package init(_ settings: Settings) throws(ConfigurationError) {
        self = try settings.choice("market.time", default: .wall)
    }
}
