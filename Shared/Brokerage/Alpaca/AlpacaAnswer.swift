import HTTPTransport
import TradingCore

/// One HTTP answer of Alpaca's, read as far as it can be.
struct AlpacaAnswer {
    let status: Int
    /// Nil when the body is empty or no JSON: gateways answer in HTML.
    let json: JSONValue?
    private let host: String
    /// The key of the configuration that holds the address.
    private let setting: String
    /// Not to be repeated, should the answer quote what it was sent.
    private let secrets: [String]

    init(_ response: HTTPResponse, from host: String, setting: String, secrets: [String]) {
        self.status = response.status
        self.json = try? JSONValue(parsing: response.body)
        self.host = host
        self.setting = setting
        self.secrets = secrets
    }

    var isSuccess: Bool { (200..<300).contains(self.status) }
    /// What was asked for is not there. A gateway's page does not say so.
    var isNotFound: Bool { self.status == 404 && self.code == "40410000" }

    /// Alpaca's own error code; stable, unlike its messages.
    var code: String? {
        guard case .number(let code)? = self.json?["code"] else { return nil }
        return code
    }

    private var message: String? {
        guard case .string(let text)? = self.json?["message"] else { return nil }
        let shown = self.secrets.filter { !$0.isEmpty }.reduce(text) { $0.replacing($1, with: "***") }
        return String(shown.prefix(200))
    }

    var isDuplicateClientOrderID: Bool {
        guard self.status == 422, let message = self.message?.lowercased() else { return false }
        return message.contains("client_order_id must be unique") || message.contains("client order id must be unique")
    }

    func decoded<Value: JSONDecodable>(_ call: String) throws(BrokerError) -> Value {
        guard self.isSuccess else { throw self.failure(call, isOrder: false) }
        guard let json else { throw BrokerError(.unreadable, "\(call): \(self.strangeAnswer)") }
        do throws(JSONError) {
            return try Value(json: json)
        } catch {
            throw BrokerError(.unreadable, "\(call): an answer that cannot be read: \(error)")
        }
    }

    /// Only a known pair of status and code is a refusal of an order; a 401 and a 429 were not executed; anything else
    /// may have been.
    func failure(_ call: String, isOrder: Bool) -> BrokerError {
        let reason = "\(call): \(self.explanation)"
        let code = self.code ?? "\(self.status)"
        switch (self.status, self.code) {
        case (429, _): return BrokerError(.notExecuted, reason)
        case (408, _): return BrokerError(.unknownOutcome, reason)
        // Turned away at the door, whatever was asked: no verdict on an order.
        case (401, _): return BrokerError(.loginExpired, reason)
        case (400, "40010000"), (400, "40010001"), (403, "40310000"), (403, "40310100"), (404, "40410000"),
            (422, "42210000"), (422, "40010001"):
            return BrokerError(.refused(code: code), reason)
        case (400..<500, _) where !isOrder: return BrokerError(.refused(code: code), reason)
        default: return BrokerError(.unknownOutcome, reason)
        }
    }

    private var explanation: String {
        switch (self.status, self.code) {
        case (401, _): self.refusedKey
        // A 403 that says why carries a code.
        case (403, nil) where self.json != nil: self.refusedKey
        case (300..<500, nil) where self.json == nil && self.status != 408 && self.status != 429: self.strangeAnswer
        default: "\(self.message ?? "no reason given") (HTTP \(self.status))"
        }
    }

    private var refusedKey: String {
        "the key is not accepted by \(self.host) (HTTP \(self.status)): keys of the paper account and of the live "
            + "account are different; check APCA_API_KEY_ID, APCA_API_SECRET_KEY, \(self.setting)"
    }

    private var strangeAnswer: String {
        "\(self.host) does not answer as Alpaca does (HTTP \(self.status) without JSON); check \(self.setting)"
    }
}
