import TradingCore

extension MessageTests {
    static let symbol = known(Symbol("AAPL"))
    static let trade = TradeID(symbol: symbol, signaledAt: instant("2025-10-28T14:30:00Z"))
    static let plan = EntryPlan(entryPrice: price("175.5"), stopPrice: price("166.72"), targetPrice: price("201.82"))

    /// What the canonical messages say, in the order of the events.
    static let bodies: [MessageBody] = [
        .quoteRequested(QuoteRequest(symbol: symbol)),
        .barsRequested(
            BarsRequest(
                symbol: symbol,
                timeframe: .day,
                start: instant("2025-09-01T04:00:00Z"),
                end: instant("2025-10-27T20:00:00Z")
            )
        ),
        .statusRequested(StatusRequest()),
        .quoteUpdated(
            Quote(
                symbol: symbol,
                bid: price("175.49"),
                ask: price("175.51"),
                timestamp: instant("2025-10-28T14:29:59.123456789Z")
            )
        ),
        .barsReceived(
            BarsReceived(
                symbol: symbol,
                timeframe: .day,
                bars: [bar("2025-10-27T04:00:00Z", volume: 51_234_567), bar("2025-10-28T04:00:00Z", volume: 0)],
                isHistorical: true
            )
        ),
        .marketStatus(
            MarketStatus(
                isOpen: true,
                isTransition: true,
                sessionDate: known(CalendarDate("2025-10-28")),
                nextOpen: instant("2025-10-29T13:30:00Z"),
                nextClose: instant("2025-10-28T20:00:00Z")
            )
        ),
        .scanStarted(scan),
        .candidateFound(scan),
        .entrySignal(EntrySignal(symbol: symbol, plan: plan, quantity: Quantity(5))),
        .exitSignal(ExitSignal(symbol: symbol, reason: "held for 40 sessions")),
        .tradeApproved(
            TradeApproval(
                symbol: symbol,
                quantity: Quantity(5),
                plan: plan,
                reservedCash: known(Money("877.5")),
                expiresAt: instant("2025-10-28T20:00:00Z")
            )
        ),
        .tradeRejected(
            LimitBreach(
                symbol: symbol,
                refusal: RiskRefusal(rule: .rewardRiskRatio, limit: "more than 2.5", value: "2.4")
            )
        ),
        .limitExceeded(
            LimitBreach(symbol: nil, refusal: RiskRefusal(rule: .drawdown, limit: "below 0.2", value: "0.2013"))
        ),
        .orderSubmitted(OrderNotice(order: entry(.submitted))),
        .orderPartiallyFilled(OrderNotice(order: entry(.partiallyFilled, filled: 2, value: "350.98"))),
        .orderFilled(stopAnnouncedAsExit),
        .orderCancelled(OrderNotice(order: entry(.cancelled), reason: "cancelled by the operator")),
        .orderRejected(OrderNotice(order: entry(.rejected), reason: "insufficient buying power \"40310000\"")),
        .orderUnknown(OrderNotice(order: exitWithoutAnswer, reason: "no answer within 10 s")),
        .positionOpened(position()),
        .stopSet(position(stopOrder: stopID)),
        .targetHit(position(price: "201.83")),
        .stopHit(position(stopOrder: stopID, price: "166.718")),
        .positionUnprotected(position(reason: "the broker refused the stop")),
        .positionClosed(
            PositionClosed(
                symbol: symbol,
                quantity: Quantity(5),
                entryPrice: price("175.5"),
                exitPrice: price("166.718"),
                exitReason: .stop,
                pnl: known(Money("-43.91"))
            )
        ),
        .breakerStateChanged(
            BreakerChange(breaker: "entries", from: .open, to: .halfOpen, reason: "60 s have passed")
        ),
        .tradingHalted(TradingSwitch(reason: "by the operator: café \"\\\n\u{1}")),
        .tradingResumed(TradingSwitch(reason: "by the operator")),
        .brokerCallRequested(BrokerCall(.place(entry(.submitted).terms), lane: .entries)),
        .brokerCallCompleted(
            BrokerAnswer(
                BrokerCall(.find(stopID), lane: .protective, delaySeconds: 1, attempt: 2),
                .orders([
                    OrderReport(
                        clientOrderID: stopID,
                        brokerOrderID: "9",
                        event: .partiallyFilled,
                        filledQuantity: Quantity(3),
                        averagePrice: price("166.7"),
                        execution: Execution(id: "x-1", quantity: Quantity(1), price: price("166.69")),
                        submittedAt: instant("2025-10-28T14:30:00Z"),
                        timestamp: instant("2025-10-28T14:30:02Z")
                    )
                ])
            )
        ),
        .exitRequested(ExitSignal(symbol: symbol, reason: "target")),
        .ordersMoved(OrdersMoved(ring: "OrderFillCompleted 17")),
        .abortRequested(ExitSignal(symbol: symbol, reason: "a fill without an order")),
    ]

