import TradingCore

/// The protocol state of one socket of the broker's streamer.
struct SchwabStreamSession {
    /// What the streamer answers from: what it has shown last.
    struct Board {
        var now: Timestamp
        var levelOne: [String: SchwabLevelOne] = [:]
    }

    private enum Service: String {
        case admin = "ADMIN"
        case levelOne = "LEVELONE_EQUITIES"
        case chart = "CHART_EQUITY"
        case activity = "ACCT_ACTIVITY"
    }

    private struct Subscription {
        var keys: [String] = []
        var fields: Set<Int> = []
    }

    private enum Code: Int {
        case success = 0
        case loginDenied = 3
        case serviceNotAvailable = 11
        case closeConnection = 12
        case symbolLimit = 19
        case notLoggedIn = 20
        case badFormat = 21
        case failedSubscription = 22
        case failedUnsubscription = 23
        case failedAddition = 24
        case failedView = 25
    }

    private static let maximumKeys = 500

    private(set) var isLoggedIn = false
    private var subscriptions: [Service: Subscription] = [:]
    /// What the client knows of each key.
    private var known: [String: [Int: JSONValue]] = [:]
    private var sequence = 0

    var isListeningToOrders: Bool { self.isLoggedIn && self.subscriptions[.activity] != nil }

    func wantsQuotes(of symbols: [Symbol]) -> Bool {
        guard self.isLoggedIn, let keys = self.subscriptions[.levelOne]?.keys else { return false }
        return Set(symbols.map(\.rawValue)).isSubset(of: keys)
    }

    // MARK: Requests

    mutating func receive(_ message: JSONValue?, _ board: Board, _ access: SchwabAccess) -> [StreamEffect] {
        guard let json = message, case .array(let requests) = json["requests"] else {
            return [Self.answer(.badFormat, "requests are missing", to: .null, board)]
        }
        return requests.flatMap { self.perform($0, board, access) }
    }

    private mutating func perform(_ request: JSONValue, _ board: Board, _ access: SchwabAccess) -> [StreamEffect] {
        guard case .string(let name) = request["service"], case .string(let command) = request["command"] else {
            return [Self.answer(.badFormat, "service and command must be text", to: request, board)]
        }
        guard let service = Service(rawValue: name) else {
            return [Self.answer(.serviceNotAvailable, "\(name.prefix(32)) is not simulated", to: request, board)]
        }
        switch (service, command) {
        case (.admin, "LOGIN"): return self.logIn(request, board, access)
        case (_, _) where !self.isLoggedIn:
            return [Self.answer(.notLoggedIn, "not logged in", to: request, board)]
        case (.admin, "LOGOUT"):
            self = SchwabStreamSession()
            return [Self.answer(.success, "SUCCESS", to: request, board), .close]
        case (.admin, _): return [Self.answer(.badFormat, "unknown command", to: request, board)]
        default: return self.subscribe(service, command, request, board)
        }
    }

    private mutating func logIn(_ request: JSONValue, _ board: Board, _ access: SchwabAccess) -> [StreamEffect] {
        guard case .string(let token) = request["parameters"]?["Authorization"],
            access.tokens.isValid(accessToken: token),
            request["SchwabClientCustomerId"] == .string(access.customerID)
        else { return [Self.answer(.loginDenied, "LOGIN DENIED", to: request, board), .close] }
        self.isLoggedIn = true
        return [Self.answer(.success, "server=simulator;status=PN", to: request, board)]
    }

