import CoreMetrics
package import Logging
package import TradingCore

/// Looks at the broker's login every few seconds, from the agent's own thread: shows in a metric how long it lasts,
/// warns before it ends, and hands it to the agent's judgement.
package final class LoginWatch {
    private let look: () -> BrokerLogin
    private let now: () -> Duration
    private let logger: Logger
    private let gauge = Gauge(label: MetricName.loginTimeLeft.rawValue)
    private var nextLook = Duration.zero
    private var stage = Stage.lasting
    private var nextWarning = Duration.zero

    private static let interval = Duration.seconds(5)
    private static let warningInterval = Duration.seconds(3600)

    private enum Stage: Int {
        case lasting
        /// Two days are left.
        case ending
        /// One day is left.
        case nearlyOver
        case over

        init(timeLeft: Duration) {
            self =
                switch timeLeft {
                case ...(.zero): .over
                case ...(.seconds(24 * 3600)): .nearlyOver
                case ...(.seconds(48 * 3600)): .ending
                default: .lasting
                }
        }
    }

    /// `look` reads what is known of the login on this machine and asks nobody; `now` reads a monotonic clock.
    package init(
        look: @escaping () -> BrokerLogin,
        now: @escaping () -> Duration = MonotonicClock.now,
        logger: Logger
    ) {
        self.look = look
        self.now = now
        self.logger = logger
    }

    /// Looks if it is time to; `isOverdue` makes it so. What `tell` throws is thrown on, and it is told again next time.
    package func turn(isOverdue: Bool = false, tell: (BrokerLogin) throws -> Void) rethrows {
        let now = self.now()
        guard isOverdue || now >= self.nextLook else { return }
        let login = self.look()
        self.gauge.record(login.timeLeft.components.seconds)
        self.warn(login, now: now)
        try tell(login)
        self.nextLook = now + Self.interval
    }

    private func warn(_ login: BrokerLogin, now: Duration) {
        let stage = Stage(timeLeft: login.timeLeft)
        let isNews = stage != self.stage
        guard isNews || now >= self.nextWarning else { return }
        self.stage = stage
        self.nextWarning = now + Self.warningInterval
        switch stage {
        case .lasting: if isNews { self.logger.notice("\(login)") }
        case .ending: self.logger.warning("\(login.advice)")
        case .nearlyOver, .over: self.logger.error("\(login.advice)")
        }
    }
}
