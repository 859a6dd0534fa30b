import TradingCore

/// The report in a few lines for the terminal.
package enum SummaryTable {
    /// - Parameter reportFile: where the whole of it is; nil if nowhere.
    package static func text(of report: ReplayReport, reportFile: String? = nil) -> String {
        var rows = Self.rows(of: report).map { (name: $0.name, value: $0.value) }
        if let reportFile { rows.append((name: "report", value: reportFile)) }
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { name, value in
            "  " + name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }.joined()
    }

    /// What to know of messages that no agent could handle; nil if there was none.
    ///
    /// - Parameters:
    ///   - reportFile: the report's JSON.
    ///   - logs: the folder of the agents' logs.
    package static func warning(of report: ReplayReport, reportFile: String, logs: String) -> String? {
        guard report.deadLetters > 0 else { return nil }
        let shown = report.lastDeadLetters.suffix(5)
        let were = report.deadLetters == 1 ? "message was" : "messages were"
        let which = report.deadLetters > Int64(shown.count) ? "; the last of them" : ""
        let lines = shown.map { letter in
            "    \(letter.stream): \(letter.reason.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(200))\n"
        }
        return "warning: \(report.deadLetters) \(were) set aside as dead letters, not handled\(which):\n"
            + lines.joined() + "    See dead_letters in \(reportFile) and the logs in \(logs).\n"
    }

    /// What a reader wants to know first, in this order.
    static func rows(of report: ReplayReport) -> [(name: String, value: String)] {
        let exits = report.exitsByReason.filter { $0.count > 0 }.map { "\($0.count) \($0.reason.rawValue)" }
        var rows = [
            (name: "sessions", value: "\(report.sessions)"),
            (
                name: "closed trades",
                value: "\(report.trades.count)" + (exits.isEmpty ? "" : " (\(exits.joined(separator: ", ")))")
            ),
            (name: "wins / losses", value: "\(report.wins) / \(report.losses)"),
            (name: "left open", value: "\(report.openTrades.count)"),
            (name: "cancelled", value: "\(report.cancelled)"),
            (name: "P&L closed", value: Display.signedDollars(report.profit)),
            (name: "average trade", value: report.averageProfit.map(Display.signedDollars) ?? "none"),
            (name: "largest drawdown", value: Display.percent(report.maximumDrawdown)),
            (
                name: "final equity",
                value:
                    "\(Display.dollars(report.equity)) (\(Display.signedDollars(report.equity - report.startingCash)))"
            ),
            (name: "cash", value: Display.dollars(report.cash)),
            (name: "refusals", value: "\(report.rejections.count)"),
        ]
        for (rule, count) in report.refusalsByRule { rows.append((name: "  \(rule.rawValue)", value: "\(count)")) }
        rows.append((name: "messages", value: "\(report.publishedMessages) published, \(report.deadLetters) dead"))
        if let restarts = report.restarts { rows.append((name: "agent restarts", value: "\(restarts)")) }
        if let restarts = report.redisRestarts, restarts > 0 {
            rows.append((name: "redis restarts", value: "\(restarts)"))
        }
        if let seconds = report.seconds { rows.append((name: "seconds", value: "\(seconds)")) }
        return rows
    }
}