    private static let scan = ScanResult(
        symbol: symbol,
        strategy: "ma-rsi-volume",
        barTimestamp: instant("2025-10-27T04:00:00Z"),
        close: price("175.5")
    )

    static let stopID = ClientOrderID(trade: trade, role: .stop, attempt: 1)

    private static func entry(_ state: OrderState, filled: Int = 0, value: String = "0") -> Order {
        var order = Order(
            terms: OrderTerms(
                clientOrderID: ClientOrderID(trade: trade, role: .entry, attempt: 1),
                symbol: symbol,
                side: .buy,
                type: .limit,
                quantity: Quantity(5),
                limitPrice: price("175.5"),
                timeInForce: .day
            ),
            intendedAt: instant("2025-10-28T14:30:00Z"),
            state: state
        )
        order.brokerOrderID = "61e69015-8549-4bfd-b9c3-01e75843f47d"
        order.submittedAt = instant("2025-10-28T14:30:00.25Z")
        order.filledQuantity = Quantity(filled)
        order.filledValue = known(Money(value))
        if filled > 0 { order.filledAt = instant("2025-10-28T14:30:01.5Z") }
        return order
    }

    private static var stopAnnouncedAsExit: OrderNotice {
        var order = entry(.filled, filled: 5, value: "833.59")
        order.terms = OrderTerms(
            clientOrderID: ClientOrderID(trade: trade, role: .stop, attempt: 2),
            symbol: symbol,
            side: .sell,
            type: .stop,
            quantity: Quantity(5),
            stopPrice: price("166.72"),
            timeInForce: .goodTillCancelled
        )
        var notice = OrderNotice(order: order)
        notice.role = .exit
        return notice
    }

    private static var exitWithoutAnswer: Order {
        Order(
            terms: OrderTerms(
                clientOrderID: ClientOrderID(trade: trade, role: .exit, attempt: 12),
                symbol: symbol,
                side: .sell,
                type: .market,
                quantity: Quantity(5),
                timeInForce: .day
            ),
            intendedAt: instant("2025-10-28T14:30:00Z"),
            state: .unknown
        )
    }

    private static func position(
        stopOrder: ClientOrderID? = nil,
        price: String? = nil,
        reason: String? = nil
    ) -> PositionNotice {
        PositionNotice(
            symbol: symbol,
            quantity: Quantity(5),
            entryPrice: plan.entryPrice,
            stopPrice: plan.stopPrice,
            targetPrice: plan.targetPrice,
            stopOrder: stopOrder,
            price: price.map { Self.price($0) },
            reason: reason
        )
    }

    private static func bar(_ timestamp: String, volume: Int64) -> Bar {
        Bar(
            timestamp: instant(timestamp),
            open: price("174.1"),
            high: price("176.25"),
            low: price("173.9999"),
            close: price("175.5"),
            volume: volume
        )
    }

    private static func price(_ text: String) -> Price { known(Price(text)) }
    private static func instant(_ text: String) -> Timestamp { known(Timestamp(text)) }

    /// A literal of this file, which is well-formed.
    private static func known<Value>(_ value: Value?) -> Value {
        guard let value else { preconditionFailure("A literal of the expected messages is malformed") }
        return value
    }
}