    private mutating func subscribe(
        _ service: Service,
        _ command: String,
        _ request: JSONValue,
        _ board: Board
    ) -> [StreamEffect] {
        let keys = Self.list(request["parameters"]?["keys"])
        let fields = Set(Self.list(request["parameters"]?["fields"]).compactMap { Int($0) })
        var subscription = self.subscriptions[service] ?? Subscription()
        switch command {
        case "SUBS":
            guard !keys.isEmpty, !fields.isEmpty else {
                return [Self.answer(.failedSubscription, "SUBS needs keys and fields", to: request, board)]
            }
            subscription = Subscription(keys: keys, fields: fields)
            if service == .levelOne { self.known = [:] }
        case "ADD":
            guard !keys.isEmpty, !subscription.fields.isEmpty || !fields.isEmpty else {
                return [Self.answer(.failedAddition, "ADD needs keys and fields", to: request, board)]
            }
            subscription.keys += keys.filter { !subscription.keys.contains($0) }
            if !fields.isEmpty { subscription.fields = fields }
        case "UNSUBS":
            guard !keys.isEmpty else {
                return [Self.answer(.failedUnsubscription, "UNSUBS needs keys", to: request, board)]
            }
            subscription.keys.removeAll { keys.contains($0) }
            if service == .levelOne { for key in keys { self.known[key] = nil } }
        case "VIEW":
            guard !fields.isEmpty else {
                return [Self.answer(.failedView, "VIEW needs fields", to: request, board)]
            }
            subscription.fields = fields
        default:
            return [Self.answer(.badFormat, "unknown command", to: request, board)]
        }
        guard subscription.keys.count <= Self.maximumKeys else {
            return [Self.answer(.symbolLimit, "no more than \(Self.maximumKeys) symbols", to: request, board)]
        }
        self.subscriptions[service] = subscription.keys.isEmpty ? nil : subscription
        let answer = Self.answer(.success, "\(command) command succeeded", to: request, board)
        switch service {
        case .levelOne:
            let changes = self.changes(subscription.keys.compactMap { board.levelOne[$0] })
            return [answer] + (changes.isEmpty ? [] : [Self.data([(service, changes)], board.now)])
        case .activity where command == "SUBS":
            let content = self.activityContent(account: "", type: "SUBSCRIBED", data: "")
            return [answer, Self.data([(service, [content])], board.now)]
        default:
            return [answer]
        }
    }

    /// Text separated by commas.
    private static func list(_ json: JSONValue?) -> [String] {
        guard case .string(let text) = json else { return [] }
        return text.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }

    private static func answer(_ code: Code, _ text: String, to request: JSONValue, _ board: Board) -> StreamEffect {
        var members: [JSONMember] = []
        for name in ["service", "command"] { members.append(JSONMember(name, request[name] ?? .string(""))) }
        switch request["requestid"] {
        case .string(let id), .number(let id): members.append(JSONMember("requestid", .string(id)))
        default: members.append(JSONMember("requestid", .string("")))
        }
        members.append(JSONMember("SchwabClientCorrelId", request["SchwabClientCorrelId"] ?? .string("")))
        members.append(JSONMember("timestamp", .number("\(board.now.milliseconds)")))
        members.append(JSONMember("content", Self.content(code, text)))
        return Self.frame("response", [.object(members)])
    }

    private static func content(_ code: Code, _ text: String) -> JSONValue {
        .object([JSONMember("code", .number("\(code.rawValue)")), JSONMember("msg", .string(text))])
    }

    private static func frame(_ name: String, _ values: [JSONValue]) -> StreamEffect {
        .send(JSONWriter.bytes(JSONValue.object([JSONMember(name, .array(values))])))
    }

    // MARK: What nobody asked for

    /// Another socket of the user has logged in.
    mutating func bump(_ board: Board) -> [StreamEffect] {
        self = SchwabStreamSession()
        let notice = JSONValue.object([
            JSONMember("service", .string(Service.admin.rawValue)),
            JSONMember("timestamp", .number("\(board.now.milliseconds)")),
            JSONMember("content", Self.content(.closeConnection, "another stream of this user has logged in")),
        ])
        return [Self.frame("notify", [notice]), .close]
    }

    static func heartbeat(_ board: Board) -> StreamEffect {
        Self.frame("notify", [.object([JSONMember("heartbeat", .string("\(board.now.milliseconds)"))])])
    }

