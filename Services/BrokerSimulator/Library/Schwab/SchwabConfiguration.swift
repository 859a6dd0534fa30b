/// How the Schwab side of a simulated broker is set up.
package struct SchwabConfiguration: Sendable {
    /// The app's key and secret. Nil: any that are not empty.
    package var credentials: BrokerSimulatorConfiguration.Credentials?
    /// Digits.
    package var accountNumber: String
    /// A login made before the start, for replays without a person: good for seven days from then.
    package var refreshToken: String?
    /// What `Location` begins with. The broker's own host, since clients take no other for an order's address.
    package var locationRoot: String
    /// Of the streamer, in wall time.
    package var heartbeatInterval: Duration
    /// What tokens age by. Wall time: a replay passes years in a minute.
    package var now: @Sendable () -> ContinuousClock.Instant

    package init(
        credentials: BrokerSimulatorConfiguration.Credentials? = nil,
        accountNumber: String = "12345678",
        refreshToken: String? = nil,
        locationRoot: String = "https://api.schwabapi.com",
        heartbeatInterval: Duration = .seconds(10),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.credentials = credentials
        self.accountNumber = accountNumber
        self.refreshToken = refreshToken
        self.locationRoot = locationRoot
        self.heartbeatInterval = heartbeatInterval
        self.now = now
    }
}
