package import Brokerage
import TradingCore

/// Finds out that a connection which still answers pings brings nothing any more. Told of everything that comes; pure
/// but for the question it is given to ask.
package struct SilenceWatch {
    private let vitalSign: FeedVitalSign
    private let quoteSilence: Duration
    /// The last sign of life, or the last moment at which none was to be expected.
    private var heardAt: Duration = .zero
    /// A session was open when that was asked last.
    private var wasOpen = false
    /// Connections on which no market data came before they were given up, one after the other. A symbol in which
    /// nobody trades is silent too: each is given twice the time of the one before.
    private var silentConnections = 0

    package init(_ vitalSign: FeedVitalSign, quoteSilence: Duration) {
        self.vitalSign = vitalSign
        self.quoteSilence = quoteSilence
    }

    package mutating func connected(at now: Duration) { self.heardAt = now }

    package mutating func heard(_ actions: [FeedAction], at now: Duration) {
        switch self.vitalSign {
        case .frames: self.heardAt = now
        case .marketData:
            guard actions.contains(where: \.isMarketData) else { return }
            self.heardAt = now
            self.silentConnections = 0
        case .none: break
        }
    }

    /// What is wrong; nil while nothing is. `isOpen` tells whether a session is open, and is asked only in silence.
    package mutating func complaint(at now: Duration, isOpen: () throws -> Bool) rethrows -> String? {
        let limit = self.limit
        guard let limit, now - self.heardAt >= limit else { return nil }
        let reason = "nothing came for \(limit.components.seconds) s"
        guard self.vitalSign == .marketData else { return reason }
        let isOpen = try isOpen()
        defer { self.wasOpen = isOpen }
        // Silence counts from the opening on, or from when it was noticed.
        guard isOpen, self.wasOpen else {
            self.heardAt = now
            return nil
        }
        self.silentConnections += 1
        return reason + ", in an open session"
    }

    private var limit: Duration? {
        switch self.vitalSign {
        case .frames(let interval): interval
        case .marketData: self.quoteSilence * (1 << min(self.silentConnections, 4))
        case .none: nil
        }
    }
}

extension FeedAction {
    fileprivate var isMarketData: Bool {
        switch self {
        case .event(.quote), .event(.bar): true
        default: false
        }
    }
}
