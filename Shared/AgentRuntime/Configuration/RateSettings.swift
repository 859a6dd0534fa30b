package import Brokerage
import TradingCore

/// How many requests a minute an API key may send, from all processes together.
///
/// | environment | file | default |
/// |---|---|---|
/// | `BROKER_REQUESTS_PER_MINUTE` | `brokerRequestsPerMinute` | 180 at Alpaca, 120 at Schwab; 0 is no limit |
/// | `BROKER_DATA_REQUESTS_PER_MINUTE` | `brokerDataRequestsPerMinute` | 180; Schwab counts data with the rest |
/// | `BROKER_RESERVED_SHARE` | `brokerReservedShare` | 0.3 at Alpaca, 0.5 at Schwab |
///
/// The reserved share is kept for stops, exits and cancels.
extension RateBudgets {
    package init(_ settings: Settings, _ broker: BrokerSettings) throws {
        func limit(_ path: String, _ value: Int) throws -> Int {
            try settings.int(path, default: value, in: 0...100_000)
        }
        func share(_ value: Rate) throws -> Rate {
            try settings.decimal("brokerReservedShare", default: value, in: .zero...Rate.one)
        }
        let half = Rate(raw: Rate.unit / 2)
        let data = try limit("brokerDataRequestsPerMinute", 180)
        switch broker {
        case .alpaca(let endpoints):
            // Alpaca grants 200. What another program of the account sends, and what is late on its way, needs room.
            self = endpoints.rateBudgets(
                trading: try limit("brokerRequestsPerMinute", 180),
                data: data,
                reservedShare: try share(Rate(raw: Rate.unit / 10 * 3))
            )
        case .schwab(let endpoints):
            self = endpoints.rateBudgets(
                try limit("brokerRequestsPerMinute", 120),
                reservedShare: try share(half)
            )
        }
    }
}
