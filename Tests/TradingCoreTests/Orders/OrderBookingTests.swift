import Testing
import TradingCore

@Suite struct OrderBookingTests {
    private static let start = Timestamp(seconds: 1_761_661_800)
    private static let id = ClientOrderID(trade: MessageTests.trade, role: .entry, attempt: 1)

    private static func makeOrder(_ state: OrderState = .accepted, quantity: Int = 100) -> Order {
        Order(
            terms: OrderTerms(
                clientOrderID: id,
                symbol: MessageTests.symbol,
                side: .buy,
                type: .limit,
                quantity: Quantity(quantity),
                limitPrice: Price(20),
                timeInForce: .day
            ),
            intendedAt: start,
            state: state
        )
    }

    private static func report(
        _ event: OrderEvent,
        filled: Int = 0,
        average: Price? = nil,
        execution: Execution? = nil,
        second: Int = 1
    ) -> OrderReport {
        OrderReport(
            clientOrderID: id,
            brokerOrderID: "b-1",
            event: event,
            filledQuantity: Quantity(filled),
            averagePrice: average,
            execution: execution,
            submittedAt: start,
            timestamp: start + .seconds(second)
        )
    }

    private static func execution(_ quantity: Int, at cents: Int64) -> Execution {
        Execution(id: "x", quantity: Quantity(quantity), price: Price(raw: cents * Price.cent.raw))
    }

    @Test func `an acceptance is news without shares`() throws {
        var order = Self.makeOrder(.intent)
        let booking = try order.book(Self.report(.accepted))
        #expect(booking.summary == "0 for 0, news")
        #expect(order.state == .accepted)
        #expect(order.brokerOrderID == "b-1")
        #expect(order.submittedAt == Self.start)
        #expect(order.filledAt == nil)
        #expect(order.averagePrice == nil)
    }

    @Test func `the same report twice books once`() throws {
        var order = Self.makeOrder()
        let report = Self.report(
            .partiallyFilled,
            filled: 40,
            average: Price(19),
            execution: Self.execution(40, at: 1900)
        )
        let first = try order.book(report)
        #expect(first.summary == "40 for 760, news")
        let booked = order
        let second = try order.book(report)
        #expect(second.summary == "0 for 0")
        // Once more by a poll, which knows of no single execution.
        _ = try order.book(Self.report(.partiallyFilled, filled: 40, average: Price(19), second: 9))
        #expect(order == booked)
        #expect(order.remainingQuantity == Quantity(60))
    }

    @Test func `partial fills and the last one add up`() throws {
        var order = Self.makeOrder()
        _ = try order.book(Self.report(.partiallyFilled, filled: 40, execution: Self.execution(40, at: 1900)))
        let last = try order.book(
            Self.report(
                .filled,
                filled: 100,
                average: Price(raw: 1_960_000_000),
                execution: Self.execution(60, at: 2000),
                second: 2
            )
        )
        #expect(last.newQuantity == Quantity(60))
        #expect(last.newValue == Money(1200))
        #expect(order.state == .filled)
        #expect(order.filledValue == Money(1960))
        #expect(order.averagePrice == Price(raw: 1_960_000_000))
        #expect(order.filledAt == Self.start + .seconds(2))
    }

    @Test func `executions that were missed are booked by the average`() throws {
        var order = Self.makeOrder()
        _ = try order.book(Self.report(.partiallyFilled, filled: 10, execution: Self.execution(10, at: 1900)))
        // 20 shares at 19.50 were missed; this execution of 10 at 20 is the fourth ten.
        let report = Self.report(
            .partiallyFilled,
            filled: 40,
            average: Price(raw: 1_950_000_000),
            execution: Self.execution(10, at: 2000)
        )
        let booking = try order.book(report)
        #expect(booking.newQuantity == Quantity(30))
        #expect(booking.newValue == Money(590))
        #expect(order.filledValue == Money(780))
    }

    @Test func `a report that was overtaken changes nothing`() throws {
        var order = Self.makeOrder()
        _ = try order.book(Self.report(.filled, filled: 100, average: Price(19)))
        let filled = order
        for report in [
            Self.report(.submitted), Self.report(.accepted),
            Self.report(.partiallyFilled, filled: 40, average: Price(18), execution: Self.execution(40, at: 1800)),
            Self.report(.cancelled, filled: 40, average: Price(18)), Self.report(.outcomeUnknown),
        ] {
            let booking = try order.book(report)
            #expect(booking.summary == "0 for 0")
            #expect(order == filled)
        }
    }

    @Test func `an acceptance with shares is a partial fill`() throws {
        for event in [OrderEvent.submitted, .accepted] {
            var order = Self.makeOrder(.unknown)
            let booking = try order.book(Self.report(event, filled: 3, average: Price(19)))
            #expect(order.state == .partiallyFilled)
            #expect(booking.newValue == Money(57))
        }
    }

    @Test(arguments: [OrderState.cancelled, .rejected, .expired], [OrderEvent.partiallyFilled, .filled, .accepted])
    func `a fill after the end is booked and alarmed`(state: OrderState, event: OrderEvent) throws {
        var order = Self.makeOrder(state)
        let booking = try order.book(Self.report(event, filled: 100, average: Price(19)))
        #expect(booking.summary == "100 for 1900, news, alarming")
        #expect(order.state == (event == .filled ? .filled : state))
        let again = try order.book(Self.report(event, filled: 100, average: Price(19)))
        #expect(again.summary == "0 for 0")
    }

