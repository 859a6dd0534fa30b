import MessageBus
import TestSupport
import Testing
import TradingCore

import class TradeControl.HTTPSimulatorControl
import struct TradeControl.Ledger
import struct TradeControl.ReplayReport
import struct TradeControl.ReportedSettings

extension ReplayTests {
    /// Every process as a user of its own in Redis, over TLS with certificates on both sides.
    @Suite struct AccessRunTests {
        @Test
        func `the whole sample over TLS, each process doing only its own, gives the same report; nothing is refused`()
            async throws
        {
            // Side by side, as either run leaves a core idle much of its time: that saves the suite 40 seconds.
            async let undisturbed = UndisturbedRun.wholeReport()
            let fleet = try Self.fleet()
            let bars = SampleBars.folder
            let control = HTTPSimulatorControl(port: UInt16(try await fleet.startSimulator(["BARS": bars])))
            let collectorPort = try RedisServer.freePort()
            let collector = try PlainHTTPServer(port: collectorPort) { _ in (200, "{}") }
            defer { collector.stop() }
            try Self.startAgents(
                fleet,
                [
                    "SYMBOLS": "AAPL,FB,GOOG,IBM,MSFT",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:\(collectorPort)",
                    // As much as this collector reads.
                    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "20",
                ]
            )
            _ = try await awaited("the end of the bars", within: .seconds(300)) {
                (try? control.status())?.isFinished == true ? true : nil
            }
            let report = try Self.report(fleet, control, bars: bars)
            #expect(report.trades.count == 114)
            #expect(report.openTrades.count == 2)
            #expect(report.differences(from: try await undisturbed) == [])
            _ = try await awaited("spans that were sent on") {
                try RedisMessageBus(endpoint: fleet.redis.endpoint).load([.spanExport])[0]
            }
            try await Self.operate(fleet)
            #expect(try Self.refusals(fleet) == .array([]))
            for agent in AgentName.allCases {
                #expect(fleet.complaints(of: agent.rawValue) == [])
                try await fleet.stop(agent.rawValue)
            }
        }

