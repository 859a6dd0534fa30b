import TradingCore

/// The report in a few lines for the terminal.
package enum SummaryTable {
    package static func text(of report: ReplayReport, reportFile: String) -> String {
        var rows = Self.rows(of: report).map { (name: $0.name, value: $0.value) }
        rows.append((name: "report", value: reportFile))
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { name, value in
            "  " + name + String(repeating: " ", count: width - name.count + 2) + value + "\n"
        }.joined()
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
        rows.append((name: "agent restarts", value: "\(report.restarts)"))
        rows.append((name: "seconds", value: "\(report.seconds)"))
        return rows
    }
}
