import MarketSimulation
import TradingCore

struct RESTReply: Hashable, Sendable {
    struct Header: Hashable, Sendable {
        let name: String
        let value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    static let json = "application/json; charset=UTF-8"

    var status: Int
    /// JSON unless `contentType` says otherwise, or empty.
    var body: [UInt8]
    /// Nil leaves the header out.
    var contentType: String?
    /// Beside those of every answer.
    var headers: [Header]
    /// No answer: the connection ends.
    var isLost = false
    /// How long it is kept back, in real time.
    var delay = Duration.zero

    static let lost: RESTReply = {
        var reply = RESTReply()
        reply.isLost = true
        return reply
    }()

    init(
        status: Int = 200,
        body: [UInt8] = [],
        contentType: String? = Self.json,
        headers: [Header] = []
    ) {
        self.status = status
        self.body = body
        self.contentType = contentType
        self.headers = headers
    }

    static func object(status: Int = 200, _ fill: (inout JSONWriter) -> Void) -> RESTReply {
        var writer = JSONWriter()
        writer.object(fill)
        return RESTReply(status: status, body: writer.bytes)
    }

    static func array(status: Int = 200, _ fill: (inout JSONWriter) -> Void) -> RESTReply {
        var writer = JSONWriter()
        writer.array(fill)
        return RESTReply(status: status, body: writer.bytes)
    }
}

/// A refusal with the broker's own code and text.
struct RESTFailure: Error, Hashable {
    var status: Int
    var code: Int
    var message: String
    var details: [JSONMember] = []

    static let malformedBody = RESTFailure(status: 400, code: 40_010_000, message: "request body format is invalid")
    static let unauthorized = RESTFailure(status: 401, code: 40_110_000, message: "request is not authorized")

    static let tradingSuspended = RESTFailure(
        status: 403,
        code: 40_310_000,
        message: "new orders are rejected by user request"
    )

    static func parameter(_ message: String) -> RESTFailure {
        RESTFailure(status: 422, code: 40_010_001, message: message)
    }

    static func unprocessable(_ message: String) -> RESTFailure {
        RESTFailure(status: 422, code: 42_210_000, message: message)
    }

    static func notFound(_ message: String) -> RESTFailure {
        RESTFailure(status: 404, code: 40_410_000, message: message)
    }

    init(status: Int, code: Int, message: String, details: [JSONMember] = []) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
    }

    init(_ refusal: OrderRefusal, symbol: Symbol? = nil) {
        switch refusal {
        case .unknownOrder:
            self = .notFound("order not found")
        case .unknownSymbol(let symbol):
            self = .unprocessable("asset \"\(symbol)\" not found")
        case .duplicateClientOrderID:
            self = .parameter("client_order_id must be unique")
        case .insufficientBuyingPower(let available, let cost):
            self.init(
                status: 403,
                code: 40_310_000,
                message: "insufficient buying power",
                details: [
                    JSONMember("buying_power", .string(available.description)),
                    JSONMember("cost_basis", .string(cost.description)),
                ]
            )
        case .insufficientQuantity(let requested, let available, let held, let orders):
            self.init(
                status: 403,
                code: 40_310_000,
                message: "insufficient qty available for order (requested: \(requested), available: \(available))",
                details: [
                    JSONMember("available", .string(available.description)),
                    JSONMember("existing_qty", .string((available + held).description)),
                    JSONMember("held_for_orders", .string(held.description)),
                    JSONMember("related_orders", .array(orders.map { .string($0) })),
                    JSONMember("symbol", .string(symbol?.rawValue ?? "")),
                ]
            )
        case .shortSale:
            self.init(status: 403, code: 40_310_000, message: "account is not allowed to short")
        case .notCancellable(let status):
            self = .unprocessable("order is already in \"\(status.rawValue)\" state")
        case .notReplaceable(.replaced):
            self = .unprocessable("order already replaced")
        case .notReplaceable(let status):
            self = .unprocessable("cannot replace order in \(status.rawValue) status")
        case .invalid(let message):
            self = .unprocessable(message)
        }
    }

    var reply: RESTReply { RESTReply(status: self.status, body: JSONWriter.bytes(self.json)) }

    var json: JSONValue {
        .object(
            [JSONMember("code", .number("\(self.code)")), JSONMember("message", .string(self.message))] + self.details
        )
    }
}