        @Test func `an approval of another's, put where it can be put, is no approval`() async throws {
            let fleet = try Self.fleet()
            let bars = try SampleBars.small(sessions: 60).folder()
            try await fleet.startSimulator(["BARS": bars.path, "LOG_LEVEL": "warning"])
            // Without RiskManagement nothing is approved.
            try Self.startAgents(fleet, except: .riskManagement)
            let bus = RedisMessageBus(endpoint: fleet.redis.endpoint(of: "strategy-agent"))
            let symbol = try #require(Symbol("AAPL"))
            let id = TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 1_230_908_400))
            let trade = Trade(
                id: id,
                symbol: symbol,
                strategy: "forged",
                traceID: TraceID(seed: "forged", trade: id),
                signaledAt: Timestamp(seconds: 1_230_908_400)
            )
            let approval = Speaker(.riskManagement).say(
                .tradeApproved(
                    TradeApproval(
                        symbol: symbol,
                        quantity: Quantity(1),
                        plan: EntryPlan(
                            entryPrice: try #require(Price("20")),
                            stopPrice: try #require(Price("19")),
                            targetPrice: try #require(Price("23")),
                            session: .next
                        ),
                        reservedCash: Money(20),
                        expiresAt: Timestamp(seconds: 4_000_000_000)
                    )
                ),
                trade: trade,
                at: trade.signaledAt
            )
            var honest = Commit()
            honest.messages = [OutboundMessage(approval)]
            let refusal = #expect(throws: MessageBusError.self) { try bus.commit(honest) }
            #expect(refusal?.code == .refused)
            // On a stream that it may write to and OrderExecution reads, there is none; what PositionManagement may say to
            // OrderExecution carries no approval either.
            let positions = RedisMessageBus(endpoint: fleet.redis.endpoint(of: "position-management-agent"))
            var disguised = Commit()
            disguised.messages = [
                OutboundMessage(stream: EventName.targetHit.stream, channel: nil, body: approval.encoded())
            ]
            #expect(try positions.commit(disguised) == .committed)
            let everyone = RedisMessageBus(endpoint: fleet.redis.endpoint)
            let letter = try await awaited("the dead letter") { try everyone.tail(of: .deadLetter, limit: 1).first }
            #expect(String(decoding: letter.body, as: UTF8.self).contains("does not belong on this stream"))
            #expect(try everyone.appendedCount(of: AgentName.orderExecution.callStream(.entries)) == 0)
        }

        @Test func `what is wrong with TLS is in the log of an agent, and is what tradectl says`() async throws {
            let fleet = try Self.fleet()
            let others = try TestCertificates()
            let stranger = ["REDIS_CA_FILE": others.authority]
            // Nobody listens where the broker is said to be; this agent asks none.
            let own = ["BROKER": "simulator", "SIMULATOR_URL": "http://127.0.0.1:1", "SYMBOLS": "AAPL"]
            try fleet.start("strategy-agent", own.merging(stranger) { $1 })
            let words = "was signed by none of the authorities in"
            _ = try await awaited("the complaint in \(fleet.log(of: "strategy-agent"))") {
                fleet.log(of: "strategy-agent").contains(words) ? true : nil
            }
            // The line is logged before the health endpoint is told.
            _ = try await awaited("the complaint in the readiness of \(fleet.log(of: "strategy-agent"))") {
                fleet.readiness("redis", of: "strategy-agent")?.contains(words) == true ? true : nil
            }
            var tool = try Tradectl(fleet)
            tool.environment.merge(stranger) { $1 }
            #expect(try await tool.text("doctor", endingWith: 69).contains(words))
            tool.environment["REDIS_KEY_FILE"] = nil
            #expect(try await tool.text("doctor", endingWith: 78).contains("needs REDIS_KEY_FILE"))
            withExtendedLifetime(others) {}
        }

        private static func fleet() throws -> ProcessFleet {
            let tls = ServerTLS(try TestCertificates(), asksForCertificates: true)
            return try ProcessFleet(RedisAccessList(namespace: "quintet"), over: tls)
        }

        private static func startAgents(
            _ fleet: ProcessFleet,
            _ environment: [String: String] = [:],
            except missing: AgentName? = nil
        ) throws {
            let port = try #require(fleet.port(of: "broker-simulator"))
            let own = [
                "BROKER": "simulator", "SIMULATOR_URL": "http://127.0.0.1:\(port)", "SYMBOLS": "AAPL,GOOG,IBM,MSFT",
                "ORDER_TICK_RULE": "none",
            ]
            for agent in AgentName.allCases where agent != missing {
                try fleet.start(agent.rawValue, own.merging(environment) { $1 })
            }
        }

        /// What each command of an operator needs of Redis.
        private static func operate(_ fleet: ProcessFleet) async throws {
            let tool = try Tradectl(fleet)
            _ = try await tool.json("status")
            #expect(try await tool.json("trades")["trades"]?.elements.isEmpty == false)
            #expect(try await tool.json("positions")["positions"] != nil)
            _ = try await tool.json("deadletters", "list")
            _ = try await tool.text("journal", "export")
            _ = try await tool.json("halt", "--reason", "a test")
            _ = try await tool.json("resume")
            let doctor = try await tool.run(["doctor"])
            #expect(doctor.text.contains("answers at rediss://tradectl@localhost"), "\(doctor.text)")
        }

        /// What Redis has refused anybody since its start.
        private static func refusals(_ fleet: ProcessFleet) throws -> RedisReply {
            try RedisConnection(to: fleet.redis.endpoint).call(RedisCommand("ACL", "LOG"))
        }

        private static func report(
            _ fleet: ProcessFleet,
            _ control: HTTPSimulatorControl,
            bars: String
        ) throws -> RunReport {
            let ledger = try Ledger(reading: RedisMessageBus(endpoint: fleet.redis.endpoint))
            let report = ReplayReport(
                ledger: ledger,
                broker: try control.result(),
                settings: ReportedSettings(
                    bars: bars,
                    cash: Money(10_000),
                    symbols: [],
                    timeframe: .day,
                    strategy: ledger.strategy
                ),
                elapsed: .seconds(1),
                restarts: 0,
                redisRestarts: 0
            )
            return try RunReport(report.prettyJSON)
        }
    }
}
