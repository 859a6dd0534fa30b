import AgentRuntime
import MessageBus
import TestSupport
import Testing
import TradeControl
import TradingCore

/// What an operator's commands say and do at a ledger that stands still.
@Suite struct OperatorTests {
    private func stage() throws -> (OperatorStage, LedgerFixture) {
        let stage = try OperatorStage()
        let fixture = try LedgerFixture()
        for record in fixture.records { try stage.put(record.trade) }
        try stage.put(Account.key, fixture.account)
        return (stage, fixture)
    }

    @Test func `trades are listed by what they are, the newest first`() throws {
        let (stage, fixture) = try self.stage()
        let all = try TradeList(reading: stage.desk, nil, symbol: nil, limit: 100)
        #expect(all.trades.count == fixture.records.count)
        #expect(all.trades.map(\.signaledAt) == all.trades.map(\.signaledAt).sorted(by: >))
        let open = try TradeList(reading: stage.desk, .open, symbol: nil, limit: 100)
        #expect(open.trades.map(\.id) == fixture.account.openTrades.keys.sorted())
        let closed = try TradeList(reading: stage.desk, .closed, symbol: nil, limit: 100)
        #expect(closed.trades.map(\.state) == [.closed])
        let symbol = try #require(closed.trades.first?.symbol)
        let first = try TradeList(reading: stage.desk, nil, symbol: symbol, limit: 1)
        #expect(first.trades.allSatisfy { $0.symbol == symbol } && first.trades.count == 1)
        #expect(try TradeList(reading: stage.desk, .closed, symbol: Symbol("ZZZ"), limit: 1).text == "No trades.\n")
    }

