/// The regular trading hours of one day.
package struct TradingSession: Hashable, Sendable {
    /// The New York date.
    package let date: CalendarDate

    /// The first instant at which the market is open.
    package let open: Timestamp

    /// The first instant at which the market is closed again.
    package let close: Timestamp

    package init(date: CalendarDate, open: Timestamp, close: Timestamp) {
        self.date = date
        self.open = open
        self.close = close
    }

    /// Whether the market is open at `timestamp`; it is at the open and is not at the close.
    package func contains(_ timestamp: Timestamp) -> Bool {
        self.open <= timestamp && timestamp < self.close
    }
}

/// What the market does at an instant.
package enum MarketPhase: String, CaseIterable, Hashable, Sendable {
    case closed
    case preMarket = "pre_market"
    case regular
    case postMarket = "post_market"
}
