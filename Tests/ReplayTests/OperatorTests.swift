import Glibc
import MessageBus
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// The operator's commands, for a system that runs and for one that does not.
    @Suite struct OperatorTests {
        @Test func `one run answers every command`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            let tradectl = try await Tradectl(run)
            let held = try await HeldReplay(run, afterTick: 300)
            let (position, _) = try await held.until("with a position") { trade, _ in trade.state == .holding }
            try await self.look(tradectl, at: position)
            try await self.explain(tradectl, position)
            try await self.watch(tradectl, position)
            try await self.examine(run)
            try await self.handleDeadLetters(tradectl, run)

            let stop = try #require(position.latest(.stop))
            let refusal = try await tradectl.text("cancel", "\(stop.id)", endingWith: 1)
            #expect(refusal.contains("tradectl flatten \(position.symbol)"), "\(refusal)")
            _ = try await tradectl.text("cancel", "NONE-20090206T210000Z-entry-1", endingWith: 66)

            // An approval that has not become an order is taken back, and what is held is sold.
            let approved = try held.approveTrade().trade
            let question = try await tradectl.text("flatten", "--all", endingWith: 64)
            #expect(question.contains("--yes"), "\(question)")
            let misspelt = try await tradectl.text("flatten", "NONE", "--yes", endingWith: 66)
            #expect(misspelt.contains("there are in"), "\(misspelt)")
            let flattened = try await tradectl.json("flatten", "\(approved.symbol)", "--yes")
            guard case .array(let lines)? = flattened["trades"] else {
                Issue.record("no trades: \(flattened)")
                return
            }
            #expect(lines.map { $0["trade_id"]?.text } == [approved.id.rawValue])
            #expect(lines.first?["state"]?.text == "CANCELLED")
            #expect(try held.account().openTrades[approved.id] == nil)
            // At a terminal it says what it would sell, and asks.
            let declined = try await tradectl.run(["flatten", "\(position.symbol)"], typing: "n\n")
            #expect(declined.end == .exit(1), "\(declined.text)")
            for text in [position.id.rawValue, "HOLDING", "\(position.heldQuantity)", "[y/N]", "Nothing was done."] {
                #expect(declined.text.contains(text), "\(declined.text)")
            }
            #expect(try held.trade(position.id).state == .holding)
            let agreed = try await tradectl.run(["flatten", "\(position.symbol)"], typing: "y\n")
            #expect(agreed.end == .exit(0), "\(agreed.text)")
            #expect(try held.trade(position.id).state != .holding)
            #expect(try held.trade(position.id).exitReason == .operator)

            let (resting, _) = try await held.until("with an entry at rest") { trade, _ in
                trade.state == .orderPlaced && trade.entryOrder?.filledQuantity == .zero
            }
            let entry = try #require(resting.entryOrder)
            let cancelled = try await tradectl.json("cancel", "\(entry.id)")
            #expect(cancelled["state"]?.text == "cancelled" && cancelled["trade_state"]?.text == "CANCELLED")
            let twice = try await tradectl.text("cancel", "\(entry.id)")
            #expect(twice.contains("had ended before"), "\(twice)")

            held.release()
            // The run itself holds the ledger against the broker.
            let report = try await run.report()
            #expect(report.trades.contains { $0["trade_id"]?.text == position.id.rawValue })
        }

        private func look(_ tradectl: Tradectl, at position: Trade) async throws {
            let status = try await tradectl.json("status")
            guard case .array(let agents)? = status["agents"] else {
                Issue.record("no agents: \(status)")
                return
            }
            #expect(agents.compactMap { $0["agent"]?.text } == AgentName.allCases.map(\.rawValue))
            for agent in agents {
                guard case .array(let replicas)? = agent["replicas"] else {
                    Issue.record("no replicas: \(agent)")
                    return
                }
                #expect(replicas.map { $0["answers"] } == [.bool(true)], "\(agent)")
            }
            #expect(status["account"]?["cash"] != nil && status["market"]?["open"] != nil)
            let text = try await tradectl.text("status")
            #expect(text.contains("not halted") && !text.contains("\u{1B}"), "\(text)")

            let open = try await tradectl.json("trades", "--open", "--symbol", "\(position.symbol)")
            guard case .array(let trades)? = open["trades"] else {
                Issue.record("no trades: \(open)")
                return
            }
            #expect(try trades.map { try Trade(json: $0) } == [position])
            let newest = try await tradectl.json("trades", "--limit", "1")
            guard case .array(let shown)? = newest["trades"] else {
                Issue.record("no trades: \(newest)")
                return
            }
            #expect(shown.count == 1 && (newest["count"]?.integer ?? 0) >= 1)
            let record = try await tradectl.json("trade", "\(position.id)")
            #expect(try Trade(json: try #require(record["trade"])) == position)
            let told = try await tradectl.text("trade", "\(position.id)")
            #expect(
                told.contains("HOLDING") && told.contains("position.stop.set") && told.contains("-stop-1"),
                "\(told)"
            )
            let positions = try await tradectl.text("positions")
            #expect(positions.contains("\(position.symbol)") && !positions.contains("NONE"), "\(positions)")
        }

        /// The journal alone tells the trade's story, and what the ledger has of every trade.
        private func explain(_ tradectl: Tradectl, _ position: Trade) async throws {
            let story = try await tradectl.text("trace", "\(position.id)")
            for step in ["strategy.scan_candidates", "risk.approve_trade", "alpaca_api.place_stop_order", "→ HOLDING"] {
                #expect(story.contains(step), "\(story)")
            }
            let told = try await tradectl.json("trace", "\(position.id)")
            #expect(told["trace_id"]?.text == position.traceID.rawValue)
            _ = try await tradectl.text("trace", "NONE-20090206T210000Z", endingWith: 66)

            let journal = try await tradectl.text("journal", "export")
            var rebuilt: [String: (trade: Trade, steps: [Transition])] = [:]
            for line in journal.split(separator: "\n") {
                let entry = try JSONValue(parsing: Array(line.utf8))
                guard case .array(let documents)? = entry["documents"] else { continue }
                for document in documents {
                    let trade = try Trade(json: try #require(document["body"]))
                    let steps = try [Transition](json: try #require(document["steps"]))
                    rebuilt[trade.id.rawValue] = (trade, (rebuilt[trade.id.rawValue]?.steps ?? []) + steps)
                }
            }
            let recorded = try await tradectl.json("trades", "--limit", "100000")
            guard case .array(let trades)? = recorded["trades"] else {
                Issue.record("no trades: \(recorded)")
                return
            }
            #expect(trades.count == rebuilt.count && !trades.isEmpty)
            for json in trades {
                let trade = try Trade(json: json)
                #expect(rebuilt[trade.id.rawValue]?.trade == trade)
            }
            let record = try await tradectl.json("trade", "\(position.id)")
            #expect(
                try [Transition](json: try #require(record["history"])) == rebuilt[position.id.rawValue]?.steps
            )
            let own = try await tradectl.text("journal", "export", "--trade", "\(position.id)")
            #expect(own.split(separator: "\n").count < journal.split(separator: "\n").count)
            #expect(own.contains("alpaca_api.place_order"))
            // What concerns no order is there too, in its place.
            #expect(journal.contains("alpaca_api.get_clock") && journal.contains("alpaca_api.get_calendar"))
            #expect(!own.contains("alpaca_api.get_clock"))
            let first = journal.split(separator: "\n").prefix(20)
            #expect(first.contains { $0.contains("alpaca_api.get_c") }, "\(first)")
        }

        private func watch(_ tradectl: Tradectl, _ position: Trade) async throws {
            let told = try await tradectl.text("watch", "--trade", "\(position.id)", "--last", "1000", "--for", "1")
            let lines = told.split(separator: "\n")
            #expect(lines.allSatisfy { $0.contains(position.id.rawValue) }, "\(told)")
            let states = ["ENTRY_APPROVED", "ORDER_PLACED", "FILLED", "HOLDING"]
            let steps = lines.compactMap { line in states.first { line.contains("→ \($0)  (") } }
            #expect(steps == states, "\(told)")
            // What else the agents do meanwhile hides none of it.
            let newest = try await tradectl.text("watch", "--trade", "\(position.id)", "--last", "1", "--for", "1")
            #expect(newest.contains(position.id.rawValue), "\(newest)")
            let others = try await tradectl.text("watch", "--symbol", "NONE", "--last", "1000", "--for", "1")
            #expect(others == "", "\(others)")

            // What an operator does while somebody looks, once it is seen that he looks.
            let folder = try TemporaryFolder()
            let output = folder.path + "/output"
            let follower = try ChildProgram(
                try Programs.path(of: "tradectl"),
                ["watch", "--last", "1"],
                environment: Programs.environment(["REDIS_URL": tradectl.redisURL]),
                output: output
            )
            _ = try await awaited("the last entry") { Files.text(output)?.isEmpty == false ? true : nil }
            _ = try await tradectl.text("halt", "--reason", "to be seen")
            _ = try await tradectl.text("resume")
            _ = try await awaited("the operator's doings") {
                let seen = Files.text(output) ?? ""
                return seen.contains("system.trading.halted  reason=\"to be seen\"")
                    && seen.contains("system.trading.resumed") && seen.contains("tradectl") ? true : nil
            }
            follower.send(SIGINT)
            #expect(try await follower.ended(within: .seconds(10)) == .signal(SIGINT))
        }

        private func examine(_ run: ReplayRunner) async throws {
            var tradectl = try await Tradectl(run)
            let bare = try await tradectl.text("doctor")
            #expect(bare.contains("APCA_API_KEY_ID"), "\(bare)")
            let ports = try JSONValue(
                parsing: Array(try #require(Files.text("\(run.directory)/broker-simulator.ports")).utf8)
            )
            tradectl.environment = [
                "BROKER": "simulator", "SIMULATOR_URL": "http://127.0.0.1:\(try #require(ports["port"]?.integer))",
                "SYMBOLS": "AAPL",
            ]
            let doctor = try await tradectl.text("doctor")
            #expect(doctor.contains("may open and close positions") && !doctor.contains("PROBLEM"), "\(doctor)")
            tradectl.environment["SIMULATOR_URL"] = "http://127.0.0.1:1"
            tradectl.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1"
            let problems = try await tradectl.text("doctor", endingWith: 1).split(separator: "\n")
                .filter { $0.contains("PROBLEM") }
            #expect(problems.map { $0.prefix { $0 != " " } } == ["broker", "trace"], "\(problems)")
            tradectl.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = nil

            #expect(try await tradectl.text("config", "check").contains("Every agent"))
            tradectl.environment["RISK_MAX_POSITION_VALUE"] = "10k"
            let refused = try await tradectl.text("config", "check", endingWith: 78)
            #expect(refused.contains("RISK_MAX_POSITION_VALUE") && refused.contains("10k"), "\(refused)")
            tradectl.environment["RISK_MAX_POSITION_VALUE"] = nil
            tradectl.environment["STRATEGY_NAME"] = "nope"
            let strategy = try await tradectl.json("config", "check", endingWith: 78)
            guard case .array(let verdicts)? = strategy["agents"] else {
                Issue.record("no verdicts: \(strategy)")
                return
            }
            let refusing = verdicts.filter { $0["accepted"] == .bool(false) }
            #expect(refusing.compactMap { $0["agent"]?.text } == ["strategy-agent"])
        }

        private func handleDeadLetters(_ tradectl: Tradectl, _ run: ReplayRunner) async throws {
            func letters() async throws -> [JSONValue] {
                guard case .array(let letters)? = try await tradectl.json("deadletters", "list")["dead_letters"] else {
                    throw TestFailure("no dead letters")
                }
                return letters
            }
            let redis = try await run.connectToRedis()
            _ = try redis.call(RedisCommand("XADD", "{quintet}:stream:order.filled", "*", "d", #"["nonsense"]"#))
            var found: [JSONValue] = []
            while found.isEmpty { found = try await letters() }
            #expect(found.count == 1 && found[0]["agent"]?.text == "position-management-agent")
            let first = try #require(found[0]["id"]?.text)
            #expect(try await tradectl.text("deadletters", "show", first).contains(#"["nonsense"]"#))
            #expect(try await tradectl.text("status", endingWith: 1).contains("1 dead letter"))
            // Nobody is there to be asked.
            _ = try await tradectl.text("deadletters", "replay", first, endingWith: 64)
            // As wrong as before, it comes back to the one agent that had it.
            let replayed = try await tradectl.json("deadletters", "replay", first, "--yes")
            #expect(replayed["stream"]?.text == "replays.position-management-agent")
            found = []
            while found.isEmpty { found = try await letters() }
            let second = try #require(found[0]["id"]?.text)
            #expect(found.count == 1 && second != first && found[0]["body"]?.text == #"["nonsense"]"#)
            _ = try await tradectl.text("deadletters", "replay", first, "--yes", endingWith: 66)
            _ = try await tradectl.text("deadletters", "discard", second)
            #expect(try await letters().isEmpty)
        }

        static let commands = [
            ["halt"], ["resume"], ["status"], ["trades"], ["trade", "A-20090206T210000Z"], ["positions"],
            ["trace", "A-20090206T210000Z"], ["watch", "--for", "1"], ["journal", "export"],
            ["flatten", "--all", "--yes"], ["cancel", "A-20090206T210000Z-entry-1"], ["deadletters", "list"],
            ["deadletters", "show", "1-0"], ["deadletters", "replay", "1-0", "--yes"],
            ["deadletters", "discard", "1-0"], ["doctor"],
        ]

        @Test func `without Redis, and without a ledger, each command says so in one line`() async throws {
            let bars = try SampleBars.small(sessions: 60).folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 10)
            var elsewhere = try await Tradectl(run)
            elsewhere.environment["QUINTET_NAMESPACE"] = "elsewhere"
            var nowhere = elsewhere
            nowhere.environment["REDIS_URL"] = "redis://:secret@127.0.0.1:1"
            for command in Self.commands {
                let gone = try await nowhere.run(command)
                #expect(gone.end == .exit(69), "\(command): \(gone.text)")
                #expect(gone.text.split(separator: "\n").count == 1, "\(command): \(gone.text)")
                #expect(gone.text.contains("127.0.0.1:1") && !gone.text.contains("secret"), "\(command): \(gone.text)")
                guard command != ["doctor"] else { continue }
                let empty = try await elsewhere.run(command)
                #expect(empty.end == .exit(66), "\(command): \(empty.text)")
                #expect(empty.text.split(separator: "\n").count == 1 && empty.text.contains("elsewhere"))
            }
            run.send(SIGTERM)
            _ = try await run.finish(within: .seconds(20))
        }

        @Test(arguments: commands + [["config", "check"]])
        func `each command's help has an example`(command: [String]) async throws {
            let folder = try TemporaryFolder()
            let words = command.prefix { !$0.contains("-") || $0.hasPrefix("deadletters") }
            let program = try ChildProgram(
                try Programs.path(of: "tradectl"),
                Array(words.prefix(2)) + ["--help"],
                environment: Programs.environment(),
                output: folder.path + "/output"
            )
            #expect(try await program.ended(within: .seconds(10)) == .exit(0))
            let text = Files.text(folder.path + "/output") ?? ""
            #expect(text.contains("Example: ") && text.contains("tradectl \(words.joined(separator: " "))"), "\(text)")
        }
    }
}
