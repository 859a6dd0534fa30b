import AgentRuntime
import Logging
import MessageBus
import Testing
import TradingCore

/// Who may write to a stream is what tells who has spoken, so a message counts on its own stream alone.
@Suite struct MisplacedMessageTests {
    /// Notes every message it is given.
    private struct Noting: Judgement {
        let agent = AgentName.orderExecution
        let noted: Tally

        func reads(for input: Input, given documents: Documents) -> [DocumentKey] { [] }

        func decide(_ input: Input, given documents: Documents) -> Decision {
            if case .message = input { self.noted.increment() }
            return Decision()
        }
    }

    /// A halt stands for any message: OrderExecution does not listen to it at all.
    private static let halted = MessageBody.tradingHalted(TradingSwitch(reason: "a test"))
    private static let answered = MessageBody.brokerCallCompleted(
        BrokerAnswer(BrokerCall(.clock, lane: .account), .unavailable(reason: "a test"))
    )

    @Test(
        arguments: [
            (Self.halted, "risk.trade.approved", false), (Self.halted, "inbox.order-execution-agent", false),
            (Self.halted, "broker.orders.moved", false), (Self.answered, "broker.orders.moved", false),
            (Self.answered, "risk.trade.approved", false), (Self.answered, "inbox.order-execution-agent", true),
            // What an operator gives back may be anything.
            (Self.halted, "replays.order-execution-agent", true),
            (Self.answered, "replays.order-execution-agent", true),
        ]
    )
    func `a message on a stream that is not its own is set aside`(
        body: MessageBody,
        stream: String,
        isTaken: Bool
    ) throws {
        let store = InMemoryMessageStore()
        let bus = InMemoryMessageBus(store: store)
        let noted = Tally()
        let loop = AgentLoop(
            judgement: Noting(noted: noted),
            settings: AgentLoopSettings(instance: "a"),
            bus: bus,
            feed: nil,
            stop: StopSignal(),
            readiness: ReadinessBoard(waitingFor: []),
            heartbeat: Heartbeat(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        try loop.synchronise()
        let message = Speaker(.strategy).say(body, at: Timestamp(seconds: 0), about: "1")
        var commit = Commit()
        commit.messages = [
            OutboundMessage(stream: StreamName(rawValue: stream), channel: nil, body: message.encoded())
        ]
        #expect(try bus.commit(commit) == .committed)
        try loop.turn()
        #expect(noted.count == (isTaken ? 1 : 0))
        let letter = try bus.tail(of: .deadLetter, limit: 1).first.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(letter?.contains("does not belong on this stream") == (isTaken ? nil : true))
        let group = AgentName.orderExecution.rawValue
        #expect(try bus.pending(group: group, consumer: "a", streams: [StreamName(rawValue: stream)], limit: 1) == [])
    }

    @Test func `every stream that somebody writes or reads is cut back by somebody`() {
        for event in EventName.allCases where event != .quoteUpdated {
            let isUsed = AgentName.allCases.contains {
                $0.publications.contains(event) || $0.inputStreams.contains(event.stream)
            }
            let isCut = AgentName.allCases.contains { $0.trimmedStreams.contains(event.stream) }
            #expect(isCut || !isUsed, "\(event.rawValue)")
        }
        for agent in AgentName.allCases {
            let isRisk = agent == .riskManagement
            #expect(agent.trimmedStreams.contains(EventName.tradeApproved.stream) == isRisk)
            for stream in [agent.inbox, agent.replays] { #expect(agent.trimmedStreams.contains(stream)) }
        }
    }
}
