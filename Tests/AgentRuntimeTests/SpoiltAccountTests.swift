import AgentRuntime
import Logging
import MessageBus
import TestSupport
import Testing
import TradingCore

/// Somebody has put something else in the account's place: everything waits until it is restored.
@Suite struct SpoiltAccountTests {
    private struct Noting: Judgement {
        let agent = AgentName.orderExecution
        let noted: Tally

        func reads(for input: Input, given documents: Documents) -> [DocumentKey] { [Account.key] }

        func decide(_ input: Input, given documents: Documents) -> Decision {
            if case .message = input { self.noted.increment() }
            return Decision()
        }
    }

    @Test func `no message is lost for want of the account`() throws {
        let redis = try RedisServer()
        defer { redis.stop() }
        let bus = RedisMessageBus(endpoint: redis.endpoint)
        _ = try bus.beginLedger("test")
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
        let hand = try RedisConnection(to: redis.endpoint)
        let key = "{quintet}:document:\(Account.key.rawValue)"
        _ = try hand.call(RedisCommand("SET", key, "x"))
        let answered = BrokerAnswer(BrokerCall(.clock, lane: .account), .unavailable(reason: "a test"))
        let message = Speaker(.orderExecution).say(
            .brokerCallCompleted(answered),
            at: Timestamp(seconds: 0),
            about: "1"
        )
        var commit = Commit()
        let inbox = AgentName.orderExecution.inbox
        commit.messages = [OutboundMessage(stream: inbox, channel: nil, body: message.encoded())]
        #expect(try bus.commit(commit) == .committed)
        let error = #expect(throws: MessageBusError.self) { try loop.turn() }
        #expect(error?.message.contains(key) == true)
        #expect(try bus.length(of: .deadLetter) == 0 && noted.count == 0)

        _ = try hand.call(RedisCommand("DEL", key))
        try loop.synchronise()
        #expect(noted.count == 1)
        #expect(try bus.length(of: .deadLetter) == 0)
    }
}
