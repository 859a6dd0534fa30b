import AgentRuntime
import Logging
import MessageBus
import Testing
import TradingCore

@Suite struct ProtectionWatchTests {
    private let bus = InMemoryMessageBus(store: InMemoryMessageStore())
    private let symbol: Symbol
    private let trade: Trade

    init() throws {
        self.symbol = try #require(Symbol("IBM"))
        let id = TradeID(symbol: self.symbol, signaledAt: Timestamp(seconds: 0))
        self.trade = Trade(
            id: id,
            symbol: self.symbol,
            strategy: "test",
            traceID: TraceID(seed: "", trade: id),
            signaledAt: Timestamp(seconds: 0)
        )
    }

    private func order(_ role: OrderRole, _ state: OrderState, filled: Int = 0) -> Order {
        let id = ClientOrderID(trade: self.trade.id, role: role, attempt: 1)
        var order = Order(
            terms: OrderTerms(
                clientOrderID: id,
                symbol: self.symbol,
                side: role == .entry ? .buy : .sell,
                type: role == .stop ? .stop : .market,
                quantity: Quantity(10),
                stopPrice: role == .stop ? Price(90) : nil,
                timeInForce: .goodTillCancelled
            ),
            intendedAt: Timestamp(seconds: 0),
            state: state
        )
        order.filledQuantity = Quantity(filled)
        return order
    }

    private func store(_ orders: [Order]) throws {
        var trade = self.trade
        for order in orders { trade.replace(order) }
        var account = Account(cash: Money(10_000))
        account.openTrades[trade.id] = self.symbol
        var commit = Commit()
        commit.puts = [
            (key: Trade.key(trade.id), body: JSONWriter.bytes(trade)),
            (key: Account.key, body: JSONWriter.bytes(account)),
        ]
        _ = try self.bus.commit(commit)
    }

    @Test func `a position that nothing protects is told of after its time, and that it is protected again`() throws {
        let messages = MessageList()
        var now = Duration.seconds(100)
        let watch = ProtectionWatch(
            patience: .seconds(30),
            now: { now },
            logger: Logger(label: "test") { _ in messages }
        )
        var told: [[Symbol]] = []
        func turn(at second: Int) throws {
            now = .seconds(second)
            try watch.turn(bus: self.bus) { told.append($0) }
        }
        // Neither an account nor a position.
        try turn(at: 100)
        try self.store([self.order(.entry, .accepted)])
        try turn(at: 140)
        #expect(told == [[]])

        let bought = self.order(.entry, .filled, filled: 10)
        try self.store([bought, self.order(.stop, .submitted)])
        for second in stride(from: 142, through: 172, by: 2) { try turn(at: second) }
        #expect(told == [[]])
        #expect(messages.levels.isEmpty)
        for second in stride(from: 174, through: 272, by: 2) { try turn(at: second) }
        #expect(told == [[], [self.symbol]])
        #expect(messages.levels == [.error])

        try self.store([bought, self.order(.stop, .accepted)])
        try turn(at: 274)
        #expect(told == [[], [self.symbol], []])
        // The next gap is measured from its own beginning.
        try self.store([bought, self.order(.stop, .cancelled), self.order(.exit, .submitted)])
        for second in stride(from: 276, through: 306, by: 2) { try turn(at: second) }
        #expect(told.count == 3)
        try self.store([bought, self.order(.stop, .cancelled), self.order(.exit, .accepted)])
        try turn(at: 310)
        #expect(told.count == 3)
    }

    @Test func `an open trade that cannot be read counts as one that nothing protects`() throws {
        let messages = MessageList()
        var now = Duration.seconds(100)
        let watch = ProtectionWatch(
            patience: .seconds(30),
            now: { now },
            logger: Logger(label: "test") { _ in messages }
        )
        try self.store([])
        var commit = Commit()
        commit.puts = [(key: Trade.key(self.trade.id), body: Array("{}".utf8))]
        _ = try self.bus.commit(commit)
        var told: [[Symbol]] = []
        for second in [100, 130, 132] {
            now = .seconds(second)
            try watch.turn(bus: self.bus) { told.append($0) }
        }
        #expect(told == [[], [self.symbol]])
        #expect(messages.levels == [.error])

        // While nobody can say what is open, what was told stands.
        commit.puts = [(key: Account.key, body: Array("{}".utf8))]
        _ = try self.bus.commit(commit)
        now = .seconds(134)
        try watch.turn(bus: self.bus) { told.append($0) }
        #expect(told.count == 2)
        #expect(messages.levels == [.error, .error])
    }

    @Test func `what could not be told is told again`() throws {
        var now = Duration.seconds(100)
        let lost = NotYet("the bus is lost")
        let watch = ProtectionWatch(
            patience: .zero,
            now: { now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        #expect(throws: NotYet.self) { try watch.turn(bus: self.bus) { _ in throw lost } }
        now += .seconds(2)
        var told: [[Symbol]] = []
        try watch.turn(bus: self.bus) { told.append($0) }
        #expect(told == [[]])
    }
}
