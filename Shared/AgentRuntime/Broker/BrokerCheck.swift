package import Brokerage
import CoreMetrics
package import Logging
import TradingCore

/// Asks the broker whose account this is, again and again until the answer is one to trade with, and says what stands in
/// the way: in `/readyz` always, in the log when it changes and every few minutes. Belongs to a thread of its own.
package final class BrokerCheck {
    private let ask: () throws(BrokerError) -> BrokerAccountCheck
    private let settingNames: BrokerSettingNames
    private let gate: BrokerGate
    private let stop: StopSignal
    private let readiness: ReadinessBoard
    private let heartbeat: Heartbeat
    private let logger: Logger
    private var repetitions = RepetitionFilter()
    /// That the account was the right one is not forgotten: what protects its positions goes on being tried.
    private var hasPassed = false

    /// The name under which `/readyz` has it.
    package static let readinessName = "broker"
    private static let shortestPause = Duration.milliseconds(500)
    private static let longestPause = Duration.seconds(15)
    private let interval: Duration

    /// - Parameters:
    ///   - ask: asks the broker, and blocks.
    ///   - settingNames: what to look at when it fails.
    ///   - interval: how long a good answer is good for.
    package init(
        ask: @escaping () throws(BrokerError) -> BrokerAccountCheck,
        settingNames: BrokerSettingNames,
        gate: BrokerGate,
        stop: StopSignal,
        readiness: ReadinessBoard,
        heartbeat: Heartbeat,
        logger: Logger,
        interval: Duration = .seconds(60)
    ) {
        self.interval = interval
        self.ask = ask
        self.settingNames = settingNames
        self.gate = gate
        self.stop = stop
        self.readiness = readiness
        self.heartbeat = heartbeat
        self.logger = logger
    }

    /// Runs until the stop signal is given.
    package func run() {
        self.askUntilPassed()
        while !self.stop.wait(for: self.interval, beating: self.heartbeat) {
            if self.isRefused() { self.askUntilPassed() }
        }
    }

    /// Whether the broker has since turned against what it had accepted, such as a key that was revoked. That it cannot
    /// be reached is the breakers' business.
    private func isRefused() -> Bool {
        do throws(BrokerError) {
            _ = try self.ask()
            return false
        } catch {
            switch error.kind {
            case .refused, .loginExpired: self.fail(error)
            case .unreadable, .notExecuted, .withheld, .unknownOutcome: return false
            }
            return true
        }
    }

    /// Returns when the broker has given a good answer, or the stop signal was given.
    package func askUntilPassed() {
        var pause = Self.shortestPause
        while !self.stop.isGiven, !self.passes() {
            _ = self.stop.wait(for: pause, beating: self.heartbeat)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private func passes() -> Bool {
        self.heartbeat.beat()
        do throws(BrokerError) {
            let account = try self.ask()
            Self.count("passed")
            self.logger.log(level: account.mayOpenPositions ? .notice : .warning, "\(account)")
            self.readiness.set(Self.readinessName, .ready)
            self.hasPassed = true
            self.gate.open()
            return true
        } catch {
            self.fail(error)
            return false
        }
    }

    private func fail(_ error: BrokerError) {
        Self.count("failed")
        let problem = Self.problem(error, self.settingNames)
        self.readiness.set(Self.readinessName, .waiting(problem))
        if self.repetitions.isWorthSaying(problem, now: MonotonicClock.now()) {
            self.logger.error("not connected to the broker: \(problem)")
        }
        switch (self.hasPassed, error.isDefinite) {
        case (true, _): self.gate.closeForEntries()
        case (false, true): self.gate.close()
        case (false, false): self.gate.openForProtection()
        }
    }

    private static func count(_ outcome: String) {
        Counter(label: MetricName.brokerChecks.rawValue, dimensions: [("outcome", outcome)]).increment()
    }

    /// One line: the cause, and the setting or step that helps. A broker's adapter that names one knows better.
    package static func problem(_ error: BrokerError, _ names: BrokerSettingNames) -> String {
        let text = error.reason.replacing("\n", with: " ")
        guard !text.contains(names.prefix), !text.contains(names.address), !text.contains("tradectl ") else {
            return text
        }
        let remedy =
            switch error.kind {
            case .unreadable: "Check \(names.address): this is not the broker's API"
            // Alpaca's own code for it begins so, too.
            case .refused(let code) where code.hasPrefix("404"):
                "Check \(names.address): this is not the broker's API"
            case .refused: "Check \(names.keys) and what they are permitted, and \(names.address)"
            case .notExecuted, .withheld: "Check \(names.address) and the network"
            case .unknownOutcome: "It is asked again; if this stays, check \(names.address)"
            case .loginExpired: "Log in again with `tradectl schwab login`"
            }
        return "\(text). \(remedy)"
    }
}

/// What the settings are called that a person has to look at when a broker cannot be used.
package struct BrokerSettingNames: Sendable {
    /// What all of them begin with.
    package var prefix: String
    package var address: String
    package var keys: String

    package init(prefix: String, address: String, keys: String) {
        self.prefix = prefix
        self.address = address
        self.keys = keys
    }
}

extension BrokerError {
    /// Nothing can work before a person has changed something.
    fileprivate var isDefinite: Bool {
        switch self.kind {
        case .refused, .loginExpired, .unreadable: true
        case .notExecuted, .withheld, .unknownOutcome: false
        }
    }
}
