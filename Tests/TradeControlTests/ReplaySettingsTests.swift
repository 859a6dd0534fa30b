import ArgumentParser
import TestSupport
import Testing
import TradeControl
import TradingCore

@Suite("What a replay is asked to do")
struct ReplaySettingsTests {
    private func settings(_ bars: [String: String]) throws -> ReplaySettings {
        let folder = try TemporaryFolder()
        for (name, lines) in bars { try folder.write("timestamp,open,high,low,close,volume\n" + lines, to: name) }
        return try ReplaySettings(
            barsPath: folder.path,
            cash: Money(10_000),
            runDirectory: "unused",
            binaries: "unused"
        )
    }

    @Test("What is said of a wrong option is not buried under all that there are")
    func wrongOption() throws {
        let error = try #require(
            #expect(throws: (any Error).self) {
                try ReplayCommand.parse(["--bars", "bars", "--broker-dialect", "shwab"])
            }
        )
        let said = ReplayCommand.fullMessage(for: error)
        #expect(said.contains("BROKER_DIALECT takes alpaca or schwab"), "\(said)")
        let usage = try #require(said.split(separator: "\n").first { $0.hasPrefix("Usage:") })
        #expect(usage.utf8.count < 80, "\(usage)")
    }

    @Test("Daily bars")
    func daily() throws {
        let settings = try self.settings(["MSFT.csv": "2009-02-06,19,20,18,19.66,100\n2009-02-09,19,20,18,19,100\n"])
        #expect(settings.timeframe.rawValue == "1Day")
    }

    @Test(
        "The timeframe is the smallest distance between bars",
        arguments: [
            ("10:00:00", "10:05:00", "5Min"), ("10:00:00", "11:00:00", "1Hour"), ("10:00:00", "14:00:00", "4Hour"),
        ]
    )
    func intraday(first: String, second: String, timeframe: String) throws {
        let bars = [first, second].map { "2009-02-06T\($0)-05:00,19,20,18,19.66,100\n" }.joined()
        #expect(try self.settings(["MSFT.csv": bars]).timeframe.rawValue == timeframe)
    }

    @Test("A distance that no timeframe has is refused", arguments: ["10:00:30", "11:30:00"])
    func oddInterval(second: String) throws {
        let bars = ["10:00:00", second].map { "2009-02-06T\($0)-05:00,19,20,18,19.66,100\n" }.joined()
        let failure = try #require(throws: CommandFailure.self) { try self.settings(["MSFT.csv": bars]) }
        #expect(failure.code == .badBars)
    }

    @Test("Bad bars are refused with file and line")
    func badBars() throws {
        let failure = try #require(throws: CommandFailure.self) {
            try self.settings(["MSFT.csv": "2009-02-06,19,20,18,19.66,100\n2009-02-09,19,17,18,19,100\n"])
        }
        #expect(failure.code == .badBars)
        #expect(failure.description.contains("MSFT.csv:3"))
    }

    @Test("A folder that cannot be read is named with the setting that named it")
    func noBars() throws {
        let failure = try #require(throws: CommandFailure.self) {
            try ReplaySettings(barsPath: "/nowhere", cash: Money(1), runDirectory: "unused", binaries: "unused")
        }
        #expect(failure.code == .badBars)
        #expect(failure.description.hasPrefix("BARS (--bars): /nowhere: "))
    }

    @Test(
        "Wrong usage ends with 64 and names the option and the variable of make run",
        arguments: [
            ("--cash", "0", "CASH takes"), ("--cash", "-5", "CASH takes"), ("--cash", "ten", "CASH takes"),
            ("--cash", "", "make: CASH"), ("--kill-every", "0", "KILL_EVERY takes"),
            ("--kill-every", "-1", "KILL_EVERY takes"), ("--log-level", "loud", "LOG_LEVEL"),
            ("--replicas", "strategy-agent", "REPLICAS_"), ("--replicas", "strategist=2", "REPLICAS_"),
            ("--replicas", "strategy-agent=0", "REPLICAS_"), ("--seed", "x", "SEED takes"),
            ("--seed", "-1", "SEED takes"),
        ]
    )
    func usage(option: String, value: String, variable: String) throws {
        let error = try #require(throws: (any Error).self) {
            try ReplayCommand.parse(["--bars=bars", "\(option)=\(value)"])
        }
        #expect(ReplayCommand.exitCode(for: error).rawValue == 64)
        let message = ReplayCommand.fullMessage(for: error)
        #expect(message.contains(option) && message.contains(variable), "\(message)")
    }

    @Test("Several replicas can follow one option or several")
    func replicas() throws {
        #expect(throws: Never.self) {
            _ = try ReplayCommand.parse(["--bars", "bars", "--replicas", "strategy-agent=2", "risk-management-agent=3"])
            _ = try ReplayCommand.parse(
                ["--bars", "bars", "--replicas=strategy-agent=2", "--replicas=risk-management-agent=3"])
        }
    }

    @Test("The same seed kills the same agents at the same times, half to one and a half intervals apart")
    func killer() {
        var first = AgentKiller(interval: .seconds(2), seed: 7)
        var second = AgentKiller(interval: .seconds(2), seed: 7)
        var victims: Set<Int> = []
        for _ in 0..<200 {
            let delay = first.nextDelay()
            #expect(delay == second.nextDelay())
            #expect((.seconds(1) ... .seconds(3)).contains(delay))
            let victim = first.nextVictim(of: 5)
            #expect(victim == second.nextVictim(of: 5))
            victims.insert(victim)
        }
        #expect(victims == [0, 1, 2, 3, 4])
    }
}