    @Test func `columns are aligned`() throws {
        let (stage, _) = try self.stage()
        let lines = try TradeList(reading: stage.desk, nil, symbol: nil, limit: 100).text.split(separator: "\n")
        let column = try #require(
            lines[0].firstRange(of: "STATE").map { lines[0].distance(from: lines[0].startIndex, to: $0.lowerBound) }
        )
        for line in lines {
            #expect(line[line.index(line.startIndex, offsetBy: column - 1)] == " ", "\(line)")
            #expect(line[line.index(line.startIndex, offsetBy: column)] != " ", "\(line)")
        }
    }

    @Test func `a position is worth what its bid would bring, and shares without a stop are a problem`() throws {
        let (stage, fixture) = try self.stage()
        let held = try #require(fixture.records.map(\.trade).first { $0.heldQuantity > .zero })
        #expect(try PositionList(reading: stage.desk).positions.map(\.unrealised) == [nil])
        let quote = Quote(symbol: held.symbol, bid: Price(100), ask: Price(101), timestamp: Timestamp(seconds: 5))
        let told = Speaker(.marketData).say(.quoteUpdated(quote), at: quote.timestamp, about: "quote")
        _ = try stage.bus.publishQuote(
            key: Quote.key(held.symbol),
            version: quote.timestamp.microseconds,
            body: told.encoded(),
            channel: EventName.quoteUpdated.rawValue
        )
        let position = try #require(try PositionList(reading: stage.desk).positions.first)
        #expect(position.trade.id == held.id)
        #expect(position.unrealised == (try Price(100).times(held.heldQuantity)) + held.cashFlow)
        #expect(try SystemStatus(reading: stage.desk).problems.filter { $0.contains("without a stop") }.isEmpty)

        var bare = held
        let stop = try #require(held.latest(.stop))
        var lost = stop
        lost.step(on: .cancelled)
        bare.replace(lost)
        try stage.put(bare)
        #expect(try PositionList(reading: stage.desk).text.contains("NONE"))
        let problems = try SystemStatus(reading: stage.desk).problems
        #expect(problems.contains { $0.contains("\(held.id)") && $0.contains("without a stop") })

        bare.replace(Order(terms: stop.terms, intendedAt: stop.intendedAt, state: .unknown))
        try stage.put(bare)
        #expect(try SystemStatus(reading: stage.desk).problems.contains { $0.contains("what became of \(stop.id)") })
    }

    @Test func `an agent that nobody runs is a problem, and a halt is none`() throws {
        let (stage, _) = try self.stage()
        let agent = AgentName.riskManagement
        for stream in agent.allStreams { try stage.bus.createGroup(agent.rawValue, on: stream) }
        _ = try stage.bus.pending(
            group: agent.rawValue,
            consumer: "risk-management-agent-1",
            streams: agent.inputStreams,
            limit: 1
        )
        _ = try stage.desk.halt(by: "ann", reason: "a drill")
        let status = try SystemStatus(reading: stage.desk)
        let running = try #require(status.agents.first { $0.name == agent })
        #expect(running.replicas.map(\.instance) == ["risk-management-agent-1"])
        #expect(running.replicas.allSatisfy { $0.answers })
        #expect(running.unread == 1, "the halt's message")
        for agent in AgentName.allCases {
            #expect(status.problems.contains { $0.hasPrefix("\(agent) does not run") } == (agent != .riskManagement))
        }
        #expect(!status.problems.contains { $0.contains("halt") })
        #expect(status.text.contains("HALTED") && status.text.contains("a drill"))
    }

    @Test func `a dead letter goes back to the agent that had it, or is gone`() throws {
        let stage = try OperatorStage()
        for (number, stream) in ["market_data.market.status", "order.filled"].enumerated() {
            try stage.putDeadLetter(of: .orderExecution, from: stream, #"{"number":\#(number)}"#)
        }
        let letters = try DeadLetterList(reading: stage.desk, limit: 10).letters
        #expect(letters.map(\.reason) == ["odd", "odd"])
        // A stream that others read too is not told again.
        let back = try stage.desk.deadLetterReturn(letters[0].id)
        #expect(back.text.contains("none that can be read") && back.text.contains("replays.order-execution-agent"))
        #expect(try stage.desk.replay(back).destination == AgentName.orderExecution.replays)
        #expect(
            try stage.bus.tail(of: AgentName.orderExecution.replays, limit: 9).map(\.body) == [
                Array(#"{"number":0}"#.utf8)
            ]
        )
        #expect(throws: CommandFailure.self) { try stage.desk.replay(back) }
        #expect(throws: CommandFailure.self) { try stage.desk.deadLetterReturn(letters[0].id) }
        #expect(try stage.desk.discardDeadLetter(letters[1].id).destination == nil)
        #expect(try DeadLetterList(reading: stage.desk, limit: 10).letters.isEmpty)

        // Given back, what stood where it does not belong would count as the operator's word.
        let event = try stage.desk.event(.tradingResumed(TradingSwitch(reason: "forged")))
        let forged = String(decoding: event.body, as: UTF8.self)
        try stage.putDeadLetter(of: .riskManagement, from: "strategy.entry.signal", forged)
        let letter = try #require(try DeadLetterList(reading: stage.desk, limit: 10).letters.first)
        #expect(throws: CommandFailure.self) { try stage.desk.deadLetterReturn(letter.id) }
        #expect(try stage.desk.discardDeadLetter(letter.id).destination == nil)
        #expect(try stage.bus.tail(of: AgentName.orderExecution.replays, limit: 9).count == 1)
    }

    @Test func `that the broker has not answered yet is a problem`() throws {
        let stage = try OperatorStage()
        let told = try SystemStatus(reading: stage.desk)
        #expect(told.problem == .failed)
        #expect(told.problems.contains { $0.contains("the account has not been read from the broker yet") })
        try stage.put(Account.key, Account(cash: Money(10_000)))
        try stage.put(MarketClock.key, MarketClock(since: Timestamp(seconds: 0)))
        #expect(try !SystemStatus(reading: stage.desk).problems.contains { $0.contains("has not been read") })
    }

    @Test func `what goes back to a lane is a call of that lane, and its order is shown`() throws {
        let (stage, fixture) = try self.stage()
        let held = try #require(fixture.records.map(\.trade).first { $0.heldQuantity > .zero })
        let (agent, lane) = (AgentName.orderExecution, BrokerLane.protective)
        let stop = try #require(held.latest(.stop))
        func call(_ lane: BrokerLane) -> String {
            let request = Speaker(agent).say(
                .brokerCallRequested(BrokerCall(.place(stop.terms), lane: lane)),
                trade: held,
                at: Timestamp(seconds: 0),
                about: "a test"
            )
            return String(decoding: request.encoded(), as: UTF8.self)
        }
        let calls = agent.callStream(lane)
        for body in [#"{"number":1}"#, call(.entries), call(lane)] {
            try stage.putDeadLetter(of: agent, from: calls.rawValue, body)
        }
        let letters = try DeadLetterList(reading: stage.desk, limit: 10).letters
        try #require(letters.count == 3)
        for letter in letters.prefix(2) {
            #expect(throws: CommandFailure.self) { try stage.desk.deadLetterReturn(letter.id) }
        }
        #expect(try stage.bus.tail(of: calls, limit: 9).isEmpty)
        let back = try stage.desk.deadLetterReturn(letters[2].id)
        let terms = "sell \(stop.terms.quantity) \(held.symbol), \(stop.terms.type.rawValue)"
        for fact in ["broker.call.requested", "\(held.id)", "place", "\(stop.id)", terms] {
            #expect(back.text.contains(fact), "\(fact) in \(back.text)")
        }
        #expect(try stage.desk.replay(back).destination == calls)
        #expect(try stage.bus.tail(of: calls, limit: 9).map(\.body) == [Array(call(lane).utf8)])
    }

    @Test func `only an entry is cancelled, and one that is not answered for is not said to be`() throws {
        let (stage, fixture) = try self.stage()
        let held = try #require(fixture.records.map(\.trade).first { $0.heldQuantity > .zero })
        let stop = try #require(held.latest(.stop))
        let refusal = #expect(throws: CommandFailure.self) { try stage.desk.cancel(stop.id) }
        #expect(refusal?.code == .failed && refusal?.description.contains("flatten \(held.symbol)") == true)
        let entry = try #require(held.entryOrder)
        #expect(try stage.desk.cancel(entry.id).wasOver)
        let missing = #expect(throws: CommandFailure.self) {
            try stage.desk.cancel(ClientOrderID(trade: held.id, role: .entry, attempt: 9))
        }
        #expect(missing?.code == .notFound)
        let flattened = try stage.desk.flatten([held.id], patience: .milliseconds(100))
        #expect(flattened.problem == .unconfirmed)
        let signals = try stage.events(.exitSignal)
        #expect(signals.map(\.tradeID) == [held.id])
        #expect(signals.map(\.source) == ["tradectl"])
    }

    /// Something under a document's key that is none, or none that can be understood.
    private func spoil(_ key: DocumentKey, _ kind: String, on stage: OperatorStage) throws {
        let key = "{quintet}:document:\(key.rawValue)"
        let connection = try RedisConnection(to: stage.redis.endpoint)
        _ = try connection.call(RedisCommand("DEL", key))
        _ =
            try kind == "SET"
            ? connection.call(RedisCommand("SET", key, "x"))
            : connection.call(RedisCommand("HSET", key, "v", "1", "s", "", "d", "x"))
    }

    @Test(arguments: ["HSET", "SET"])
    func `a trade that cannot be read is named, and hides no other`(kind: String) throws {
        let (stage, fixture) = try self.stage()
        let held = try #require(fixture.records.map(\.trade).first { $0.heldQuantity > .zero })
        let open = try stage.desk.openTrades().trades
        let symbol = try #require(Symbol("SPOILT"))
        let spoilt = Trade(
            id: TradeID(symbol: symbol, signaledAt: held.signaledAt),
            symbol: symbol,
            strategy: "test",
            traceID: held.traceID,
            signaledAt: held.signaledAt
        )
        try stage.put(spoilt)
        var account = fixture.account
        account.openTrades[spoilt.id] = symbol
        try stage.put(Account.key, account)
        try self.spoil(Trade.key(spoilt.id), kind, on: stage)

        let found = try stage.desk.tradesToFlatten(nil)
        #expect(found.trades == open)
        #expect(found.unreadable.map(\.id) == [spoilt.id] && found.unreadable.map(\.symbol) == [symbol])
        #expect(found.unreadable.first?.reason.contains(Trade.key(spoilt.id).rawValue) == true)
        #expect(try stage.desk.tradesToFlatten(held.symbol).unreadable.isEmpty)
        #expect(try stage.desk.openSymbols().contains(symbol))
        let answer = try stage.desk.flatten(
            found.trades.map(\.id),
            unreadable: found.unreadable,
            patience: .milliseconds(100)
        )
        #expect(answer.problem == .failed && answer.text.contains("look for SPOILT at the broker"), "\(answer.text)")
        #expect(try stage.events(.exitSignal).map(\.tradeID).contains(held.id))

        let status = try SystemStatus(reading: stage.desk)
        #expect(status.openTrades == account.openTrades.keys.sorted())
        #expect(status.problems.contains { $0.hasPrefix("\(spoilt.id) is open, and its shares may be without a stop") })
        let positions = try PositionList(reading: stage.desk)
        #expect(positions.positions.map(\.trade.id) == [held.id] && positions.problem == .failed)
        #expect(positions.text.contains("what \(spoilt.id) holds cannot be said"), "\(positions.text)")
        for phase in [TradeList.Phase.open, nil] {
            let list = try TradeList(reading: stage.desk, phase, symbol: nil, limit: 100)
            #expect(list.trades.contains { $0.id == held.id } && list.problem == .failed)
            #expect(list.text.contains("\(spoilt.id) is left out"), "\(list.text)")
        }
        let halt = try stage.desk.halt(by: "ann", reason: "a drill", patience: .milliseconds(100))
        #expect(halt.problem == .failed && halt.text.contains(Trade.key(spoilt.id).rawValue), "\(halt.text)")
    }

    @Test(arguments: [Account.key, MarketClock.key], ["HSET", "SET"])
    func `an account or a clock that cannot be read is said to be, and hides nothing else`(
        key: DocumentKey,
        kind: String
    ) throws {
        let (stage, fixture) = try self.stage()
        let held = try #require(fixture.records.map(\.trade).first { $0.heldQuantity > .zero })
        try self.spoil(key, kind, on: stage)
        let status = try SystemStatus(reading: stage.desk)
        #expect(status.problems.contains { $0.contains("document") && $0.contains(key.rawValue) })
        #expect(!status.problems.contains { $0.contains("has not been read from the broker") })
        #expect(status.problems.contains { $0.hasPrefix("\(AgentName.orderExecution) does not run") })
        let halt = try stage.desk.halt(by: "ann", reason: "a drill", patience: .milliseconds(100))
        #expect(halt.problem == (key == Account.key ? .failed : nil), "\(halt.text)")
        #expect(try stage.desk.haltInForce()?.reason == "a drill")
        if key == MarketClock.key {
            _ = try stage.desk.flatten([held.id], patience: .zero)
            #expect(try stage.events(.exitSignal).map(\.tradeID) == [held.id])
        }
        _ = try stage.desk.resume(patience: .zero)
        #expect(try stage.desk.haltInForce() == nil)
    }
}
