package import Brokerage
import TradingCore

/// Finds out that a connection which still answers pings brings nothing any more. Told of everything that comes; pure
/// but for the question it is given to ask.
package struct SilenceWatch {
    private let vitalSign: FeedVitalSign
    private let quoteSilence: Duration
    /// The last sign of life.
    private var heardAt: Duration = .zero
    /// Not before is it worth asking again whether a session is open.
    private var nextLook: Duration = .zero
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

    /// What is wrong; nil while nothing is. `openFor` tells for how long a session has been open, nil while none is; it
    /// is asked only in silence.
    package mutating func complaint(at now: Duration, openFor: () throws -> Duration?) rethrows -> String? {
        guard let limit = self.limit, now >= max(self.heardAt + limit, self.nextLook) else { return nil }
        let reason = "nothing came for \(limit.components.seconds) s"
        guard self.vitalSign == .marketData else { return reason }
        guard let openFor = try openFor() else {
            self.nextLook = now + limit / 4
            return nil
        }
        let silence = min(now - self.heardAt, openFor)
        guard silence >= limit else {
            self.nextLook = now + limit - silence
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
