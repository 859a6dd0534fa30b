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

    @Test func `an entry that may still arrive at the broker keeps a halt from being sure`() throws {
        let stage = try OperatorStage()
        var order = try OperatorStage.entry()
        var trade = Trade(
            id: order.id.trade,
            symbol: order.terms.symbol,
            strategy: "test",
            traceID: .undecided,
            signaledAt: order.intendedAt
        )
        var account = Account(cash: Money(10_000))
        account.reserve(Money(10), for: trade.id, symbol: trade.symbol)
        try stage.put(Account.key, account)
        func halt() throws -> HaltAnswer {
            trade.replace(order)
            try stage.put(trade)
            return try stage.desk.halt(by: "ann", reason: "odd data", patience: .milliseconds(100))
        }
        // Meant, and not handed out: the lane withholds it.
        let agent = AgentName.orderExecution
        let calls = agent.callStream(.entries)
        try stage.ask(order)
        #expect(try halt().problem == nil)
        try stage.bus.createGroup(agent.rawValue, on: calls)
        #expect(try halt().problem == nil)
        // Answered, and OrderExecution has not taken the answer in; another waits in the lane.
        func takeCall() throws -> Acknowledgement {
            let received = try stage.bus.receive(
                group: agent.rawValue,
                consumer: "order-execution-agent-1",
                streams: [calls],
                limit: 1,
                timeout: .seconds(5)
            )
            let id = try #require(received.deliveries.first).id
            return Acknowledgement(stream: calls, group: agent.rawValue, id: id)
        }
        try stage.bus.createGroup(agent.rawValue, on: agent.inbox)
        var commit = Commit()
        commit.acknowledge = try takeCall()
        commit.messages = [OutboundMessage(stream: agent.inbox, channel: nil, body: [1])]
        _ = try stage.bus.commit(commit)
        var other = order
        other.terms.clientOrderID = ClientOrderID(trade: order.id.trade, role: .entry, attempt: 2)
        try stage.ask(other)
        #expect(try halt().unknown == [order.id])
        let answer = try stage.bus.receive(
            group: agent.rawValue,
            consumer: "1",
            streams: [agent.inbox],
            limit: 1,
            timeout: .seconds(5)
        ).deliveries
        #expect(try halt().unknown == [order.id])
        commit.messages = []
        commit.acknowledge = Acknowledgement(
            stream: agent.inbox,
            group: agent.rawValue,
            id: try #require(answer.first).id
        )
        _ = try stage.bus.commit(commit)
        // Its answer was set aside: nothing is on its way back, and the order is still an intent.
        #expect(try halt().unknown == [order.id])
        commit.acknowledge = try takeCall()
        _ = try stage.bus.commit(commit)
        let lane = try stage.handOut(order, to: "order-execution-agent-1")
        var under = try halt()
        #expect(under.underWay.map(\.order) == [order.id] && under.unknown.isEmpty)
        commit.acknowledge = Acknowledgement(stream: lane.stream, group: agent.rawValue, id: lane.id)
        _ = try stage.bus.commit(commit)
        under = try halt()
        #expect(under.underWay.isEmpty && under.unknown == [order.id] && under.problem == .unconfirmed)
        // A request that timed out.
        order.step(on: .outcomeUnknown)
        #expect(order.state == .unknown)
        let unsure = try halt()
        #expect(unsure.unknown == [order.id] && unsure.problem == .unconfirmed)
        #expect(unsure.text.contains("may still arrive") && !unsure.text.contains("No further entry"))
        var absent = order
        absent.step(on: .cancelled)
        swap(&order, &absent)
        let givenUp = try halt()
        #expect(givenUp.givenUp == [order.id] && givenUp.unknown.isEmpty && givenUp.problem == nil)
        #expect(givenUp.text.contains("should it turn up") && !givenUp.text.contains("reaches the broker"))
        swap(&order, &absent)
        order.step(on: .accepted)
        let sure = try halt()
        #expect(sure.unknown.isEmpty && sure.resting == [order.id] && sure.problem == nil)
    }

    /// An entry that a lane has in hand, before and after it was given up; the account keeps its symbol and cash.
    private static func entryInHand() throws -> (trade: Trade, givenUp: Trade, account: Account) {
        var order = try OperatorStage.entry()
        var trade = Trade(
            id: order.id.trade,
            symbol: order.terms.symbol,
            strategy: "test",
            traceID: .undecided,
            signaledAt: order.intendedAt
        )
        func step(to state: TradeState, on trigger: TradeTrigger) throws {
            let id = MessageID(derivedFrom: trigger.rawValue)
            _ = try trade.transition(to: state, on: trigger, at: order.intendedAt, message: id)
        }
        try step(to: .setupDetected, on: .candidateFound)
        try step(to: .entryApproved, on: .tradeApproved)
        trade.replace(order)
        let before = trade
        order.step(on: .cancelled)
        trade.replace(order)
        try step(to: .cancelled, on: .orderCancelled)
        var account = Account(cash: Money(10_000))
        account.reserve(Money(10), for: trade.id, symbol: trade.symbol)
        return (before, trade, account)
    }

    @Test func `an entry that was given up is not said to be taken back before that is certain`() throws {
        let stage = try OperatorStage()
        var (_, trade, account) = try Self.entryInHand()
        try stage.put(trade)
        try stage.put(Account.key, account)
        let id = try #require(trade.entryOrder).id
        // However often somebody asks.
        for _ in 0..<2 {
            let answer = try stage.desk.cancel(id, patience: .zero)
            #expect(answer.mayTurnUp && answer.problem == .unconfirmed)
            #expect(answer.text.contains("Should it turn up"), "\(answer.text)")
        }
        let flattened = try stage.desk.flatten([trade.id], patience: .zero)
        #expect(flattened.problem == .unconfirmed)
        #expect(flattened.text.contains("should it turn up"), "\(flattened.text)")
        #expect(try stage.events(.abortRequested).isEmpty)

        account.release(trade.id)
        try stage.put(Account.key, account)
        let certain = try stage.desk.cancel(id, patience: .zero)
        #expect(certain.wasOver && !certain.mayTurnUp && certain.problem == nil)
        let flat = try stage.desk.flatten([trade.id], patience: .zero)
        #expect(flat.problem == nil && flat.text.contains("taken back"), "\(flat.text)")
    }

    @Test func `who cancels waits until it is certain that nothing comes of the entry`() throws {
        let stage = try OperatorStage()
        let (trade, givenUp, reserved) = try Self.entryInHand()
        try stage.put(trade)
        try stage.put(Account.key, reserved)
        var account = reserved
        account.release(trade.id)
        let endpoint = stage.redis.endpoint
        let agents = TestThread { [account] in
            do {
                let bus = RedisMessageBus(endpoint: endpoint)
                let connection = try RedisConnection(to: endpoint)
                /// How often anybody has read documents.
                func reads() throws -> Int {
                    guard case .string(let bytes) = try connection.call(RedisCommand("INFO", "commandstats")) else {
                        return 0
                    }
                    let text = String(decoding: bytes, as: UTF8.self)
                    return text.firstRange(of: "cmdstat_hmget:calls=").flatMap {
                        Int(text[$0.upperBound...].prefix(while: \.isNumber))
                    } ?? 0
                }
                #expect(try eventually { try !bus.tail(of: EventName.abortRequested.stream, limit: 1).isEmpty })
                var commit = Commit()
                commit.puts = [(key: Trade.key(givenUp.id), body: JSONWriter.bytes(givenUp))]
                _ = try bus.commit(commit)
                // More than it takes to see that the order has ended.
                let before = try reads()
                #expect(try eventually { try reads() > before + 8 }, "nobody waited")
                commit.puts = [(key: Account.key, body: JSONWriter.bytes(account))]
                _ = try bus.commit(commit)
            } catch {
                Issue.record(error)
            }
        }
        let answer = Result { try stage.desk.cancel(ClientOrderID(trade: trade.id, role: .entry, attempt: 1)) }
        agents.join()
        #expect(try answer.get().problem == nil && !answer.get().mayTurnUp)
    }

    @Test func `a halt that somebody ends while it waits says so`() throws {
        let stage = try OperatorStage()
        _ = try stage.handOut(try OperatorStage.entry(), to: "order-execution-agent-7")
        let endpoint = stage.redis.endpoint
        let other = TestThread {
            do {
                let desk = try OperatorDesk(endpoint: endpoint, namespace: "quintet")
                while try desk.haltInForce() == nil {}
                _ = try desk.resume()
            } catch {
                Issue.record(error)
            }
        }
        let failure = #expect(throws: CommandFailure.self) {
            try stage.desk.halt(by: "ann", reason: "odd data", patience: .seconds(3))
        }
        other.join()
        #expect(failure?.description.contains("resumed") == true)
    }

    @Test func `an account that cannot be read keeps nobody from halting and resuming`() throws {
        let stage = try OperatorStage()
        var commit = Commit()
        commit.puts = [(key: Account.key, body: Array(#"{"x":1}"#.utf8))]
        _ = try stage.bus.commit(commit)
        let answer = try stage.desk.halt(by: "ann", reason: "odd data", patience: .milliseconds(100))
        #expect(answer.problem == .failed && answer.text.contains("Trading is halted"))
        #expect(answer.text.contains("document account cannot be read"), "\(answer.text)")
        #expect(try stage.desk.haltInForce() != nil)
        #expect(try stage.desk.resume().isConfirmed)
        #expect(try stage.desk.haltInForce() == nil)
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
