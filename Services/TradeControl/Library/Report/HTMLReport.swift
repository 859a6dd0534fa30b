import TradingCore

/// The report as one page that needs nothing beside itself and no script.
package enum HTMLReport {
    package static func text(of report: ReplayReport, discrepancies: [Discrepancy]) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Quintet replay: \(Display.dollars(report.equity))</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        <main>
        <h1>Quintet replay</h1>
        \(Self.warning(discrepancies))\
        \(Self.figures(of: report))\
        <h2>Equity at each session's close</h2>
        \(EquityChart(report.equityCurve, startingCash: report.startingCash).svg)\
        <h2>Summary</h2>
        \(Self.summary(of: report))\
        <h2>Closed trades</h2>
        \(Self.table(of: report.trades, style: report.timeStyle))\
        \(report.openTrades.isEmpty ? "" : "<h2>Left open</h2>\n" + Self.table(of: report.openTrades, style: report.timeStyle))\
        \(Self.refusals(of: report))\
        </main>
        </body>
        </html>

        """
    }

    private static func warning(_ discrepancies: [Discrepancy]) -> String {
        guard !discrepancies.isEmpty else { return "" }
        let items = discrepancies.map { "<li>\(Self.escaped($0.description))</li>\n" }.joined()
        return "<section class=\"warning\">\n<h2>The books do not agree</h2>\n<ul>\n\(items)</ul>\n</section>\n"
    }

    private static func figures(of report: ReplayReport) -> String {
        let span = [report.equityCurve.first, report.equityCurve.last].compactMap { $0?.date.description }
            .joined(separator: " to ")
        let figures = [
            ("final equity", Display.dollars(report.equity)),
            ("result", Display.signedDollars(report.equity - report.startingCash)),
            ("largest drawdown", Display.percent(report.maximumDrawdown)),
            ("closed trades", "\(report.trades.count)"),
            ("wins / losses", "\(report.wins) / \(report.losses)"),
        ]
        let boxes = figures.map { "<div><b>\($0.1)</b><span>\($0.0)</span></div>\n" }.joined()
        return "<p>\(span), \(report.sessions) sessions</p>\n<section class=\"figures\">\n\(boxes)</section>\n"
    }

    private static func summary(of report: ReplayReport) -> String {
        let rows = SummaryTable.rows(of: report).map {
            "<tr><th scope=\"row\">\(Self.escaped($0.name))</th><td>\(Self.escaped($0.value))</td></tr>\n"
        }
        return "<table class=\"summary\">\n\(rows.joined())</table>\n"
    }

    private static func table(of trades: [ReportedTrade], style: TimeStyle) -> String {
        guard !trades.isEmpty else { return "<p>None.</p>\n" }
        let titles = [
            "symbol", "signal", "shares", "entry", "stop", "target", "filled", "at", "closed", "at", "exit", "P&amp;L",
            "history",
        ]
        let head = titles.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let rows = trades.map { Self.row($0, style) }.joined()
        return """
            <div class="scroll"><table class="trades">
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(rows)</tbody>
            </table></div>

            """
    }

    private static func row(_ trade: ReportedTrade, _ style: TimeStyle) -> String {
        func price(_ price: Price?) -> String { price.map { Display.dollars($0) } ?? "" }
        func time(_ timestamp: Timestamp?) -> String { timestamp.map(style.text) ?? "" }
        let profit = trade.pnl ?? .zero
        let cells = [
            "\(trade.symbol)", time(trade.signaledAt), "\(trade.quantity)", price(trade.plan?.entryPrice),
            price(trade.plan?.stopPrice), price(trade.plan?.targetPrice), time(trade.filledAt), price(trade.fillPrice),
            time(trade.closedAt), price(trade.exitPrice), trade.exitReason?.rawValue ?? trade.state.rawValue,
        ]
        let steps = trade.history.map { step in
            "<li>\(step.timestamp) \(step.to.rawValue) <i>\(step.trigger.rawValue)</i></li>"
        }
        return """
            <tr id="\(trade.id)">\(cells.map { "<td>\($0)</td>" }.joined())\
            <td class="\(profit > .zero ? "win" : profit < .zero ? "loss" : "even")">\
            \(trade.pnl.map { Display.signedDollars($0) } ?? "")</td>\
            <td><details><summary>\(steps.count) steps</summary>\
            <p>trade \(trade.id)<br>trace \(trade.traceID)</p><ol>\(steps.joined())</ol></details></td></tr>

            """
    }

    private static func refusals(of report: ReplayReport) -> String {
        guard !report.rejections.isEmpty else { return "" }
        let counts = report.refusalsByRule.map {
            "<tr><th scope=\"row\">\($0.rule.rawValue)</th><td>\($0.count)</td></tr>\n"
        }
        let rows = report.rejections.map {
            "<tr><td>\(report.timeStyle.text($0.timestamp))</td><td>\($0.symbol)</td>"
                + "<td>\(Self.escaped($0.reason))</td></tr>\n"
        }
        return """
            <h2>Refusals by rule</h2>
            <table class="summary">
            \(counts.joined())</table>
            <details><summary>All \(report.rejections.count) refusals</summary>
            <div class="scroll"><table class="refusals">
            <thead><tr><th scope="col">time</th><th scope="col">symbol</th><th scope="col">reason</th></tr></thead>
            <tbody>
            \(rows.joined())</tbody>
            </table></div></details>

            """
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }

    private static let style = """
        :root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6878; --paper: #ffffff; --panel: #f3f5f8;
          --line: #d9dee5; --equity: #1f6feb; --fall: #d1495b; --rise: #1a7f4b; }
        @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa5b4; --paper: #14181f;
          --panel: #1d232c; --line: #323a46; --equity: #58a6ff; --fall: #f0808c; --rise: #56c98a; } }
        body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
        main { max-width: 1080px; margin: 0 auto; padding: 24px; }
        h1 { font-size: 26px; margin: 0; } h2 { font-size: 18px; margin: 32px 0 8px; } p { color: var(--soft); }
        .figures { display: flex; flex-wrap: wrap; gap: 12px; }
        .figures div { background: var(--panel); border-radius: 8px; padding: 10px 16px; }
        .figures b { display: block; font-size: 20px; } .figures span { color: var(--soft); }
        .warning { border: 2px solid var(--fall); border-radius: 8px; padding: 0 16px; margin: 16px 0; }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap;
          vertical-align: top; }
        thead th { color: var(--soft); font-weight: 600; } .summary th { font-weight: 400; color: var(--soft);
          white-space: pre; }
        .trades td:nth-child(3), .trades td:nth-child(4), .trades td:nth-child(5), .trades td:nth-child(6),
        .trades td:nth-child(8), .trades td:nth-child(10), .trades td:nth-child(12) { text-align: right; }
        .win { color: var(--rise); } .loss { color: var(--fall); }
        details p, details ol { font-size: 13px; margin: 4px 0; } summary { cursor: pointer; color: var(--soft); }
        svg { width: 100%; height: auto; } .grid { stroke: var(--line); } .label { fill: var(--soft); font-size: 12px; }
        .start { stroke: var(--soft); stroke-dasharray: 4 4; }
        .equity { fill: none; stroke: var(--equity); stroke-width: 1.8; stroke-linejoin: round; }
        .drawdown { fill: var(--fall); fill-opacity: 0.35; stroke: var(--fall); stroke-width: 1; }
        """
}