    @Test(arguments: [OrderState.filled, .cancelled, .rejected, .expired], [OrderEvent.cancelled, .expired, .filled])
    func `shares that any report adds to an ended order are alarmed`(state: OrderState, event: OrderEvent) throws {
        var order = Self.makeOrder(state)
        order.filledQuantity = Quantity(40)
        order.filledValue = Money(760)
        let booking = try order.book(Self.report(event, filled: 41, average: Price(19)))
        #expect(booking.summary == "1 for 19, news, alarming")
        #expect(order.filledQuantity == Quantity(41))
    }

    @Test func `a fill after the end that brings no shares is no news`() throws {
        var order = Self.makeOrder(.cancelled)
        let booking = try order.book(Self.report(.filled))
        #expect(booking.summary == "0 for 0")
        #expect(order.state == .cancelled)
    }

    @Test func `a cancel brings the shares filled until then`() throws {
        var order = Self.makeOrder()
        let booking = try order.book(Self.report(.cancelled, filled: 25, average: Price(20)))
        #expect(booking.summary == "25 for 500, news")
        #expect(order.state == .cancelled)
    }

    @Test func `a report that cannot be booked leaves the order as it was`() throws {
        var order = Self.makeOrder()
        order.filledQuantity = Quantity(1)
        order.filledValue = Money(1)
        let before = order
        #expect(throws: JSONError.self) { try order.book(Self.report(.filled, filled: 100)) }
        #expect(throws: JSONError.self) {
            try order.book(Self.report(.filled, filled: 100, execution: Self.execution(10, at: 1900)))
        }
        #expect(throws: ArithmeticOverflow.self) {
            try order.book(Self.report(.filled, filled: 100, average: Price(10_000_000_000)))
        }
        order.filledValue = Money(10_000_000_000)
        let rich = order
        #expect(throws: ArithmeticOverflow.self) {
            try order.book(
                Self.report(
                    .filled,
                    filled: 10,
                    execution: Execution(id: "x", quantity: Quantity(9), price: Price(10_000_000_000))
                )
            )
        }
        #expect(order == rich)
        order.filledValue = Money(1)
        #expect(order == before)
    }

    /// Cumulative quantities whose averages have an end within eight decimals.
    private static let levels = [1, 2, 4, 5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80]

    /// What a broker tells of one order, in its order: with executions, or by averages alone where a poll saw it.
    private static func reports(using random: inout SplitMix64) -> [OrderReport] {
        var reports = [report(.submitted), report(.accepted)]
        var (filled, value) = (0, Money.zero)
        func fill(to level: Int, _ event: OrderEvent) {
            let price = Price(raw: Int64.random(in: 1800...2000, using: &random) * Price.cent.raw)
            let execution = Execution(id: "x-\(level)", quantity: Quantity(level - filled), price: price)
            value += (try? price.times(execution.quantity)) ?? .zero
            filled = level
            reports.append(
                report(
                    event,
                    filled: level,
                    average: try? value.perShare(Quantity(level)),
                    execution: Bool.random(using: &random) ? execution : nil
                )
            )
        }
        let known = levels.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
        let late = known.isEmpty ? 0 : Int.random(in: 0..<3, using: &random) / 2
        for level in known.dropLast(late) { fill(to: level, .partiallyFilled) }
        let ends: [OrderEvent] =
            filled == 0 ? [.filled, .cancelled, .expired, .rejected] : [.filled, .cancelled, .expired]
        let end = ends[Int.random(in: 0..<ends.count, using: &random)]
        if end == .filled {
            fill(to: 100, .filled)
        } else {
            reports.append(report(end, filled: filled, average: try? value.perShare(Quantity(filled))))
            for level in known.suffix(late) { fill(to: level, .partiallyFilled) }
            if late > 0, Bool.random(using: &random) { fill(to: 100, .filled) }
        }
        return reports
    }

    @Test func `any order of the same reports, some of them repeated, ends the same`() throws {
        var random = SplitMix64(seed: 8)
        var ends: Set<OrderState> = []
        for _ in 0..<3000 {
            let reports = Self.reports(using: &random)
            var inOrder = Self.makeOrder(.intent)
            for report in reports { _ = try inOrder.book(report) }
            #expect(inOrder.state.isTerminal)
            ends.insert(inOrder.state)
            for _ in 0..<4 {
                let repeats = reports.filter { _ in Bool.random(using: &random) }
                var order = Self.makeOrder(Bool.random(using: &random) ? .intent : .unknown)
                var (quantity, value) = (Quantity.zero, Money.zero)
                for report in (reports + repeats).shuffled(using: &random) {
                    let booking = try order.book(report)
                    quantity += booking.newQuantity
                    value += booking.newValue
                }
                #expect(order.filledQuantity == inOrder.filledQuantity)
                #expect(order.filledValue == inOrder.filledValue)
                #expect(order.state == inOrder.state)
                #expect(quantity == order.filledQuantity)
                #expect(value == order.filledValue)
            }
        }
        #expect(ends == [.filled, .cancelled, .expired, .rejected])
    }

    @Test func `an order and a report read back as they were written`() throws {
        var order = Self.makeOrder()
        #expect(try Order(json: try JSONValue(parsing: JSONWriter.bytes(order))) == order)
        let report = Self.report(.filled, filled: 100, average: Price(19), execution: Self.execution(60, at: 1999))
        #expect(try OrderReport(json: try JSONValue(parsing: JSONWriter.bytes(report))) == report)
        _ = try order.book(report)
        #expect(try Order(json: try JSONValue(parsing: JSONWriter.bytes(order))) == order)
    }
}

extension Booking {
    fileprivate var summary: String {
        "\(self.newQuantity) for \(self.newValue)" + (self.isNews ? ", news" : "")
            + (self.isAlarming ? ", alarming" : "")
    }
}
