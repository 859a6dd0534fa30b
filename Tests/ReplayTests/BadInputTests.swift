import MessageBus
import TestSupport
import Testing
import TradingCore

extension ReplayTests {
    /// Nothing bad passes silently.
    @Suite struct BadInputTests {
        struct BadBars: CustomTestStringConvertible, Sendable {
            let testDescription: String
            /// In place of the lines of AAPL.csv from `line` on.
            let lines: [String]
            let line: Int
            let complaint: String
        }

        static let badBars = [
            BadBars(
                testDescription: "a missing column",
                lines: ["timestamp,open,high,low,close"],
                line: 1,
                complaint: "lacks the column volume"
            ),
            BadBars(
                testDescription: "a line without its volume",
                lines: ["2009-01-05,93.17,96.18,92.71,94.58"],
                line: 3,
                complaint: "5 columns"
            ),
            BadBars(
                testDescription: "a broken number",
                lines: ["2009-01-05,93.17,96.18,92.7l,94.58,42200500"],
                line: 3,
                complaint: "\"92.7l\" is not a number"
            ),
            BadBars(
                testDescription: "a negative price",
                lines: ["2009-01-05,93.17,96.18,-92.71,94.58,42200500"],
                line: 3,
                complaint: "low -92.71 is not a positive price"
            ),
            BadBars(
                testDescription: "a high below its low",
                lines: ["2009-01-05,93.17,92.18,92.71,94.58,42200500"],
                line: 3,
                complaint: "high 92.18 is below low 92.71"
            ),
            BadBars(
                testDescription: "a date out of order",
                lines: ["2009-01-05,93.17,96.18,92.71,94.58,42200500", "2009-01-03,95.95,97.17,92.39,93.02,46100000"],
                line: 4,
                complaint: "2009-01-03 is earlier"
            ),
            BadBars(
                testDescription: "a date twice",
                lines: ["2009-01-05,93.17,96.18,92.71,94.58,42200500", "2009-01-05,93.17,96.18,92.71,94.58,42200500"],
                line: 4,
                complaint: "2009-01-05 stands twice"
            ),
            BadBars(
                testDescription: "no date",
                lines: ["05/01/2009,93.17,96.18,92.71,94.58,42200500"],
                line: 3,
                complaint: "\"05/01/2009\" is neither a date nor a time"
            ),
        ]

        @Test(arguments: Self.badBars)
        func `bad bars are refused with their file and line`(bad: BadBars) async throws {
            let good = [BarTexts.header, "2009-01-02,85.88,91.04,85.16,90.75,26643400"]
            let text = (good.prefix(bad.line == 1 ? 0 : 2) + bad.lines).joined(separator: "\n") + "\n"
            let folder = try BarTexts(files: ["AAPL": text, "IBM": good.joined(separator: "\n") + "\n"]).folder()
            let outcome = try await ReplayRunner(bars: folder.path).finish(within: .seconds(20))
            #expect(outcome.end == .exit(65))
            #expect(outcome.output.contains("AAPL.csv:\(bad.line): "), "\(outcome.output)")
            #expect(outcome.output.contains(bad.complaint), "\(outcome.output)")
            #expect(outcome.report == nil)
        }

        @Test(arguments: [
            ("RISK_MAX_POSITION_VALUE", "10k"), ("RISK_CASH_RESERVE", "1.5"), ("STRATEGY_NAME", "nope"),
            ("STRATEGY_PARAMETERS", "mean_period=0"), ("STRATEGY_PARAMETERS", "mean_perod=20"),
            ("MAX_DELIVERIES", "many"), ("BREAKER_OPEN_FOR", "60"),
        ])
        func `a wrong setting stops the run with its key`(key: String, value: String) async throws {
            let bars = try SampleBars.small(sessions: 30).folder()
            let outcome = try await ReplayRunner(bars: bars.path, environment: [key: value]).finish(
                within: .seconds(30)
            )
            #expect(outcome.end == .exit(78))
            #expect(outcome.output.contains(key), "\(outcome.output)")
            #expect(outcome.report == nil)
        }

