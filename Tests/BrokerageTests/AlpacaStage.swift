import Brokerage
import HTTPTransport
import Testing
import TradingCore

/// An Alpaca of scripted answers, and orders for it.
enum AlpacaStage {
    static let host = "127.0.0.1"

    static func broker(
        _ client: ScriptedClient,
        trading: String = "http://127.0.0.1:1",
        accountNumber: String? = nil
    ) -> AlpacaBroker {
        AlpacaBroker(
            endpoints: AlpacaEndpoints(
                trading: trading,
                data: "http://127.0.0.1:1",
                stream: "ws://127.0.0.1:1",
                feed: "iex",
                keyID: "the-key",
                secretKey: "the-secret",
                accountNumber: accountNumber
            ),
            client: client
        )
    }

    static func id(_ role: OrderRole = .entry, _ attempt: Int = 1) throws -> ClientOrderID {
        let symbol = try #require(Symbol("AAPL"))
        return ClientOrderID(
            trade: TradeID(symbol: symbol, signaledAt: Timestamp(seconds: 0)),
            role: role,
            attempt: attempt
        )
    }

    static func terms(
        _ type: OrderType = .limit,
        _ side: OrderSide = .buy,
        quantity: Int = 10,
        limit: String? = nil,
        stop: String? = nil,
        trail: Trail? = nil,
        timeInForce: TimeInForce = .day,
        orderClass: OrderClass = .simple,
        id: ClientOrderID? = nil
    ) throws -> OrderTerms {
        OrderTerms(
            clientOrderID: try id ?? Self.id(side == .buy ? .entry : .stop),
            symbol: try #require(Symbol("AAPL")),
            side: side,
            type: type,
            quantity: Quantity(quantity),
            limitPrice: try limit.map { try #require(Price($0)) },
            stopPrice: try stop.map { try #require(Price($0)) },
            trail: trail,
            timeInForce: timeInForce,
            orderClass: orderClass
        )
    }

    static func reference(_ terms: OrderTerms, brokerOrderID: String? = nil) -> OrderReference {
        OrderReference(terms: terms, brokerOrderID: brokerOrderID, intendedAt: Timestamp(seconds: 0))
    }

    /// An order as Alpaca writes it.
    static func order(
        _ id: String,
        client: String = "AAPL-19700101T000000Z-entry-1",
        status: String = "new",
        side: String = "buy",
        quantity: String = "10",
        filled: String = "0",
        price: String? = nil,
        at time: String = "2026-11-23T15:00:00Z",
        more: String = ""
    ) -> String {
        """
        {"id":"\(id)","client_order_id":"\(client)","created_at":"\(time)","submitted_at":"\(time)",
        "updated_at":"2026-11-23T15:00:09Z","symbol":"AAPL","asset_class":"us_equity","side":"\(side)",
        "qty":"\(quantity)","filled_qty":"\(filled)","filled_avg_price":\(price.map { "\"\($0)\"" } ?? "null"),
        "status":"\(status)","legs":null,"order_class":""\(more)}
        """
    }
}

/// Gives its answers in turn, then 500 for ever.
final class ScriptedClient: HTTPClient {
    var answers: [HTTPResponse] = []
    var failure: HTTPTransportError?
    private(set) var requests: [HTTPRequest] = []

    init() {}

    init(_ answers: (status: Int, body: String)...) {
        self.answers = answers.map { HTTPResponse(status: $0.status, body: Array($0.body.utf8)) }
    }

    /// Method, path and query of what was sent.
    var calls: [String] {
        self.requests.map { request in
            let path = request.url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).last ?? ""
            return "\(request.method.rawValue) \(path.drop { $0 != "/" })"
        }
    }

    func sent(_ place: Int = 0) throws -> JSONValue {
        try JSONValue(parsing: try #require(self.requests[place].body))
    }

    func perform(_ request: HTTPRequest) throws(HTTPTransportError) -> HTTPResponse {
        self.requests.append(request)
        if let failure { throw failure }
        return self.answers.isEmpty ? HTTPResponse(status: 500) : self.answers.removeFirst()
    }
}
