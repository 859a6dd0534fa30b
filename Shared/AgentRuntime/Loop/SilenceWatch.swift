package import Brokerage
import TradingCore

/// Finds out that a connection which still answers pings brings nothing any more. Told of everything that comes; pure
/// but for the question it is given to ask.
package struct SilenceWatch {
    private let vitalSigns: FeedVitalSigns
    private let quoteSilence: Duration
    private var lastFrame: Duration = .zero
    private var lastMarketData: Duration = .zero
    /// Not before is it worth asking again whether a session is open.
    private var nextLook: Duration = .zero
    /// Connections on which no market data came before they were given up, one after the other. A symbol in which
    /// nobody trades is silent too: each is given twice the time of the one before.
    private var silentConnections = 0

    package init(_ vitalSigns: FeedVitalSigns, quoteSilence: Duration) {
        self.vitalSigns = vitalSigns
        self.quoteSilence = quoteSilence
    }

    package mutating func connected(at now: Duration) {
        self.lastFrame = now
        self.lastMarketData = now
    }

    /// A frame has come that said this.
    package mutating func heard(_ actions: [FeedAction], at now: Duration) {
        self.lastFrame = now
        guard actions.contains(where: \.isMarketData) else { return }
        self.lastMarketData = now
        self.silentConnections = 0
    }

    /// What is wrong; nil while nothing is. `openFor` tells for how long a session has been open, nil while none is; it
    /// is asked only in silence.
    package mutating func complaint(at now: Duration, openFor: () throws -> Duration?) rethrows -> String? {
        if let limit = self.vitalSigns.frames, now - self.lastFrame >= limit {
            return "nothing came for \(limit.components.seconds) s"
        }
        guard self.vitalSigns.marketData else { return nil }
        let limit = self.quoteSilence * (1 << min(self.silentConnections, 4))
        guard now >= max(self.lastMarketData + limit, self.nextLook) else { return nil }
        guard let openFor = try openFor() else {
            self.nextLook = now + limit / 4
            return nil
        }
        let silence = min(now - self.lastMarketData, openFor)
        guard silence >= limit else {
            self.nextLook = now + limit - silence
            return nil
        }
        self.silentConnections += 1
        return "no quote and no bar came for \(limit.components.seconds) s, in an open session"
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
