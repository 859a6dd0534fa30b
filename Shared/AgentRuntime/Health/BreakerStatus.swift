package import TradingCore

/// One lane's circuit breaker, as an operator sees it.
package struct BreakerStatus: Hashable, Sendable {
    package var state: BreakerState
    /// By wall time, as all times here.
    package var since: Timestamp
    /// When an open breaker lets a call through again.
    package var until: Timestamp?
    package var reason: String

    package init(_ state: BreakerState, since: Timestamp, until: Timestamp? = nil, reason: String) {
        self.state = state
        self.since = since
        self.until = until
        self.reason = reason
    }
}

extension BreakerStatus: JSONEncodable {
    package func write(to writer: inout JSONWriter) {
        writer.object {
            $0.field("state", self.state)
            $0.field("since", self.since)
            $0.field("until", self.until)
            $0.field("reason", self.reason)
        }
    }
}

extension BreakerState {
    /// What its gauge shows.
    var gaugeValue: Int {
        switch self {
        case .closed: 0
        case .halfOpen: 1
        case .open: 2
        }
    }
}
