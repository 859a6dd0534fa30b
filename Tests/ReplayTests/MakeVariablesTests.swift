import TestSupport
import Testing

/// What `make run` takes, by what it says without running anything.
@Suite struct MakeVariablesTests {
    private func make(_ variables: [String], goal: String = "run") async throws -> (
        end: ChildProgram.End, said: String
    ) {
        let folder = try TemporaryFolder()
        let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let program = try ChildProgram(
            "/usr/bin/env",
            ["make", "--dry-run", "--directory=\(root)", goal] + variables,
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"],
            output: "\(folder.path)/said"
        )
        let end = try await program.ended(within: .seconds(60))
        return (end, Files.text("\(folder.path)/said") ?? "")
    }

    @Test func `settings that a run hands on are taken, others named and refused`() async throws {
        let taken = [
            "CASH", "KILL_EVERY", "SEED", "RUN_DIRECTORY", "LOG_LEVEL", "BROKER_DIALECT", "REPLICAS_STRATEGY",
            "RISK_MAX_DRAWDOWN", "STRATEGY_NAME", "ORDER_TICK_RULE", "BREAKER_OPEN_FOR", "QUINTET_CONFIG",
            "POLL_INTERVAL", "MAX_DELIVERIES", "CLAIM_IDLE", "BROKER_REQUESTS_PER_MINUTE",
            "BROKER_DATA_REQUESTS_PER_MINUTE", "BROKER_RESERVED_SHARE", "SCHWAB_LOGIN_RESERVE", "STREAM_SILENCE",
            "MARKET_DAILY_BAR_DELAY", "FAULTS", "FILL_FRACTION", "TICK_RULE", "STRICT_BARS", "TRADE_UPDATE_FRAMES",
            "STREAM_SYMBOL_LIMIT", "RECORDING", "RESULT_FILE",
        ]
        let run = try await self.make(taken.map { "\($0)=1" } + ["HOLD=yes", "BARS=/"])
        #expect(run.end == .exit(0), "\(run.said)")
        for (variable, reason) in [
            ("STREAM_SILENC", "no such variable"), ("SYMBOLS", "a run sets this itself"),
            ("BROKER", "a run sets this itself"), ("AGENT", "nothing that make run takes"),
            ("N", "nothing that make run takes"), ("PROFILE", "nothing that make run takes"),
        ] {
            let refused = try await self.make(["\(variable)=1"])
            #expect(refused.end == .exit(2))
            #expect(refused.said.contains("\(variable): \(reason)"), "\(refused.said)")
            #expect(refused.said.contains("BROKER_DIALECT") == (variable == "BROKER"), "\(refused.said)")
        }
        let idle = try await self.make(["REPLICAS_STRATEGY=3"], goal: "up")
        #expect(idle.end == .exit(2) && idle.said.contains("REPLICAS_STRATEGY: nothing that make up takes"))
    }
}
