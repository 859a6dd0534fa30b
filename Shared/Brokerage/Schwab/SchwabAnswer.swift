import HTTPTransport
import TradingCore

/// One HTTP answer of Schwab's, read as far as it can be.
struct SchwabAnswer {
    let status: Int
    /// Nil when the body is empty or no JSON: gateways answer in HTML.
    let json: JSONValue?
    /// When Schwab answered, in whole seconds.
    let date: Timestamp?
    /// The number of the order just made.
    let orderID: String?
    private let call: String
    private let isEmpty: Bool
    private let correlationID: String?
    private let redacted: (String) -> String

    /// `call` names the request in errors; `redacted` takes the secrets out of a text.
    init(_ response: HTTPResponse, to call: String, redacted: @escaping (String) -> String) {
        self.status = response.status
        self.json = try? JSONValue(parsing: response.body)
        self.date = response.header("Date").flatMap { Timestamp(httpDate: $0) }
        self.orderID = response.header("Location").flatMap(Self.orderID)
        self.call = call
        self.isEmpty = response.body.isEmpty
        self.correlationID = response.header("Schwab-Client-CorrelId")
        self.redacted = redacted
    }

    var isSuccess: Bool { (200..<300).contains(self.status) }
    /// What was asked for is not there. A gateway's page does not say so.
    var isNotFound: Bool { self.status == 404 && (self.isEmpty || self.json != nil) }
    /// The broker itself says no.
    var isRefusal: Bool {
        (400..<500).contains(self.status) && ![401, 408, 429].contains(self.status) && self.message != nil
    }

    func decoded<Value: JSONDecodable>(as type: Value.Type = Value.self) throws(BrokerError) -> Value {
        try self.decoded { json throws(JSONError) in try Value(json: json) }
    }

    func decoded<Value>(_ read: (JSONValue) throws(JSONError) -> Value) throws(BrokerError) -> Value {
        guard self.isSuccess else { throw self.failure() }
        do throws(JSONError) {
            return try read(self.json ?? .null)
        } catch {
            throw self.unreadable("\(error)")
        }
    }

    /// `kind` is for what has been ordered, and not only asked.
    func unreadable(_ problem: String, _ kind: BrokerError.Kind = .unreadable) -> BrokerError {
        BrokerError(kind, self.redacted("\(self.call): an answer that cannot be read: \(problem)"))
    }

    /// A 4xx in which the broker says why is its no; a 429 was not executed, nor was a 401; anything else may have been.
    func failure() -> BrokerError {
        var details = ["HTTP \(self.status)"]
        if let correlationID { details.append("correlation id \(correlationID.prefix(64))") }
        let message = self.message ?? "no reason given"
        let reason = self.redacted("\(self.call): \(message) (\(details.joined(separator: ", ")))\(self.remedy)")
        if self.isRefusal { return BrokerError(.refused(code: Self.code(in: message) ?? "\(self.status)"), reason) }
        switch self.status {
        case 401, 429: return BrokerError(.notExecuted, reason)
        default: return BrokerError(.unknownOutcome, reason)
        }
    }

    private var remedy: String {
        switch self.status {
        case 403 where self.json != nil:
            "; the app or the login lacks the permission: see at developer.schwab.com that the app is \"Ready For Use\" "
                + "and has both API products, then log in again with `tradectl schwab login`"
        case 300..<500 where self.json == nil && !self.isEmpty: "; check SCHWAB_BASE_URL"
        default: ""
        }
    }

    /// Both shapes: the trader API's `{"message", "errors": ["…"]}` and the market data's
    /// `{"errors": [{"title", "detail"}]}`. Nil if the body has neither.
    private var message: String? {
        guard let json else { return nil }
        var parts: [String] = []
        if case .string(let text)? = json["message"] { parts.append(text) }
        if case .array(let errors)? = json["errors"] {
            for error in errors {
                // Often the message once more.
                if case .string(let text) = error, !parts.contains(text) { parts.append(text) }
                for name in ["title", "detail"] {
                    if case .string(let text)? = error[name] { parts.append(text) }
                }
            }
        }
        return parts.isEmpty ? nil : String(parts.joined(separator: ": ").prefix(300))
    }

    /// Such as `Position_Sys_0001`, where the message has one.
    private static func code(in message: String) -> String? {
        message.split { !($0.isLetter || $0.isNumber || $0 == "_") }.first { $0.contains("_Sys_") }.map(String.init)
    }

    /// The last component of the path, whatever the host: an order's number.
    private static func orderID(in location: String) -> String? {
        guard let last = location.prefix(while: { $0 != "?" }).split(separator: "/").last, Int64(last) != nil else {
            return nil
        }
        return String(last)
    }
}

extension Timestamp {
    /// Schwab's `2026-11-23T14:30:07+0000`, with a fraction or without.
    init?(schwab text: String) {
        guard text.utf8.count > 5, let sign = text.suffix(5).first, sign == "+" || sign == "-" else {
            self.init(text)
            return
        }
        self.init("\(text.dropLast(2)):\(text.suffix(2))")
    }

    /// As Schwab wants times in a query: `2026-11-23T14:30:07.000Z`, always with milliseconds.
    var schwabQueryText: String {
        let thousandths = Int(self.milliseconds - self.seconds * 1000)
        let digits = [thousandths / 100, thousandths / 10 % 10, thousandths % 10].map(String.init).joined()
        return "\(Timestamp(seconds: self.seconds).description.dropLast()).\(digits)Z"
    }
}

extension JSONObject {
    /// Milliseconds since 1970.
    func milliseconds(_ name: String) throws(JSONError) -> Timestamp {
        Timestamp(milliseconds: try self.value(name, as: Int64.self))
    }
}
