import AgentRuntime
import Glibc
import HTTPTransport
import MessageBus
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Three failures that everybody who trades by program meets, over real processes.
    @Suite struct ClassicFailureTests {
        /// A real simulator that is stopped answers nobody, and the clock alone is not real.
        @Test func `three time-outs open the breaker, and a minute later one probe closes it`() async throws {
            let redis = try RedisServer()
            let bars = try SampleBars.small(sessions: 2).folder()
            let simulator = try SimulatorProcess(bars: bars.path)
            let root = "http://127.0.0.1:\(try await simulator.port())"
            let pid = simulator.pid
            defer { kill(pid, SIGCONT) }
            try await stop(process: pid)
            try await DedicatedThread.run {
                let bench = try LaneBench(redis: redis.endpoint, broker: root)
                for _ in 0..<3 { #expect(try bench.call().isUnavailable) }
                #expect(try bench.requests() == 3)
                #expect(try bench.breakerChanges() == [BreakerState.open])

                bench.advance(by: .milliseconds(59_999))
                for _ in 0..<5 { #expect(try bench.call().isUnavailable) }
                #expect(try bench.requests() == 3)

                kill(pid, SIGCONT)
                bench.advance(by: .milliseconds(1))
                guard case .account = try bench.call().outcome else {
                    Issue.record("the probe was not made")
                    return
                }
                #expect(try bench.requests() == 4)
                #expect(try bench.breakerChanges() == [BreakerState.open, .halfOpen, .closed])
            }
        }

        /// As above, by an agent's own process and its own clock, with a shorter time.
        @Test func `an agent whose questions time out three times stops asking, and asks once after its time`()
            async throws
        {
            let run = try await FaultRun.make(
                "delay:look:after=1:times=3:seconds=11",
                dialect: "alpaca",
                bars: try SampleBars.small(sessions: 45),
                environment: ["BREAKER_OPEN_FOR": "2s"]
            )
            let prefix = "circuit breaker changed: "
            let changes = run.warnings.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count) }
            try #require(changes.count == 3, "\(changes)")
            #expect(changes[0].hasSuffix("no complete answer within 10.0 seconds"))
            #expect(changes[1] == "one call finds out whether the broker is back")
            #expect(changes[2] == "the broker answers")
            #expect(run.defects() == [])
            #expect(!run.report.trades.isEmpty)
        }

        @Test func `a stale fill of an approved trade aborts it, and nothing is opened`() async throws {
            let bars = try SampleBars.small(sessions: 60).folder()
            let run = try ReplayRunner(bars: bars.path)
            let held = try await HeldReplay(run, afterTick: 200)
            let trade = try held.approveTrade()
            #expect(try held.account().reservedCash >= ApprovedTrade.reservedCash)

            try held.say(try trade.staleFill)
            let aborted = try await awaited("the trade's end") {
                try held.trade(trade.trade.id).state == .cancelled ? try held.trade(trade.trade.id) : nil
            }
            #expect(aborted.heldQuantity == .zero)
            #expect(aborted.orders.map(\.id.role) == [.entry])
            #expect(aborted.orders.map(\.state) == [.cancelled])
            #expect(aborted.entryOrder?.submittedAt == nil)
            let account = try held.account()
            #expect(account.reservations[trade.trade.id] == nil)
            #expect(account.openTrades[trade.trade.id] == nil)
            #expect(account.positions[trade.trade.symbol] == nil)
            let reasons = try held.notices(.orderCancelled).filter { $0.order.id.trade == trade.trade.id }.map(\.reason)
            #expect(reasons.count == 1)
            #expect(reasons.first??.contains("InvalidTransition: ENTRY_APPROVED → FILLED") == true)
            // The alarm.
            for agent in [AgentName.positionManagement, .orderExecution] {
                let log = try #require(Files.text("\(run.directory)/logs/\(agent)-1.log"))
                let lines = log.split(separator: "\n").filter { $0.contains("InvalidTransition") }
                #expect(lines.contains { $0.contains("\"error\"") }, "\(agent): \(log.suffix(500))")
                for line in lines {
                    let told = try JSONValue(parsing: Array(line.utf8))
                    #expect(told["trade_id"]?.text == trade.trade.id.rawValue, "\(line)")
                    #expect(told["trace_id"]?.text == trade.trade.traceID.rawValue, "\(line)")
                }
            }

            held.release()
            let report = try await run.report()
            let undisturbed = try await ReplayRunner(bars: bars.path).report()
            // One more was cancelled, and nothing else is different.
            let differences = report.differences(from: undisturbed, countsMessages: false)
            #expect(differences.allSatisfy { $0.hasPrefix(".cancelled:") }, "\(differences)")
            let cancelled = (report.json["cancelled"]?.integer ?? 0) - (undisturbed.json["cancelled"]?.integer ?? 0)
            #expect(cancelled == 1)
            #expect(report.deadLetters == 0)
        }

        @Test func `a target hit in a closed market waits and exits at the open`() async throws {
            let bars = try SampleBars.small(sessions: 90).folder()
            let run = try ReplayRunner(bars: bars.path)
            let held = try await HeldReplay(run, afterTick: 200)
            let (position, close) = try await held.untilClosedWithPosition()
            let plan = try #require(position.plan)
            let after = close + .seconds(3600)
            try held.quote(position.symbol, plan.targetPrice, at: after)
            let triggered = try await awaited("the target's hit") {
                try held.trade(position.id).state == .exitTriggered ? try held.trade(position.id) : nil
            }
            try await held.awaitOthers()
            // Still in its place, and nothing is sold into the closed market.
            let waiting = try held.trade(position.id)
            #expect(waiting.state == .exitTriggered)
            #expect(waiting.exitReason == .target)
            #expect(waiting.latest(.exit) == nil)
            #expect(waiting.latest(.stop)?.state == .accepted)
            #expect(waiting == triggered)

            held.release()
            let open = MarketCalendar.nextOpen(after: after)
            let exit = try await awaited("the exit's order") {
                try held.trade(position.id).orders.first { $0.id.role == .exit }
            }
            #expect(exit.intendedAt == open)
            _ = try await run.report()
        }
    }
}

/// The broker simulator by itself.
private final class SimulatorProcess: Sendable {
    private let folder: TemporaryFolder
    private let process: ChildProgram

    init(bars: String) throws {
        self.folder = try TemporaryFolder()
        self.process = try ChildProgram(
            try Programs.path(of: "broker-simulator"),
            environment: Programs.environment([
                "BARS": bars, "HTTP_PORT": "0", "CONTROL_PORT": "0", "PORT_FILE": self.folder.path + "/ports",
                "LOG_LEVEL": "warning",
            ]),
            output: self.folder.path + "/log"
        )
    }

    var pid: pid_t { self.process.pid }

    func port() async throws -> Int {
        let ports = try await awaited("the simulator's ports") {
            try Files.text(self.folder.path + "/ports").map { try JSONValue(parsing: Array($0.utf8)) }
        }
        return try #require(ports["port"]?.integer)
    }
}
