import AgentRuntime
import Logging
import MessageBus
import Testing
import TradingCore

/// A call that fails every second is an error in the log once, and every other error is there too.
@Suite struct RepeatedErrorTests {
    /// Makes an error of every refusal.
    private struct Complaining: Judgement {
        let agent = AgentName.marketData

        func reads(for input: Input, given documents: Documents) -> [DocumentKey] { [] }

        func decide(_ input: Input, given documents: Documents) -> Decision {
            var decision = Decision()
            guard case .message(let message) = input, case .brokerCallCompleted(let answer) = message.body,
                case .refused(_, let reason) = answer.outcome
            else { return decision }
            let details = ["reason": reason, "attempt": "\(answer.call.attempt)"]
            decision.notes = [Note(.error, "nobody knows", details)]
            return decision
        }
    }

    @Test func `an error that comes back with every attempt is said once, any other at once`() throws {
        let store = InMemoryMessageStore()
        let bus = InMemoryMessageBus(store: store)
        let errors = Tally()
        let loop = AgentLoop(
            judgement: Complaining(),
            settings: AgentLoopSettings(instance: "a"),
            bus: bus,
            feed: nil,
            stop: StopSignal(),
            readiness: ReadinessBoard(waitingFor: []),
            heartbeat: Heartbeat(),
            logger: Logger(label: "test") { _ in ErrorTally(errors) }
        )
        try loop.synchronise()
        var count = 0
        func errorsAfter(_ operation: BrokerCall.Operation, attempt: Int, _ reason: String) throws -> Int {
            count += 1
            let call = BrokerCall(operation, lane: .marketData, attempt: attempt)
            var commit = Commit()
            let answer = Speaker(.marketData).say(
                .brokerCallCompleted(BrokerAnswer(call, .refused(code: "403", reason: reason))),
                at: Timestamp(seconds: 0),
                about: "\(count)"
            )
            commit.messages = [
                OutboundMessage(stream: AgentName.marketData.inbox, channel: nil, body: answer.encoded())
            ]
            #expect(try InMemoryMessageBus(store: store).commit(commit) == .committed)
            try loop.turn()
            return errors.count
        }
        #expect(try errorsAfter(.clock, attempt: 1, "no") == 1)
        #expect(try errorsAfter(.clock, attempt: 2, "no") == 1)
        #expect(try errorsAfter(.clock, attempt: 3, "no") == 1)
        #expect(try errorsAfter(.account, attempt: 3, "no") == 2, "another call")
        #expect(try errorsAfter(.clock, attempt: 4, "no, for 5 s") == 3, "another reason")
        #expect(try errorsAfter(.clock, attempt: 5, "no, for 6 s") == 4, "another number")
        #expect(try errorsAfter(.clock, attempt: 6, "no, for 6 s") == 4)
        #expect(try errorsAfter(.clock, attempt: 1, "no") == 5, "a call of its own")
    }
}
