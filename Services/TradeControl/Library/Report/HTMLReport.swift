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
        \(Self.warning("The books do not agree", discrepancies.map(\.description)))\
        \(Self.deadLetters(of: report))\
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

    private static func warning(_ title: String, _ points: [String]) -> String {
        guard !points.isEmpty else { return "" }
        let items = points.map { "<li>\(Self.escaped($0))</li>\n" }.joined()
        return "<section class=\"warning\">\n<h2>\(title)</h2>\n<ul>\n\(items)</ul>\n</section>\n"
    }

    private static func deadLetters(of report: ReplayReport) -> String {
        let letters = report.lastDeadLetters
        let which = report.deadLetters > Int64(letters.count) ? "the last of \(report.deadLetters)" : "\(letters.count)"
        return Self.warning(
            "Messages that were not handled (dead letters): \(which)",
            letters.map { "\($0.stream): \($0.reason)" }
        )
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
        return """
            <p>\(span), \(report.sessions) sessions<br>\(Self.escaped(Self.settings(of: report)))</p>
            <section class="figures">
            \(boxes)</section>

            """
    }

    private static func settings(of report: ReplayReport) -> String {
        let settings = report.settings
        let replicas = AgentName.allCases.compactMap { agent in settings.replicas[agent].map { "\(agent) × \($0)" } }
        let kills = settings.killEvery.map {
            "an agent killed about every \(Display.seconds($0)), seed \(settings.seed)"
        }
        let parts =
            [
                "\(settings.bars): \(settings.symbols.map(\.rawValue).joined(separator: ", "))",
                settings.timeframe.rawValue,
            ]
            + [settings.strategy, "\(Display.dollars(settings.cash)) at the start"].compactMap(\.self)
            + (settings.dialect == .alpaca ? [] : ["through \(settings.dialect.rawValue)"])
            + replicas + [kills].compactMap(\.self)
            + settings.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return parts.joined(separator: " · ")
    }

    private static func summary(of report: ReplayReport) -> String {
        let rows = SummaryTable.rows(of: report).map {
            "<tr><th scope=\"row\">\(Self.escaped($0.name))</th><td>\(Self.escaped($0.value))</td></tr>\n"
        }
        return "<table class=\"summary\">\n\(rows.joined())</table>\n"
    }

    /// A column of the trades' table.
    private struct Column {
        var title: String
        var isNumber = false
        var text: (ReportedTrade) -> String
    }

    private static func columns(_ style: TimeStyle) -> [Column] {
        func time(_ title: String, _ time: @escaping (ReportedTrade) -> Timestamp?) -> Column {
            Column(title: title) { time($0).map(style.text) ?? "" }
        }
        func price(_ title: String, _ price: @escaping (ReportedTrade) -> Price?) -> Column {
            Column(title: title, isNumber: true) { price($0).map { Display.dollars($0) } ?? "" }
        }
        return [
            time("signal") { $0.signaledAt },
            Column(title: "shares", isNumber: true) { "\($0.quantity)" }, price("limit") { $0.plan?.entryPrice },
            price("stop") { $0.plan?.stopPrice }, price("target") { $0.plan?.targetPrice },
            time("filled") { $0.filledAt }, price("fill price") { $0.fillPrice }, time("closed") { $0.closedAt },
            price("exit price") { $0.exitPrice },
            Column(title: "exit by") { $0.exitReason?.rawValue ?? $0.state.rawValue },
        ]
    }

    private static func table(of trades: [ReportedTrade], style: TimeStyle) -> String {
        guard !trades.isEmpty else { return "<p>None.</p>\n" }
        let columns = Self.columns(style)
        let head = columns.map { "<th scope=\"col\"\($0.isNumber ? " class=\"number\"" : "")>\($0.title)</th>" }
            .joined()
        return """
            <p>The mark beside a symbol opens the trade's history.</p>
            <div class="scroll"><table class="trades">
            <thead><tr><th scope="col">symbol</th>\(head)<th scope="col" class="number">P&amp;L</th></tr></thead>
            <tbody>
            \(trades.map { Self.row($0, columns) }.joined())</tbody>
            </table></div>

            """
    }

    /// Two rows: the trade, and below it, over the whole width, its history, which the mark beside the symbol opens.
    private static func row(_ trade: ReportedTrade, _ columns: [Column]) -> String {
        let cells = columns.map { "<td\($0.isNumber ? " class=\"number\"" : "")>\(Self.escaped($0.text(trade)))</td>" }
        let profit = trade.pnl ?? .zero
        let outcome = profit > .zero ? "win" : profit < .zero ? "loss" : "even"
        let steps = trade.history.map { step in
            "<tr><td>\(step.timestamp)</td><td>\(step.to.rawValue)</td><td>\(step.trigger.rawValue)</td></tr>\n"
        }
        let reason = trade.signalReason.map { "<br>the \(trade.exitReason?.rawValue ?? ""): \(Self.escaped($0))" } ?? ""
        return """
            <tr id="\(trade.id)"><td><label><input type="checkbox">\(trade.symbol)</label></td>\(cells.joined())\
            <td class="number \(outcome)">\(trade.pnl.map { Display.signedDollars($0) } ?? "")</td></tr>
            <tr class="history"><td colspan="\(columns.count + 2)"><div>
            <p>trade \(trade.id)<br>trace \(trade.traceID)\(reason)</p>
            <table>
            <thead><tr><th scope="col">market time (UTC)</th><th scope="col">state</th><th scope="col">by</th></tr></thead>
            <tbody>
            \(steps.joined())</tbody>
            </table></div></td></tr>

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
        main { max-width: 1160px; margin: 0 auto; padding: 24px; }
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
        .summary td { white-space: normal; }
        .number { text-align: right; } label { cursor: pointer; }
        input { appearance: none; margin: 0; width: 18px; color: var(--soft); font: inherit; cursor: pointer; }
        input::before { content: "▸"; } input:checked::before { content: "▾"; }
        .history div { position: sticky; left: 10px; width: fit-content; max-width: calc(100vw - 52px);
          overflow-x: auto; font-size: 13px; }
        .history p { margin: 4px 0; white-space: normal; } .history table th, .history table td { padding: 1px 16px 1px 0; border: 0; }
        @supports selector(:has(*)) {
          .history { display: none; } tr:has(> td > label > input:checked) + .history { display: table-row; }
          tr:has(> td > label > input:checked) > td { border-bottom: 0; }
        }
        .win { color: var(--rise); } .loss { color: var(--fall); }
        summary { cursor: pointer; color: var(--soft); }
        svg { width: 100%; height: auto; } .grid { stroke: var(--line); } .label { fill: var(--soft); font-size: 12px; }
        .start { stroke: var(--soft); stroke-dasharray: 4 4; }
        .equity { fill: none; stroke: var(--equity); stroke-width: 1.8; stroke-linejoin: round; }
        .drawdown { fill: var(--fall); fill-opacity: 0.35; stroke: var(--fall); stroke-width: 1; }
        @media (max-width: 640px) { main { padding: 16px; } svg { overflow: visible; } .label { font-size: 24px; }
          .between { display: none; } .equity { stroke-width: 4; } .history thead { display: none; }
          .history table td { display: inline-block; padding-right: 8px; }
          .history table td:last-child { display: block; padding-left: 16px; color: var(--soft); } }
        """
}
