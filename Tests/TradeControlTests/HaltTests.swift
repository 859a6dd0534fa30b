import MessageBus
import Synchronization
import TestSupport
import Testing
import TradeControl
import TradingCore

/// What whoever halts trading relies on.
@Suite struct HaltTests {
    @Test func `a halt is written with its message, once, and resume ends it`() throws {
        let stage = try OperatorStage()
        let first = try stage.desk.halt(by: "ann", reason: "odd data")
        #expect(first.isNew && first.underWay.isEmpty && first.problem == nil)
        let second = try stage.desk.halt(by: "bob", reason: "me too")
        #expect(!second.isNew && second.halt == first.halt)
        #expect(second.text.contains("ann") && second.text.contains("odd data"))
        let messages = try stage.events(.tradingHalted)
        #expect(messages.map(\.body) == [.tradingHalted(TradingSwitch(reason: "odd data", since: first.halt.since))])
        #expect(messages.map(\.source) == ["tradectl"])
        // Another process finds it.
        #expect(try OperatorDesk(endpoint: stage.redis.endpoint, namespace: "quintet").haltInForce() == first.halt)

        let resumed = try stage.desk.resume()
        #expect(resumed.ended == first.halt && resumed.isConfirmed)
        #expect(try stage.desk.haltInForce() == nil)
        #expect(try stage.events(.tradingResumed).count == 1)
        #expect(try stage.desk.resume().ended == nil)
        #expect(try stage.events(.tradingResumed).count == 1, "what was not halted is not resumed")
    }

    @Test func `halt waits for the answer to an entry that was handed out before`() throws {
        let stage = try OperatorStage()
        let delivery = try stage.handOut(try OperatorStage.entry(), to: "order-execution-agent-1")
        let endpoint = stage.redis.endpoint
        let outcome = Mutex<Result<CommitOutcome, any Error>?>(nil)
        let lane = TestThread {
            let result = Result {
                let bus = RedisMessageBus(endpoint: endpoint)
                // The halt is written, and whoever wrote it is not through with it.
                while try bus.load([TradingHalt.key])[0] == nil {}
                var commit = Commit()
                commit.acknowledge = Acknowledgement(
                    stream: delivery.stream,
                    group: AgentName.orderExecution.rawValue,
                    id: delivery.id
                )
                return try bus.commit(commit)
            }
            outcome.withLock { $0 = result }
        }
        let answer = Result { try stage.desk.halt(by: "ann", reason: "odd data") }
        lane.join()
        #expect(try outcome.withLock { try $0?.get() } == .committed)
        #expect(try answer.get().underWay.isEmpty && answer.get().problem == nil)
    }

    @Test func `an entry that nobody answers for is told of, with who has it`() throws {
        let stage = try OperatorStage()
        let order = try OperatorStage.entry()
        _ = try stage.handOut(order, to: "order-execution-agent-7")
        let answer = try stage.desk.halt(by: "ann", reason: "odd data", patience: .milliseconds(200))
        #expect(answer.underWay.map(\.order) == [order.id])
        #expect(answer.underWay.map(\.instance) == ["order-execution-agent-7"])
        #expect(answer.problem == .unconfirmed)
        #expect(answer.text.contains("order-execution-agent-7") && answer.text.contains("\(order.id)"))
        #expect(try stage.desk.haltInForce() != nil)
        #expect(try stage.desk.halt(by: "ann", reason: "", patience: .zero).problem == .unconfirmed)
    }

    @Test func `resume waits for Risk where entries were stopped by it`() throws {
        let stage = try OperatorStage()
        var account = Account(cash: Money(10_000))
        account.entriesStopped = "drawdown of 0.21"
        try stage.put(Account.key, account)
        let answer = try stage.desk.resume(patience: .milliseconds(100))
        #expect(answer.stopped == "drawdown of 0.21")
        #expect(!answer.isConfirmed && answer.problem == .unconfirmed)
        #expect(try stage.events(.tradingResumed).count == 1)
    }

    @Test func `without a ledger, or without Redis, there is one clear line`() throws {
        let stage = try OperatorStage()
        let missing = #expect(throws: CommandFailure.self) {
            try OperatorDesk(endpoint: stage.redis.endpoint, namespace: "elsewhere")
        }
        #expect(missing?.code == .notFound)
        #expect(missing?.description.contains("elsewhere") == true)
        stage.redis.kill()
        let gone = #expect(throws: MessageBusError.self) {
            try OperatorDesk(endpoint: stage.redis.endpoint, namespace: "quintet")
        }
        #expect(gone?.code == .unreachable)
    }
}
