import Brokerage
import TradingCore

extension SchwabStage {
    static func order(
        _ id: Int,
        status: String = "WORKING",
        symbol: String = "AAPL",
        quantity: String = "5.0",
        price: String = "340.3",
        filled: String = "0.0",
        closed: String? = nil,
        side: String = "BUY",
        more: String = "",
        _ activities: String = ""
    ) -> String {
        """
        {"session":"NORMAL","duration":"DAY","orderType":"LIMIT","complexOrderStrategyType":"NONE",
        "quantity":\(quantity),"filledQuantity":\(filled),"remainingQuantity":0.0,"price":\(price),
        "orderLegCollection":[{"orderLegType":"EQUITY","legId":1,"instrument":{"assetType":"EQUITY",
        "cusip":"037833100","symbol":"\(symbol)","instrumentId":1234},"instruction":"\(side)",
        "positionEffect":"OPENING","quantity":\(quantity)}],"orderStrategyType":"SINGLE","orderId":\(id),
        "cancelable":true,"editable":false,"status":"\(status)","enteredTime":"2026-11-23T14:30:05+0000",
        "cancelTime":"2027-05-22T21:00:00+0000",\(closed.map { #""closeTime":"\#($0)","# } ?? "")
        "accountNumber":12345678,"orderActivityCollection":[\(activities)]\(more)}
        """
    }

    static func terms(
        _ symbol: Symbol,
        _ role: OrderRole,
        _ side: OrderSide,
        _ type: OrderType,
        _ price: String
    ) -> OrderTerms {
        OrderTerms(
            clientOrderID: ClientOrderID(
                trade: TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 0)),
                role: role,
                attempt: 1
            ),
            symbol: symbol,
            side: side,
            type: type,
            quantity: Quantity(5),
            limitPrice: type == .limit ? Price(price) : nil,
            stopPrice: type == .stop ? Price(price) : nil,
            timeInForce: role == .stop ? .goodTillCancelled : .day
        )
    }
}
