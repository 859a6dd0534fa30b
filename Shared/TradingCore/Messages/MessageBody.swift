/// What a message says, typed by its event.
package enum MessageBody: Hashable, Sendable, JSONEncodable {
    case quoteRequested(QuoteRequest)
    case barsRequested(BarsRequest)
    case statusRequested(StatusRequest)
    case quoteUpdated(Quote)
    case barsReceived(BarsReceived)
    case marketStatus(MarketStatus)
    case scanStarted(ScanResult)
    case candidateFound(ScanResult)
    case entrySignal(EntrySignal)
    case exitSignal(ExitSignal)
    case tradeApproved(TradeApproval)
    case tradeRejected(LimitBreach)
    case limitExceeded(LimitBreach)
    case orderSubmitted(OrderNotice)
    case orderPartiallyFilled(OrderNotice)
    case orderFilled(OrderNotice)
    case orderCancelled(OrderNotice)
    case orderRejected(OrderNotice)
    case orderUnknown(OrderNotice)
    case positionOpened(PositionNotice)
    case stopSet(PositionNotice)
    case targetHit(PositionNotice)
    case stopHit(PositionNotice)
    case positionUnprotected(PositionNotice)
    case positionClosed(PositionClosed)
    case breakerStateChanged(BreakerChange)
    case tradingHalted(TradingSwitch)
    case tradingResumed(TradingSwitch)
    case brokerCallRequested(BrokerCall)
    case brokerCallCompleted(BrokerAnswer)
    case exitRequested(ExitSignal)
    case abortRequested(ExitSignal)
    case ordersMoved(OrdersMoved)

    package var event: EventName {
        switch self {
        case .quoteRequested: .quoteRequested
        case .barsRequested: .barsRequested
        case .statusRequested: .statusRequested
        case .quoteUpdated: .quoteUpdated
        case .barsReceived: .barsReceived
        case .marketStatus: .marketStatus
        case .scanStarted: .scanStarted
        case .candidateFound: .candidateFound
        case .entrySignal: .entrySignal
        case .exitSignal: .exitSignal
        case .tradeApproved: .tradeApproved
        case .tradeRejected: .tradeRejected
        case .limitExceeded: .limitExceeded
        case .orderSubmitted: .orderSubmitted
        case .orderPartiallyFilled: .orderPartiallyFilled
        case .orderFilled: .orderFilled
        case .orderCancelled: .orderCancelled
        case .orderRejected: .orderRejected
        case .orderUnknown: .orderUnknown
        case .positionOpened: .positionOpened
        case .stopSet: .stopSet
        case .targetHit: .targetHit
        case .stopHit: .stopHit
        case .positionUnprotected: .positionUnprotected
        case .positionClosed: .positionClosed
        case .breakerStateChanged: .breakerStateChanged
        case .tradingHalted: .tradingHalted
        case .tradingResumed: .tradingResumed
        case .brokerCallRequested: .brokerCallRequested
        case .brokerCallCompleted: .brokerCallCompleted
        case .exitRequested: .exitRequested
        case .abortRequested: .abortRequested
        case .ordersMoved: .ordersMoved
        }
    }

    package init(_ event: EventName, json: JSONValue) throws(JSONError) {
        switch event {
        case .quoteRequested: self = .quoteRequested(try QuoteRequest(json: json))
        case .barsRequested: self = .barsRequested(try BarsRequest(json: json))
        case .statusRequested: self = .statusRequested(try StatusRequest(json: json))
        case .quoteUpdated: self = .quoteUpdated(try Quote(json: json))
        case .barsReceived: self = .barsReceived(try BarsReceived(json: json))
        case .marketStatus: self = .marketStatus(try MarketStatus(json: json))
        case .scanStarted: self = .scanStarted(try ScanResult(json: json))
        case .candidateFound: self = .candidateFound(try ScanResult(json: json))
        case .entrySignal: self = .entrySignal(try EntrySignal(json: json))
        case .exitSignal: self = .exitSignal(try ExitSignal(json: json))
        case .tradeApproved: self = .tradeApproved(try TradeApproval(json: json))
        case .tradeRejected: self = .tradeRejected(try LimitBreach(json: json))
        case .limitExceeded: self = .limitExceeded(try LimitBreach(json: json))
        case .orderSubmitted: self = .orderSubmitted(try OrderNotice(json: json))
        case .orderPartiallyFilled: self = .orderPartiallyFilled(try OrderNotice(json: json))
        case .orderFilled: self = .orderFilled(try OrderNotice(json: json))
        case .orderCancelled: self = .orderCancelled(try OrderNotice(json: json))
        case .orderRejected: self = .orderRejected(try OrderNotice(json: json))
        case .orderUnknown: self = .orderUnknown(try OrderNotice(json: json))
        case .positionOpened: self = .positionOpened(try PositionNotice(json: json))
        case .stopSet: self = .stopSet(try PositionNotice(json: json))
        case .targetHit: self = .targetHit(try PositionNotice(json: json))
        case .stopHit: self = .stopHit(try PositionNotice(json: json))
        case .positionUnprotected: self = .positionUnprotected(try PositionNotice(json: json))
        case .positionClosed: self = .positionClosed(try PositionClosed(json: json))
        case .breakerStateChanged: self = .breakerStateChanged(try BreakerChange(json: json))
        case .tradingHalted: self = .tradingHalted(try TradingSwitch(json: json))
        case .tradingResumed: self = .tradingResumed(try TradingSwitch(json: json))
        case .brokerCallRequested: self = .brokerCallRequested(try BrokerCall(json: json))
        case .brokerCallCompleted: self = .brokerCallCompleted(try BrokerAnswer(json: json))
        case .exitRequested: self = .exitRequested(try ExitSignal(json: json))
        case .abortRequested: self = .abortRequested(try ExitSignal(json: json))
        case .ordersMoved: self = .ordersMoved(try OrdersMoved(json: json))
        }
    }

    package func write(to writer: inout JSONWriter) {
        switch self {
        case .quoteRequested(let body): body.write(to: &writer)
        case .barsRequested(let body): body.write(to: &writer)
        case .statusRequested(let body): body.write(to: &writer)
        case .quoteUpdated(let body): body.write(to: &writer)
        case .barsReceived(let body): body.write(to: &writer)
        case .marketStatus(let body): body.write(to: &writer)
        case .scanStarted(let body), .candidateFound(let body): body.write(to: &writer)
        case .entrySignal(let body): body.write(to: &writer)
        case .exitSignal(let body), .exitRequested(let body), .abortRequested(let body): body.write(to: &writer)
        case .tradeApproved(let body): body.write(to: &writer)
        case .tradeRejected(let body), .limitExceeded(let body): body.write(to: &writer)
        case .orderSubmitted(let body), .orderPartiallyFilled(let body), .orderFilled(let body),
            .orderCancelled(let body), .orderRejected(let body), .orderUnknown(let body):
            body.write(to: &writer)
        case .positionOpened(let body), .stopSet(let body), .targetHit(let body), .stopHit(let body),
            .positionUnprotected(let body):
            body.write(to: &writer)
        case .positionClosed(let body): body.write(to: &writer)
        case .breakerStateChanged(let body): body.write(to: &writer)
        case .tradingHalted(let body), .tradingResumed(let body): body.write(to: &writer)
        case .brokerCallRequested(let body): body.write(to: &writer)
        case .brokerCallCompleted(let body): body.write(to: &writer)
        case .ordersMoved(let body): body.write(to: &writer)
        }
    }
}