        /// The settings that a replay gives to its agents itself.
        @Test(arguments: [
            ("strategy-agent", "TIMEFRAME", "2Days"), ("market-data-agent", "TIMEFRAME", "2Days"),
            ("market-data-agent", "SYMBOLS", "aapl"), ("risk-management-agent", "REDIS_URL", "http://localhost"),
            ("order-execution-agent", "APCA_API_BASE_URL", "nowhere"), ("position-management-agent", "HTTP_PORT", "x"),
            ("risk-management-agent", "LOG_LEVEL", "loud"),
        ])
        func `a wrong setting stops an agent with its key`(agent: String, key: String, value: String) async throws {
            let folder = try TemporaryFolder()
            var environment = [
                "APCA_API_KEY_ID": "key", "APCA_API_SECRET_KEY": "secret", "SYMBOLS": "AAPL", "HTTP_PORT": "0",
            ]
            environment[key] = value
            let process = try ChildProgram(
                try Programs.path(of: agent),
                environment: Programs.environment(environment),
                output: folder.path + "/output"
            )
            #expect(try await process.ended(within: .seconds(10)) == .exit(78))
            let output = Files.text(folder.path + "/output") ?? ""
            #expect(output.contains(key), "\(output)")
        }

        @Test func `messages that make no sense become dead letters while the run goes on`() async throws {
            let bars = try SampleBars.small().folder()
            let run = try ReplayRunner(bars: bars.path)
            try await run.reaches(ticks: 500)
            // One subscriber each, so that each message is refused once.
            let events = [
                "strategy.entry.signal", "risk.trade.approved", "market_data.bars.received", "order.filled",
                "market_data.bars.requested",
            ]
            let redis = try await run.connectToRedis()
            var sent: [String] = []
            for event in events {
                for body in Self.nonsense(like: event) {
                    _ = try redis.call(RedisCommand("XADD", "{quintet}:stream:\(event)", "*", "d", body))
                    sent.append(body)
                }
            }
            let letters = try await awaited("\(sent.count) dead letters", within: .seconds(20)) {
                let letters = try Self.deadLetters(redis)
                return letters.count >= sent.count ? letters : nil
            }
            #expect(letters.count == sent.count)
            #expect(Set(letters.compactMap { $0["body"]?.text }) == Set(sent))
            #expect(Set(letters.compactMap { $0["stream"]?.text }) == Set(events))
            #expect(letters.allSatisfy { !($0["reason"]?.text ?? "").isEmpty })
            let report = try await run.report()
            #expect(report.deadLetters == sent.count)
            let undisturbed = try await UndisturbedRun.report()
            #expect(report.differences(from: undisturbed, countsMessages: false) == [])
        }

        private static func deadLetters(_ redis: RedisConnection) throws -> [JSONValue] {
            guard
                case .array(let entries) = try redis.call(
                    RedisCommand("XRANGE", "{quintet}:stream:dead_letter", "-", "+")
                )
            else { return [] }
            return try entries.map { entry in
                guard case .array(let parts) = entry, case .array(let fields) = parts[1],
                    case .string(let body) = fields[1]
                else { throw TestFailure("A dead letter is no stream entry: \(entry)") }
                return try JSONValue(parsing: body)
            }
        }

        /// Malformed JSON, an event nobody knows, a wrong type, missing members, no message at all, and a message that is
        /// well formed and speaks of a trade that does not exist.
        private static func nonsense(like event: String) -> [String] {
            let data = #"{"symbol":"AAPL","timeframe":"1Day","bars":[],"quantity":"five","entry_price":true}"#
            let metadata = #"{"source":"Stranger","correlation_id":"c","message_id":"m","schema_version":1}"#
            let head = #""timestamp":"2009-03-02T15:00:00Z","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736""#
            return [
                #"{"event":"\#(event)","timestamp":"#,
                #"{"event":"no.such.event",\#(head),"data":\#(data),"metadata":\#(metadata),"about":"\#(event)"}"#,
                #"{"event":"\#(event)",\#(head),"data":{"symbol":7},"metadata":\#(metadata)}"#,
                #"{"event":"\#(event)",\#(head),"metadata":\#(metadata)}"#,
                #"["\#(event)"]"#,
                #"{"event":"\#(event)",\#(head),"data":\#(data),"metadata":\#(metadata)}"#,
            ]
        }
    }
}
