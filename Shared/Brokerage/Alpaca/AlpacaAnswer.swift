import HTTPTransport
import TradingCore

/// One HTTP answer of Alpaca's, read as far as it can be.
struct AlpacaAnswer {
    let status: Int
    /// Nil when the body is empty or no JSON: gateways answer in HTML.
    let json: JSONValue?

    init(_ response: HTTPResponse) {
        self.status = response.status
        self.json = try? JSONValue(parsing: response.body)
    }

    var isSuccess: Bool { (200..<300).contains(self.status) }

    /// Alpaca's own error code; stable, unlike its messages.
    var code: String? {
        guard case .number(let code)? = self.json?["code"] else { return nil }
        return code
    }

    private var message: String? {
        guard case .string(let text)? = self.json?["message"] else { return nil }
        return String(text.prefix(200))
    }

    var isDuplicateClientOrderID: Bool {
        guard self.status == 422, let message = self.message?.lowercased() else { return false }
        return message.contains("client_order_id must be unique") || message.contains("client order id must be unique")
    }

    func decoded<Value: JSONDecodable>(_ call: String) throws(BrokerError) -> Value {
        guard self.isSuccess else { throw self.failure(call, isOrder: false) }
        do throws(JSONError) {
            return try Value(json: self.json ?? .null)
        } catch {
            throw BrokerError(.unreadable, "\(call): an answer that cannot be read: \(error)")
        }
    }

    /// Only a known pair of status and code is a refusal of an order; a 429 was not executed; anything else may have
    /// been.
    func failure(_ call: String, isOrder: Bool) -> BrokerError {
        let reason = "\(call): \(self.message ?? "no reason given") (HTTP \(self.status))"
        let code = self.code ?? "\(self.status)"
        switch (self.status, self.code) {
        case (429, _): return BrokerError(.notExecuted, reason)
        case (408, _): return BrokerError(.unknownOutcome, reason)
        case (400, "40010000"), (400, "40010001"), (401, "40110000"), (403, "40310000"), (403, "40310100"),
            (404, "40410000"), (422, "42210000"), (422, "40010001"):
            return BrokerError(.refused(code: code), reason)
        case (400..<500, _) where !isOrder: return BrokerError(.refused(code: code), reason)
        default: return BrokerError(.unknownOutcome, reason)
        }
    }
}
