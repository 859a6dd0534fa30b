import TradingCore

/// One HTTP request, read completely.
struct RESTRequest: Sendable {
    var method: String
    /// As in the request line.
    let target: String
    /// Percent-decoded.
    var path: [String]
    var query: [String: String]
    var key: String
    var secret: String
    /// Two headers, empty when they are absent.
    var authorization: String
    var host: String
    var body: [UInt8]
    /// What the broker does wrong with it.
    var fault: FaultOrder?
    /// By how much the broker's clock is wrong in the answer.
    var clockOffset = Duration.zero

    /// - Parameter target: As in the request line, with its query.
    init(
        method: String,
        target: String,
        key: String = "",
        secret: String = "",
        authorization: String = "",
        host: String = "",
        body: [UInt8] = []
    ) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.method = method
        self.target = target
        self.path = parts[0].split(separator: "/").map { Self.decoded($0, plusIsSpace: false) }
        self.query = parts.count > 1 ? Self.fields(parts[1]) : [:]
        self.key = key
        self.secret = secret
        self.authorization = authorization
        self.host = host
        self.body = body
    }

    /// Names and values of a query or a form.
    static func fields(_ text: some StringProtocol) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in Substring(text).split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[Self.decoded(sides[0], plusIsSpace: true)] =
                sides.count > 1 ? Self.decoded(sides[1], plusIsSpace: true) : ""
        }
        return fields
    }

    /// The parameter, or nil when it is absent or empty.
    func parameter(_ name: String) -> String? {
        guard let text = self.query[name], !text.isEmpty else { return nil }
        return text
    }

    func number(_ name: String, default defaultValue: Int, in range: ClosedRange<Int>) throws(RESTFailure) -> Int {
        guard let text = self.parameter(name) else { return defaultValue }
        guard let value = Int(text), range.contains(value) else {
            throw .parameter("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Python's clients write `True`.
    func flag(_ name: String) throws(RESTFailure) -> Bool {
        switch self.parameter(name)?.lowercased() {
        case nil, "false": return false
        case "true": return true
        default: throw .parameter("\(name) must be true or false")
        }
    }

    func choice(_ name: String, default defaultValue: String, of values: [String]) throws(RESTFailure) -> String {
        let text = self.parameter(name) ?? defaultValue
        guard values.contains(text) else {
            throw .parameter("\(name) must be one of \(values.joined(separator: ", "))")
        }
        return text
    }

    /// An RFC 3339 time, or a date, which means its first instant in New York or, if `endOfDay`, its last.
    func time(_ name: String, endOfDay: Bool = false) throws(RESTFailure) -> Timestamp? {
        guard let text = self.parameter(name) else { return nil }
        if let timestamp = Timestamp(text) { return timestamp }
        guard let date = CalendarDate(text) else {
            throw .parameter("\(name) must be a date or an RFC 3339 time")
        }
        guard endOfDay else { return NewYorkTime.timestamp(on: date, hour: 0) }
        return NewYorkTime.timestamp(on: date.adding(days: 1), hour: 0) - .nanoseconds(1)
    }

    func date(_ name: String) throws(RESTFailure) -> CalendarDate? {
        guard let text = self.parameter(name) else { return nil }
        guard let date = CalendarDate(text) else { throw .parameter("\(name) must be a date such as 2009-02-06") }
        return date
    }

    private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2, let value = UInt8(String(digits) ?? "", radix: 16) {
                bytes.append(value)
                rest.removeFirst(2)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
