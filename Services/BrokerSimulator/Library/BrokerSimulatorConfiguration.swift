package import MarketSimulation

/// How a simulated broker is set up.
package struct BrokerSimulatorConfiguration: Sendable {
    package struct Credentials: Hashable, Sendable {
        package var key: String
        package var secret: String

        package init(key: String, secret: String) {
            self.key = key
            self.secret = secret
        }
    }

    /// Cash, partial fills and the tick rule.
    package var matching: MatchingEngine.Configuration
    package var host: String
    /// REST and all streams; 0 takes any free port.
    package var port: Int
    /// Status and result; 0 takes any free port.
    package var controlPort: Int
    /// A file that gets both ports as `{"port":…,"control_port":…}` once both are open.
    package var portFile: String?
    /// Nil: any key and secret that are not empty.
    package var credentials: Credentials?
    /// The streams without which the replay does not go on, and whose clients must have dealt with every frame first.
    package var requiredStreams: Set<StreamRole>
    package var schwab: SchwabConfiguration
    /// Of the `trade_updates` stream: live accounts get text frames, paper accounts binary ones.
    package var tradeUpdateForm = StreamForm.text
    /// How many symbols one market-data socket may name in its subscriptions.
    package var symbolLimit = Int.max
    /// A file that gets what clients ask and are answered; nil for none.
    package var recording: String?

    /// In force from the start.
    package var faults: [FaultOrder] = []

    package init(
        matching: MatchingEngine.Configuration = .init(),
        host: String = "127.0.0.1",
        port: Int = 0,
        controlPort: Int = 0,
        portFile: String? = nil,
        credentials: Credentials? = nil,
        requiredStreams: Set<StreamRole> = Set(StreamRole.allCases),
        schwab: SchwabConfiguration = SchwabConfiguration()
    ) {
        self.matching = matching
        self.host = host
        self.port = port
        self.controlPort = controlPort
        self.portFile = portFile
        self.credentials = credentials
        self.requiredStreams = requiredStreams
        self.schwab = schwab
    }
}

/// What a stream's client is there for. One connection may be there for both.
package enum StreamRole: String, Hashable, Sendable, CaseIterable {
    /// Authenticated and subscribed to the quotes of every symbol.
    case marketData = "market-data"
    /// Authenticated and listening to `trade_updates` or to `ACCT_ACTIVITY`.
    case tradeUpdates = "trade-updates"
}
