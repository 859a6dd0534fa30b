package import AgentRuntime
import MessageBus
import TradingCore

/// A replay whose processes somebody else has started and looks after.
package struct StandingReplay {
    private let settings: ReplaySettings
    private let place: RedisPlace
    private let simulator: any SimulatorControl

    /// Reads the bars, which blocks on the file system.
    ///
    /// - Throws: `ConfigurationError`, and `CommandFailure` for bars that cannot be replayed.
    package init(_ settings: Settings) throws {
        self.place = try RedisPlace(settings)
        self.simulator = HTTPSimulatorControl(
            url: try settings.url(
                "simulator.controlUrl",
                default: "http://127.0.0.1:8090",
                schemes: ["http", "https"]
            )
        )
        self.settings = try ReplaySettings(
            barsPath: try settings.requiredString("bars"),
            cash: try settings.decimal("cash", default: Money(10_000), in: .zero...Money(1_000_000_000)),
            runDirectory: "",
            binaries: "",
            environment: Environment.current()
        )
    }

    /// - Throws: `CommandFailure` if the replay is not over or the simulator does not answer, `MessageBusError` if Redis
    ///   does not.
    package func outcome() throws -> ReplayRun.Outcome {
        let result: SimulatorResult
        do {
            let status = try self.simulator.status()
            guard status.isFinished else { throw Self.unfinished(status) }
            result = try self.simulator.result()
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(
                .unavailable,
                "The simulator does not answer: \(error). Check SIMULATOR_CONTROL_URL (simulator.controlUrl)."
            )
        }
        let ledger = try Ledger(reading: try OperatorDesk(self.place).bus)
        return ReplayRun.Outcome(
            report: ReplayReport(
                ledger: ledger,
                broker: result,
                settings: ReportedSettings(self.settings, strategy: ledger.strategy)
            ),
            discrepancies: LedgerAudit.discrepancies(in: ledger, broker: result, startingCash: self.settings.cash)
        )
    }

    private static func unfinished(_ status: SimulatorStatus) -> CommandFailure {
        let place =
            status.session > 0
            ? "has come to \(NewYorkTime.date(of: status.time)), session \(status.session) of \(status.sessions)"
            : "has not begun"
        let reason = status.waitingFor.map { ", and waits for \($0)" } ?? ""
        return CommandFailure(.unconfirmed, "The replay \(place)\(reason). Ask again when it is over.")
    }
}
