import TradingCore

/// A run's `report.json`.
struct RunReport: Sendable {
    let json: JSONValue

    init(_ text: String) throws {
        self.json = try JSONValue(parsing: Array(text.utf8))
    }

    var trades: [JSONValue] { self.json["trades"]?.elements ?? [] }
    var openTrades: [JSONValue] { self.json["open_trades"]?.elements ?? [] }
    var rejections: [JSONValue] { self.json["rejections"]?.elements ?? [] }
    var restarts: Int { self.json["restarts"]?.integer ?? -1 }
    var deadLetters: Int { self.json["messages"]?["dead_lettered"]?.integer ?? -1 }

    func trades(closedBy reason: String) -> Int { self.trades.count { $0["exit_reason"] == .string(reason) } }

    /// The places in which two runs differ, apart from the time they took, their settings, their restarts and their trace
    /// ids. Runs that were disturbed may have sent messages that others had no need of: `countsMessages` leaves these out.
    func differences(from expected: RunReport, countsMessages: Bool = true) -> [String] {
        let ignored =
            ["seconds", "restarts", "redis_restarts", "settings", "trace_id"]
            + (countsMessages ? [] : ["messages", "dead_letters"])
        return self.json.differences(from: expected.json, ignoring: Set(ignored))
    }
}

extension JSONValue {
    var elements: [JSONValue] {
        guard case .array(let values) = self else { return [] }
        return values
    }

    var members: [JSONMember] {
        guard case .object(let members) = self else { return [] }
        return members
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A number's digits.
    var digits: String? {
        guard case .number(let text) = self else { return nil }
        return text
    }

    var integer: Int? { self.digits.flatMap { Int($0) } }

    fileprivate func differences(from expected: JSONValue, ignoring: Set<String>, at path: String = "") -> [String] {
        switch (self, expected) {
        case (.object(let found), .object(let members)):
            let names = members.map(\.name)
            guard found.map(\.name) == names else {
                return ["\(path): members \(found.map(\.name)), expected \(names)"]
            }
            return zip(found, members).filter { !ignoring.contains($0.0.name) }.flatMap { found, member in
                found.value.differences(from: member.value, ignoring: ignoring, at: "\(path).\(member.name)")
            }
        case (.array(let found), .array(let values)):
            let count =
                found.count == values.count ? [] : ["\(path): \(found.count) elements, expected \(values.count)"]
            return count
                + zip(found, values).enumerated().flatMap { index, pair in
                    pair.0.differences(from: pair.1, ignoring: ignoring, at: "\(path)[\(index)]")
                }
        default: return self == expected ? [] : ["\(path): \(self.summary), expected \(expected.summary)"]
        }
    }
}

/// The shape that issue a report has to have, member by member.
struct ReportShape {
    private(set) var defects: [String] = []

    /// What is not as it should be in the report of a replay of daily bars.
    static func defects(of report: RunReport) -> [String] {
        var shape = ReportShape()
        shape.check(report.json)
        return shape.defects
    }

    private mutating func check(_ json: JSONValue) {
        self.members(
            json,
            "report",
            [
                "sessions", "seconds", "account", "trades", "open_trades", "cancelled", "rejections", "messages",
                "restarts", "redis_restarts", "dead_letters", "settings", "equity_curve",
            ]
        )
        let account = json["account"] ?? .null
        self.members(account, "account", ["cash", "equity", "peak_equity", "max_drawdown"])
        let messages = json["messages"] ?? .null
        self.members(messages, "messages", ["published", "dead_lettered"])
        for name in ["sessions", "seconds", "cancelled", "restarts", "redis_restarts"] { self.number(json, name) }
        self.members(
            json["settings"] ?? .null,
            "settings",
            [
                "bars", "cash", "symbols", "timeframe", "broker_dialect", "strategy", "kill_every", "seed", "replicas",
                "environment",
            ]
        )
        let curve = json["equity_curve"]?.elements ?? []
        if curve.count != json["sessions"]?.integer { self.defects.append("equity_curve: \(curve.count) points") }
        for point in curve {
            self.members(point, "point of equity_curve", ["date", "equity"])
            self.date(point, "date")
            self.number(point, "equity")
        }
        for member in account.members { self.number(account, member.name) }
        for member in messages.members { self.number(messages, member.name) }
        for trade in json["trades"]?.elements ?? [] { self.closedTrade(trade) }
        for trade in json["open_trades"]?.elements ?? [] { self.openTrade(trade) }
        for rejection in json["rejections"]?.elements ?? [] {
            self.members(rejection, "rejection", ["timestamp", "symbol", "reason"])
            self.date(rejection, "timestamp")
        }
    }

