/// What each agent says, and what of the ledger it reads and writes. Redis is told to refuse it everything else, so
/// whatever an agent is to do anew has its line here.
extension AgentName {
    /// The events the agent says, beside what it and its lanes say to each other.
    package var publications: [EventName] {
        let own: [EventName] =
            switch self {
            case .marketData: [.quoteUpdated, .barsReceived, .marketStatus, .ordersMoved]
            case .strategy: [.scanStarted, .candidateFound, .entrySignal, .exitSignal]
            case .riskManagement: [.tradeApproved, .tradeRejected, .limitExceeded]
            case .orderExecution:
                [.orderSubmitted, .orderPartiallyFilled, .orderFilled, .orderCancelled, .orderRejected, .orderUnknown]
            case .positionManagement:
                [
                    .positionOpened, .stopSet, .targetHit, .stopHit, .positionUnprotected, .positionClosed,
                    .orderUnknown, .exitRequested, .abortRequested,
                ]
            }
        return self.lanes.isEmpty ? own : own + [.breakerStateChanged]
    }

    /// The documents the agent writes. Of a trade, that is its history too.
    package var writtenDocuments: [DocumentFamily] {
        switch self {
        case .marketData: [.market, .schedule, .quotes]
        case .strategy: [.trades, .strategyRecords]
        case .riskManagement: [.trades, .account, .loginAlarm]
        case .orderExecution: [.trades, .account, .orderWatch, .holdingsWatch]
        case .positionManagement: [.trades, .targetWatches]
        }
    }

    /// Those of them that it also deletes.
    package var deletedDocuments: [DocumentFamily] { self == .riskManagement ? [.loginAlarm] : [] }

    /// The documents it reads beside those it writes.
    package var readDocuments: [DocumentFamily] {
        switch self {
        case .marketData: []
        case .strategy: [.account, .market]
        case .riskManagement: [.market, .halt, .quotes]
        case .orderExecution: [.market, .halt]
        case .positionManagement: [.market, .halt, .quotes]
        }
    }

    /// Whether the agent begins trades, and so adds to the list of all trades.
    package var beginsTrades: Bool { self == .strategy }

    /// Whether the agent listens to quotes as they are published.
    package var watchesQuotes: Bool { self == .positionManagement }

    /// The stream of the broker's that at most one process of the agent listens to; nil if the agent owns none.
    package var feedLease: String? {
        switch self {
        case .marketData, .orderExecution: "stream.\(self.rawValue)"
        default: nil
        }
    }

    /// Held by the one process of all that sends spans to the collector.
    package static let spanExportLease = "span-export"

    /// Whether the agent's processes ask the broker anything, and so share its budget of requests.
    package var asksBroker: Bool { !self.lanes.isEmpty || self.feedLease != nil }

    /// The streams the agent cuts back: its own, those it writes, and of those it reads what no agent writes.
    package var trimmedStreams: [StreamName] {
        let said = Set(AgentName.allCases.flatMap(\.publications))
        let orphans = self.subscriptions.filter { !said.contains($0) }
        let published = self.publications.filter { !$0.isPrivate && $0 != .quoteUpdated }
        return (published + orphans + self.requests).map(\.stream) + [self.inbox, self.replays]
            + self.lanes.map(self.callStream) + (self.lanes.isEmpty ? [] : [.callJournal])
    }
}
