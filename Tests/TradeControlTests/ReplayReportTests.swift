import Testing
import TradeControl
import TradingCore

@Suite("The replay's report")
struct ReplayReportTests {
    @Test("A closed trade has every member of the format, money exact and times as dates")
    func closedTrade() throws {
        let json = try JSONValue(parsing: Array(try LedgerFixture().report().prettyJSON.utf8))
        guard case .array(let trades)? = json["trades"], trades.count == 1,
            case .object(let members) = trades[0], case .array(let history)? = trades[0]["history"]
        else {
            Issue.record("expected one closed trade with a history")
            return
        }
        let shown = members.filter { $0.name != "history" && $0.name != "trace_id" }
        #expect(
            shown == [
                JSONMember("trade_id", .string("MSFT-20090206T210000Z")), JSONMember("symbol", .string("MSFT")),
                JSONMember("state", .string("CLOSED")), JSONMember("quantity", .number("50")),
                JSONMember("entry_price", .number("19.66")), JSONMember("stop_price", .number("18.67")),
                JSONMember("target_price", .number("22.6")), JSONMember("fill_price", .number("19.66")),
                JSONMember("exit_price", .number("18.67")), JSONMember("exit_reason", .string("stop")),
                JSONMember("pnl", .number("-49.5")), JSONMember("signaled_at", .string("2009-02-06")),
                JSONMember("filled_at", .string("2009-02-09")), JSONMember("closed_at", .string("2009-02-12")),
            ]
        )
        #expect(history.count == 8)
        #expect(history[0]["from"] == .string("SCANNING"))
        #expect(history[0]["trigger"] == .string("strategy.candidate.found"))
        #expect(history[7]["timestamp"] == .string("2009-02-12T19:00:00Z"))
    }

    @Test("Account, counts, refusals and what was left open")
    func otherMembers() throws {
        let json = try JSONValue(parsing: Array(try LedgerFixture().report().prettyJSON.utf8))
        #expect(json["sessions"] == .number("3"))
        #expect(json["seconds"] == .number("31.2"))
        #expect(json["account"]?["cash"] == .number("9031.75"))
        #expect(json["account"]?["equity"] == .number("9961.75"))
        #expect(json["account"]?["peak_equity"] == .number("10000"))
        #expect(json["account"]?["max_drawdown"] == .number("0.005"))
        #expect(json["cancelled"] == .number("1"))
        #expect(json["messages"]?["published"] == .number("40"))
        #expect(json["messages"]?["dead_lettered"] == .number("0"))
        #expect(json["restarts"] == .number("2"))
        #expect(
            json["rejections"]
                == .array([
                    .object([
                        JSONMember("timestamp", .string("2009-02-06")), JSONMember("symbol", .string("GOOG")),
                        JSONMember("reason", .string("cash_reserve: value 371.28 for one share, limit 180.5")),
                    ])
                ])
        )
        guard case .array(let open)? = json["open_trades"], open.count == 1 else {
            Issue.record("expected one open trade")
            return
        }
        #expect(open[0]["symbol"] == .string("IBM"))
        #expect(open[0]["fill_price"] == .number("91.875"))
        #expect(open[0]["exit_price"] == nil && open[0]["exit_reason"] == nil && open[0]["pnl"] == nil)
        #expect(open[0]["closed_at"] == nil)
    }

    @Test("Bars within the day give instants")
    func intradayTimes() throws {
        let json = try JSONValue(parsing: Array(try LedgerFixture().report(style: .instant).prettyJSON.utf8))
        guard case .array(let trades)? = json["trades"], case .array(let rejections)? = json["rejections"] else {
            Issue.record("expected trades and rejections")
            return
        }
        #expect(trades[0]["signaled_at"] == .string("2009-02-06T21:00:00Z"))
        #expect(trades[0]["closed_at"] == .string("2009-02-12T19:00:00Z"))
        #expect(rejections[0]["timestamp"] == .string("2009-02-06T21:00:00Z"))
    }

    @Test("Closed trades come by the time they closed, then by id")
    func order() throws {
        var fixture = try LedgerFixture()
        var later = try LedgerFixture.stoppedOut()
        later.trade.orders[1].filledAt = try LedgerFixture.time("2009-02-13T19:00:00Z")
        later.history[7].timestamp = try LedgerFixture.time("2009-02-13T19:00:00Z")
        fixture.records.insert(later, at: 0)
        #expect(
            fixture.report().trades.map(\.closedAt) == [
                try LedgerFixture.time("2009-02-12T19:00:00Z"), try LedgerFixture.time("2009-02-13T19:00:00Z"),
            ]
        )
    }

    @Test("The summary gives wins, losses, P&L and refusals by rule")
    func summary() throws {
        let text = SummaryTable.text(of: try LedgerFixture().report(), reportFile: ".run/report.html")
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        for line in [
            "closed trades 1 (1 stop)", "wins / losses 0 / 1", "left open 1", "cancelled 1", "P&L closed -49.50",
            "average trade -49.50", "largest drawdown 0.50 %", "final equity 9,961.75 (-38.25)", "refusals 1",
            "cash_reserve 1", "agent restarts 2", "report .run/report.html",
        ] {
            #expect(lines.contains(line))
        }
    }

    @Test("The page stands alone, draws the curve and shows what the books disagree on")
    func page() throws {
        let report = try LedgerFixture().report()
        let sound = HTMLReport.text(of: report, discrepancies: [])
        #expect(!sound.contains("<script") && !sound.contains("http") && !sound.contains("src="))
        #expect(sound.contains("<svg") && sound.contains("class=\"equity\"") && sound.contains(">2009-02-12</text>"))
        #expect(sound.contains("MSFT-20090206T210000Z") && sound.contains("position.stop.hit"))
        #expect(!sound.contains("The books do not agree"))
        let disputed = HTMLReport.text(
            of: report,
            discrepancies: [Discrepancy("cash <of the broker>", expected: "1", found: "2")]
        )
        #expect(disputed.contains("The books do not agree"))
        #expect(disputed.contains("cash &lt;of the broker&gt;: expected 1, found 2"))
    }

    @Test("A run without a trade and without movement still makes a report")
    func emptyRun() throws {
        let cash = LedgerFixture.startingCash
        let ledger = Ledger(records: [], account: Account(cash: cash), publishedMessages: 0, deadLetters: 0)
        let dates = [try LedgerFixture.date("2009-02-06"), try LedgerFixture.date("2009-02-09")]
        let broker = SimulatorResult(
            sessions: 2,
            cash: cash,
            equity: cash,
            peakEquity: cash,
            maximumDrawdown: .zero,
            positions: [:],
            equityCurve: dates.map { .init(date: $0, equity: cash) }
        )
        #expect(LedgerAudit.discrepancies(in: ledger, broker: broker, startingCash: cash) == [])
        let report = ReplayReport(
            ledger: ledger,
            broker: broker,
            startingCash: cash,
            timeStyle: .date,
            elapsed: .zero,
            restarts: 0
        )
        let json = try JSONValue(parsing: Array(try report.prettyJSON.utf8))
        #expect(json["trades"] == .array([]) && json["seconds"] == .number("0.0"))
        let page = HTMLReport.text(of: report, discrepancies: [])
        #expect(page.contains("<svg") && !page.contains("nan") && !page.contains("inf"))
    }
}
