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

    @Test("What made the run, its curve and what disturbed it")
    func surroundings() throws {
        var fixture = try LedgerFixture()
        fixture.deadLetters = [DeadLetter(stream: "order.filled", reason: "data is missing")]
        let json = try JSONValue(parsing: Array(try fixture.report(redisRestarts: 3).prettyJSON.utf8))
        let symbols = ["AAPL", "GOOG", "IBM", "MSFT"].map(JSONValue.string)
        #expect(
            json["settings"]
                == .object([
                    JSONMember("bars", .string("SampleBars")), JSONMember("cash", .number("10000")),
                    JSONMember("symbols", .array(symbols)), JSONMember("timeframe", .string("1Day")),
                    JSONMember("broker_dialect", .string("alpaca")),
                    JSONMember("strategy", .string("ma-rsi-volume")), JSONMember("kill_every", .number("1.5")),
                    JSONMember("seed", .number("7")),
                    JSONMember(
                        "replicas",
                        .object(
                            AgentName.allCases.map {
                                JSONMember($0.rawValue, .number($0 == .strategy ? "2" : "1"))
                            }
                        )
                    ),
                    JSONMember("environment", .object([])),
                ])
        )
        #expect(json["redis_restarts"] == .number("3"))
        #expect(json["messages"]?["dead_lettered"] == .number("1"))
        #expect(
            json["dead_letters"]
                == .array([
                    .object([
                        JSONMember("stream", .string("order.filled")), JSONMember("reason", .string("data is missing")),
                    ])
                ])
        )
        guard case .array(let curve)? = json["equity_curve"] else {
            Issue.record("expected a curve")
            return
        }
        #expect(curve.count == 3)
        #expect(
            curve[1] == .object([JSONMember("date", .string("2009-02-09")), JSONMember("equity", .number("9950"))])
        )
    }

    @Test("A trade that the strategy ended has the strategy's own reason")
    func strategyReason() throws {
        var fixture = try LedgerFixture()
        var record = fixture.records[0]
        record.trade.exitReason = .strategy
        let exit = try #require(record.history.firstIndex { $0.to == .exitTriggered })
        record.history[exit].trigger = .exitSignal
        fixture.records[0] = record
        fixture.exitReasons = [record.history[exit].messageID: "held for <40> sessions"]
        let report = fixture.report()
        let json = try JSONValue(parsing: Array(try report.prettyJSON.utf8))
        guard case .array(let trades)? = json["trades"] else {
            Issue.record("expected trades")
            return
        }
        #expect(trades[0]["exit_reason"] == .string("strategy"))
        #expect(trades[0]["strategy_reason"] == .string("held for <40> sessions"))
        #expect(HTMLReport.text(of: report, discrepancies: []).contains("the strategy: held for &lt;40&gt; sessions"))
    }

    @Test("Bars within the day give instants")
    func intradayTimes() throws {
        let minutes = try #require(Timeframe("5Min"))
        let json = try JSONValue(parsing: Array(try LedgerFixture().report(timeframe: minutes).prettyJSON.utf8))
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
        #expect(!text.contains("redis restarts"))
        let disturbed = SummaryTable.text(of: try LedgerFixture().report(redisRestarts: 1), reportFile: "")
        #expect(disturbed.contains("redis restarts"))
    }

    @Test func `a report says nothing of what nobody has taken`() throws {
        let fixture = try LedgerFixture()
        let full = fixture.report()
        let report = ReplayReport(ledger: fixture.ledger, broker: fixture.broker, settings: full.settings)
        let text = SummaryTable.text(of: report)
        for row in ["restarts", "seconds", "report"] { #expect(!text.contains(row)) }
        let json = try JSONValue(parsing: Array(report.prettyJSON.utf8))
        for member in ["restarts", "redis_restarts", "seconds"] { #expect(json[member] == nil) }
        #expect(json["trades"] == (try JSONValue(parsing: Array(full.prettyJSON.utf8)))["trades"])
    }

    @Test("Dead letters are not passed over: their count, the last five reasons and where to look")
    func deadLetters() throws {
        var fixture = try LedgerFixture()
        func warning() -> String? {
            SummaryTable.warning(of: fixture.report(), reportFile: ".run/report.json", logs: ".run/logs")
        }
        #expect(warning() == nil)
        fixture.deadLetters = [DeadLetter(stream: "order.filled", reason: "data is\nmissing")]
        #expect(
            warning() == """
                warning: 1 message was set aside as dead letters, not handled:
                    order.filled: data is missing
                    See dead_letters in .run/report.json and the logs in .run/logs.

                """
        )
        fixture.deadLetters = (1...7).map { DeadLetter(stream: "order.filled", reason: "<reason \($0)>") }
        let text = try #require(warning())
        #expect(text.hasPrefix("warning: 7 messages were set aside as dead letters, not handled; the last of them:"))
        #expect(!text.contains("<reason 2>") && text.contains("<reason 3>") && text.contains("<reason 7>"))
        let page = HTMLReport.text(of: fixture.report(), discrepancies: [])
        #expect(page.contains("order.filled: &lt;reason 1&gt;"))
    }

    @Test("The page stands alone, draws the curve and shows what the books disagree on")
    func page() throws {
        let report = try LedgerFixture().report()
        let sound = HTMLReport.text(of: report, discrepancies: [])
        #expect(!sound.contains("<script") && !sound.contains("http") && !sound.contains("src="))
        #expect(sound.contains("<svg") && sound.contains("class=\"equity\"") && sound.contains(">2009-02-12</text>"))
        #expect(sound.contains("MSFT-20090206T210000Z") && sound.contains("position.stop.hit"))
        #expect(sound.contains(">fill price<") && sound.contains(">exit price<"))
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
            settings: ReportedSettings(bars: "bars", cash: cash, symbols: [], timeframe: .day),
            elapsed: .zero,
            restarts: 0,
            redisRestarts: 0
        )
        let json = try JSONValue(parsing: Array(try report.prettyJSON.utf8))
        #expect(json["trades"] == .array([]) && json["seconds"] == .number("0.0"))
        #expect(json["settings"]?["strategy"] == .null && json["settings"]?["kill_every"] == .null)
        let page = HTMLReport.text(of: report, discrepancies: [])
        #expect(page.contains("<svg") && !page.contains("nan") && !page.contains("inf"))
    }
}