    /// Nil when the client wants none of it.
    mutating func show(_ news: SchwabMarketNews) -> StreamEffect? {
        guard self.isLoggedIn else { return nil }
        var parts: [(Service, [JSONValue])] = []
        if let chart = self.chartContent(news) { parts.append((.chart, [chart])) }
        let changes = self.changes(news.levelOne)
        if !changes.isEmpty { parts.append((.levelOne, changes)) }
        return parts.isEmpty ? nil : Self.data(parts, news.at)
    }

    mutating func show(_ activities: [SchwabActivity], accountNumber: String, _ board: Board) -> StreamEffect? {
        guard self.isListeningToOrders, let at = activities.last?.at else { return nil }
        let content = activities.map { activity in
            self.activityContent(
                account: accountNumber,
                type: activity.kind.rawValue,
                data: activity.data(accountNumber: accountNumber)
            )
        }
        return Self.data([(.activity, content)], max(at, board.now))
    }

    private static func data(_ parts: [(service: Service, content: [JSONValue])], _ now: Timestamp) -> StreamEffect {
        Self.frame(
            "data",
            parts.map { part in
                .object([
                    JSONMember("service", .string(part.service.rawValue)),
                    JSONMember("timestamp", .number("\(now.milliseconds)")), JSONMember("command", .string("SUBS")),
                    JSONMember("content", .array(part.content)),
                ])
            }
        )
    }

    /// The fields the client wants and does not have yet; all of them the first time. A symbol without a price is not
    /// shown.
    private mutating func changes(_ levelOnes: [SchwabLevelOne]) -> [JSONValue] {
        guard let subscription = self.subscriptions[.levelOne] else { return [] }
        var content: [JSONValue] = []
        for levelOne in levelOnes where levelOne.price != nil {
            let key = levelOne.symbol.rawValue
            guard subscription.keys.contains(key) else { continue }
            let before = self.known[key]
            var changed: [JSONMember] = []
            for field in SchwabLevelOne.fields where subscription.fields.contains(field) {
                guard let value = levelOne.value(ofField: field), value != before?[field] else { continue }
                changed.append(JSONMember("\(field)", value))
                self.known[key, default: [:]][field] = value
            }
            guard !changed.isEmpty else { continue }
            var members = [JSONMember("key", .string(key))]
            if before == nil {
                members += [
                    JSONMember("delayed", .bool(false)), JSONMember("assetMainType", .string("EQUITY")),
                    JSONMember("assetSubType", .string("COE")),
                    JSONMember("cusip", .string(WireSchwabInstrument.cusip(levelOne.symbol))),
                ]
            }
            content.append(.object(members + changed))
        }
        return content
    }

    private mutating func chartContent(_ news: SchwabMarketNews) -> JSONValue? {
        guard let chart = news.chartBar, let subscription = self.subscriptions[.chart],
            subscription.keys.contains(chart.symbol.rawValue)
        else { return nil }
        let bar = chart.bar
        // In the order of the wire: the vendor's guide has the sequence last.
        let values = [
            "\(chart.sequence)", bar.open.description, bar.high.description, bar.low.description,
            bar.close.description, "\(bar.volume)", "\(bar.timestamp.milliseconds)",
            "\(NewYorkTime.date(of: bar.timestamp).dayNumber)",
        ]
        self.sequence += 1
        let members = values.enumerated().compactMap { place, value in
            subscription.fields.contains(place + 1) ? JSONMember("\(place + 1)", .number(value)) : nil
        }
        return .object(
            [JSONMember("seq", .number("\(self.sequence)")), JSONMember("key", .string(chart.symbol.rawValue))]
                + members
        )
    }

    private mutating func activityContent(account: String, type: String, data: String) -> JSONValue {
        self.sequence += 1
        let subscription = self.subscriptions[.activity] ?? Subscription()
        let values = [account, type, data].enumerated().compactMap { place, value in
            subscription.fields.contains(place + 1) ? JSONMember("\(place + 1)", .string(value)) : nil
        }
        return .object(
            [
                JSONMember("seq", .number("\(self.sequence)")),
                JSONMember("key", .string(subscription.keys.first ?? "")),
            ] + values
        )
    }
}
