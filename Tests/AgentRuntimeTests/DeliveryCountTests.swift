import AgentRuntime
import Logging
import MessageBus
import Testing
import TradingCore

/// Being handed out often is held against a message only when its readers died of it.
@Suite struct DeliveryCountTests {
    /// Loses the bus as often as it is told to, then handles the message.
    private struct Unlucky: Judgement {
        let agent = AgentName.marketData
        let attempts: Tally
        let failures: Int

        func reads(for input: Input, given documents: Documents) -> [DocumentKey] { [] }

        mutating func decide(_ input: Input, given documents: Documents) throws -> Decision {
            var decision = Decision()
            guard case .message = input else { return decision }
            self.attempts.increment()
            if self.attempts.count <= self.failures { throw MessageBusError(.unreachable, "gone") }
            decision.puts = [(key: DocumentKey(rawValue: "handled"), body: [1])]
            return decision
        }
    }

    /// Waits for something that comes late.
    private struct Patient: Judgement {
        let agent = AgentName.marketData
        let attempts: Tally
        let waits: Int

        func reads(for input: Input, given documents: Documents) -> [DocumentKey] { [] }

        mutating func decide(_ input: Input, given documents: Documents) throws -> Decision {
            var decision = Decision()
            guard case .message = input else { return decision }
            self.attempts.increment()
            if self.attempts.count <= self.waits { throw NotYet("not yet") }
            decision.puts = [(key: DocumentKey(rawValue: "handled"), body: [1])]
            return decision
        }
    }

    private func loop(_ bus: InMemoryMessageBus, _ judgement: any Judgement) -> AgentLoop {
        AgentLoop(
            judgement: judgement,
            settings: AgentLoopSettings(instance: "a"),
            bus: bus,
            feed: nil,
            stop: StopSignal(),
            readiness: ReadinessBoard(waitingFor: []),
            heartbeat: Heartbeat(),
            logger: Logger(label: "test") { _ in ErrorTally(Tally()) }
        )
    }

    @Test func `a message that waits survives any number of restarts`() throws {
        let store = InMemoryMessageStore()
        let bus = InMemoryMessageBus(store: store)
        let judgement = Patient(attempts: Tally(), waits: 30)
        try self.loop(bus, judgement).synchronise()
        try self.ask(store)
        try self.loop(bus, judgement).turn()
        for _ in 0..<40 { try self.loop(bus, judgement).synchronise() }
        #expect(try bus.load([DocumentKey(rawValue: "handled")]) != [nil])
        #expect(try bus.tail(of: .deadLetter, limit: 1).isEmpty)
    }

    private func ask(_ store: InMemoryMessageStore) throws {
        var commit = Commit()
        let request = Speaker(.strategy).say(
            .quoteRequested(QuoteRequest(symbol: try #require(Symbol("AAPL")))),
            at: Timestamp(seconds: 0),
            about: "1"
        )
        commit.messages = [OutboundMessage(stream: request.event.stream, channel: nil, body: request.encoded())]
        #expect(try InMemoryMessageBus(store: store).commit(commit) == .committed)
    }

    @Test(arguments: [true, false])
    func `a bus that is lost costs no message, readers that die do`(isOneProcess: Bool) throws {
        let store = InMemoryMessageStore()
        let bus = InMemoryMessageBus(store: store)
        let judgement = Unlucky(attempts: Tally(), failures: 20)
        var agent = self.loop(bus, judgement)
        try agent.synchronise()
        try self.ask(store)
        #expect(throws: MessageBusError.self) { try agent.turn() }
        for _ in 0..<25 {
            if !isOneProcess { agent = self.loop(bus, judgement) }
            try? agent.synchronise()
        }
        let isHandled = try bus.load([DocumentKey(rawValue: "handled")]) != [nil]
        #expect(isHandled == isOneProcess)
        #expect(try bus.tail(of: .deadLetter, limit: 1).isEmpty == isOneProcess)
    }
}