    private static let plan = ["trade_id", "symbol", "state", "quantity", "entry_price", "stop_price", "target_price"]
    private static let times = ["signaled_at", "filled_at", "closed_at", "trace_id", "history"]

    private mutating func closedTrade(_ trade: JSONValue) {
        let reason = trade["exit_reason"]?.text ?? ""
        let said = ["strategy", "operator"].contains(reason) ? ["\(reason)_reason"] : []
        let exit = ["fill_price", "exit_price", "exit_reason"] + said + ["pnl"]
        self.members(trade, "closed trade", Self.plan + exit + Self.times)
        for name in Self.plan.dropFirst(3) + ["fill_price", "exit_price", "pnl"] { self.number(trade, name) }
        for name in ["signaled_at", "filled_at", "closed_at"] { self.date(trade, name) }
        if trade["state"] != .string("CLOSED") { self.defects.append("closed trade: state \(trade["state"] ?? .null)") }
        let reasons = ["target", "stop", "strategy", "unprotected", "operator"]
        if !reasons.contains(reason) { self.defects.append("closed trade: exit_reason") }
        self.identity(trade)
    }

    private mutating func openTrade(_ trade: JSONValue) {
        let mayLack = ["fill_price", "filled_at", "closed_at"]
        let names = trade.members.map(\.name)
        let expected = (Self.plan + ["fill_price"] + Self.times).filter { !mayLack.contains($0) || names.contains($0) }
        self.members(trade, "open trade", expected)
        self.identity(trade)
    }

    /// Ids, and a history that walks from state to state along the table of a trade's steps.
    private mutating func identity(_ trade: JSONValue) {
        let id = trade["trade_id"]?.text ?? ""
        if !id.hasPrefix((trade["symbol"]?.text ?? "?") + "-") { self.defects.append("trade_id \(id)") }
        if TraceID(trade["trace_id"]?.text ?? "") == nil { self.defects.append("\(id): trace_id") }
        var state = "SCANNING"
        for step in trade["history"]?.elements ?? [] {
            self.members(step, "\(id): step", ["from", "to", "trigger", "timestamp", "message_id"])
            let row = ["from", "to", "trigger"].map { step[$0]?.text ?? "" }
            if row[0] != state || !Self.table.contains(row) { self.defects.append("\(id): step \(row) from \(state)") }
            if Timestamp(step["timestamp"]?.text ?? "") == nil { self.defects.append("\(id): step's timestamp") }
            state = row[1]
        }
        if state != trade["state"]?.text { self.defects.append("\(id): its history ends in \(state)") }
    }

    private static let table = [
        ["SCANNING", "SETUP_DETECTED", "strategy.candidate.found"],
        ["SETUP_DETECTED", "ENTRY_APPROVED", "risk.trade.approved"],
        ["SETUP_DETECTED", "SCANNING", "risk.trade.rejected"],
        ["ENTRY_APPROVED", "ORDER_PLACED", "order.submitted"],
        ["ORDER_PLACED", "FILLED", "order.filled"],
        ["ORDER_PLACED", "CANCELLED", "order.cancelled"],
        ["ORDER_PLACED", "CANCELLED", "order.rejected"],
        ["FILLED", "HOLDING", "position.stop.set"],
        ["HOLDING", "EXIT_TRIGGERED", "position.target.hit"],
        ["HOLDING", "EXIT_TRIGGERED", "position.stop.hit"],
        ["HOLDING", "EXIT_TRIGGERED", "strategy.exit.signal"],
        ["EXIT_TRIGGERED", "ORDER_CLOSING", "order.submitted"],
        ["ORDER_CLOSING", "CLOSED", "order.filled"],
        ["ENTRY_APPROVED", "CANCELLED", "order.cancelled"],
        ["ENTRY_APPROVED", "CANCELLED", "order.rejected"],
        ["FILLED", "EXIT_TRIGGERED", "position.unprotected"],
        ["HOLDING", "EXIT_TRIGGERED", "position.unprotected"],
        ["CANCELLED", "FILLED", "order.filled"],
        ["ORDER_CLOSING", "EXIT_TRIGGERED", "order.cancelled"],
        ["ORDER_CLOSING", "EXIT_TRIGGERED", "order.rejected"],
    ]

    private mutating func members(_ json: JSONValue, _ what: String, _ names: [String]) {
        let found = json.members.map(\.name)
        if found != names { self.defects.append("\(what): members \(found), expected \(names)") }
    }

    private mutating func number(_ json: JSONValue, _ name: String) {
        if json[name]?.digits == nil { self.defects.append("\(name): \(json[name]?.summary ?? "nothing")") }
    }

    private mutating func date(_ json: JSONValue, _ name: String) {
        if CalendarDate(json[name]?.text ?? "") == nil { self.defects.append("\(name): \(json[name]?.summary ?? "-")") }
    }
}
