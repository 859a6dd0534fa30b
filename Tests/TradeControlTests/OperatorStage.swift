import MessageBus
import TestSupport
import Testing
import TradeControl
import TradingCore

/// A ledger in a Redis of its own, with an operator's desk at it.
struct OperatorStage {
    let redis: RedisServer
    let desk: OperatorDesk
    /// As the agents have one.
    let bus: RedisMessageBus

    init() throws {
        self.redis = try RedisServer()
        self.bus = RedisMessageBus(endpoint: self.redis.endpoint)
        _ = try self.bus.beginLedger("test")
        self.desk = try OperatorDesk(endpoint: self.redis.endpoint, namespace: "quintet")
    }

    func put(_ key: DocumentKey, _ value: some JSONEncodable) throws {
        var commit = Commit()
        commit.puts = [(key: key, body: JSONWriter.bytes(value))]
        _ = try self.bus.commit(commit)
    }

    func put(_ trade: Trade) throws {
        var commit = Commit()
        commit.puts = [(key: Trade.key(trade.id), body: JSONWriter.bytes(trade))]
        commit.additions = [(set: "trades", member: trade.id.rawValue)]
        _ = try self.bus.commit(commit)
    }

    func putDeadLetter(of agent: AgentName, from stream: String, _ body: String) throws {
        let letter = JSONWriter.text(JSONValue.string(body))
        let head = #"{"reason":"odd","agent":"\#(agent.rawValue)","stream":"\#(stream)","entry":"1-0","deliveries":1,"#
        var commit = Commit()
        commit.messages = [
            OutboundMessage(stream: .deadLetter, channel: nil, body: Array((head + #""body":\#(letter)}"#).utf8))
        ]
        _ = try self.bus.commit(commit)
    }

    /// As OrderExecution asks the entries' lane to place an order.
    func ask(_ order: Order) throws {
        let (agent, lane) = (AgentName.orderExecution, BrokerLane.entries)
        let call = BrokerCall(.place(order.terms), lane: lane)
        let request = Speaker(agent).say(.brokerCallRequested(call), at: order.intendedAt, about: "\(order.id)")
        var commit = Commit()
        commit.messages = [
            OutboundMessage(stream: agent.callStream(lane), channel: nil, body: request.encoded())
        ]
        _ = try self.bus.commit(commit)
    }

    /// Hands an entry's call to a lane of that name, which does not answer it.
    func handOut(_ order: Order, to instance: String) throws -> Delivery {
        let (agent, lane) = (AgentName.orderExecution, BrokerLane.entries)
        try self.bus.createGroup(agent.rawValue, on: agent.callStream(lane))
        try self.ask(order)
        return try #require(
            try self.bus.receive(
                group: agent.rawValue,
                consumer: instance,
                streams: [agent.callStream(lane)],
                limit: 1,
                timeout: .seconds(5)
            ).deliveries.first
        )
    }

    func events(_ event: EventName) throws -> [Message] {
        try self.bus.tail(of: event.stream, limit: 100).map { try Message(decoding: $0.body) }
    }

    static func entry() throws -> Order {
        let symbol = try #require(Symbol("AAPL"))
        let time = Timestamp(seconds: 1_233_954_000)
        let id = ClientOrderID(trade: TradeID(symbol: symbol, signaledAt: time), role: .entry, attempt: 1)
        return Order(
            terms: OrderTerms(
                clientOrderID: id,
                symbol: symbol,
                side: .buy,
                type: .limit,
                quantity: Quantity(1),
                limitPrice: Price(10),
                timeInForce: .day
            ),
            intendedAt: time
        )
    }
}
