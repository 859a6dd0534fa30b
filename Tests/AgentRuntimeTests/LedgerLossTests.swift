import AgentRuntime
import Brokerage
import HTTPTransport
import Logging
import MessageBus
import TestSupport
import Testing
import TradingCore

/// The ledger is emptied, or another is put in its place, while an agent runs.
@Suite struct LedgerLossTests {
    enum Part: CaseIterable {
        case loop
        case lane
    }

    /// Writes something down whatever it is asked.
    private struct Diary: Judgement {
        static let key = DocumentKey(rawValue: "diary")
        let agent = AgentName.riskManagement

        func reads(for input: Input, given documents: Documents) -> [DocumentKey] { [] }

        mutating func decide(_ input: Input, given documents: Documents) -> Decision {
            var decision = Decision()
            decision.puts = [(key: Self.key, body: [1])]
            return decision
        }
    }

    /// One agent's threads on a ledger of their own.
    private struct Agent: Sendable {
        let store = InMemoryMessageStore()
        let stop = StopSignal()
        let readiness = ReadinessBoard(waitingFor: [])
        let errors = Tally()
        let beats = Tally()
        let heartbeat: Heartbeat

        init() {
            let beats = self.beats
            self.heartbeat = Heartbeat {
                beats.increment()
                return .now
            }
        }

        func found(_ installation: String) throws {
            #expect(try InMemoryMessageBus(store: self.store).beginLedger(installation) == installation)
        }

        func run(_ part: Part) async throws {
            try await DedicatedThread.run {
                let logger = Logger(label: "test") { _ in ErrorTally(self.errors) }
                let bus = InMemoryMessageBus(store: self.store)
                bus.installation = "one"
                switch part {
                case .loop:
                    AgentLoop(
                        judgement: Diary(),
                        settings: AgentLoopSettings(instance: "a"),
                        bus: bus,
                        feed: nil,
                        stop: self.stop,
                        readiness: self.readiness,
                        heartbeat: self.heartbeat,
                        logger: logger
                    ).run()
                case .lane:
                    let nowhere = AlpacaEndpoints(
                        trading: "",
                        data: "",
                        stream: "",
                        feed: "",
                        keyID: "",
                        secretKey: ""
                    )
                    LaneWorker(
                        agent: .riskManagement,
                        lane: .account,
                        instance: "a",
                        bus: bus,
                        stop: self.stop,
                        readiness: self.readiness,
                        heartbeat: self.heartbeat,
                        logger: logger,
                        claimIdle: .seconds(30),
                        breaker: BreakerSettings(),
                        marketTime: .simulated,
                        makeBroker: { _ in AlpacaBroker(endpoints: nowhere, client: CurlHTTPClient()) }
                    ).run()
                }
            }
        }
    }

    @Test(arguments: [[Part.loop], [.lane], [.loop, .lane]], [nil, "two"])
    func `an agent changes nothing any more, says so once, and stops when asked`(
        parts: [Part],
        successor: String?
    ) async throws {
        let agent = Agent()
        try agent.found("one")
        let agentRuns = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for part in parts { group.addTask { try await agent.run(part) } }
                try await group.waitForAll()
            }
        }
        let observed = await self.observe(agent, parts, successor)
        agent.stop.give()
        try await agentRuns.value
        try observed.get()
        #expect(agent.errors.count == 1)
    }

    private func observe(_ agent: Agent, _ parts: [Part], _ successor: String?) async -> Result<Void, any Error> {
        do {
            let observer = InMemoryMessageBus(store: agent.store)
            let name = AgentName.riskManagement
            let streams = parts == [.lane] ? [name.callStream(.account)] : name.allStreams
            let groups = streams.map { (stream: $0, group: name.rawValue) }
            let patience = Duration.seconds(120)
            _ = try await awaited("an agent that works", within: patience) {
                try observer.quiescence(of: groups) == .settled ? true : nil
            }
            #expect(agent.readiness.report().isReady)

            agent.store.removeAll()
            if let successor { try agent.found(successor) }
            _ = try await awaited("an agent that says why it is not ready", within: patience) {
                String(decoding: agent.readiness.report().json, as: UTF8.self)
                    .contains("verify the positions at the broker") ? true : nil
            }
            #expect(!agent.readiness.report().isReady)
            // A supervisor that restarted it would put it on the other ledger.
            let beats = agent.beats.count
            _ = try await awaited("an agent that still shows that it lives", within: patience) {
                agent.beats.count > beats + 1 ? true : nil
            }
            #expect(try observer.load([Diary.key]) == [nil])
            #expect(try observer.quiescence(of: groups) == .busy("stream \(streams[0]) does not exist"))
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
