import MarketSimulation
import MessageBus
import Testing
import TradingCore

/// The sample bars through all five agents' judgement, lanes and commits, in one process.
@Suite struct SampleReplayTests {
    @Test func `the sample gives the trades a second implementation gives`() throws {
        let system = try SimulatedSystem(bars: try SampleBars.folder())
        try system.run()
        let ledger = try FinalLedger(system.store)
        #expect(ledger.closed.count == 114)
        #expect(ledger.closed.count { $0.exitReason == .stop } == 63)
        #expect(ledger.closed.count { $0.exitReason == .strategy } == 29)
        #expect(ledger.closed.count { $0.exitReason == .target } == 22)
        #expect(ledger.open.map(\.symbol.rawValue).sorted() == ["GOOG", "IBM"])
        #expect(ledger.cancelled.count == 24)
        #expect(ledger.account.cash == Money("10197.7808"))
        #expect(system.market.engine.equity == Money("11815.6108"))
        #expect(ledger.account.highWaterMark == Money("11989.1868"))
        #expect(ledger.account.cash == system.market.engine.cash)
        #expect(ledger.deadLetters == 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `agents that die at their commits give the same trades`(seed: UInt64) throws {
        let undisturbed = try SimulatedSystem(bars: try SampleBars.folder(sessions: 260))
        try undisturbed.run()
        let disturbed = try SimulatedSystem(
            bars: try SampleBars.folder(sessions: 260),
            crashes: CrashPlan(seed: seed, meanCommits: 20)
        )
        try disturbed.run()
        #expect(disturbed.restarts > 100)
        let expected = try FinalLedger(undisturbed.store)
        let found = try FinalLedger(disturbed.store)
        #expect(found.trades == expected.trades)
        #expect(found.histories == expected.histories)
        #expect(found.account == expected.account)
        #expect(disturbed.market.submissions.values.allSatisfy { $0 == 1 }, "an order was sent twice")
    }

    @Test func `two replicas of every agent give the same trades`() throws {
        let single = try SimulatedSystem(bars: try SampleBars.folder(sessions: 260))
        try single.run()
        let double = try SimulatedSystem(
            bars: try SampleBars.folder(sessions: 260),
            crashes: CrashPlan(seed: 9, meanCommits: 40),
            replicas: 2
        )
        try double.run()
        #expect(try FinalLedger(double.store).trades == FinalLedger(single.store).trades)
        #expect(try FinalLedger(double.store).histories == FinalLedger(single.store).histories)
    }
}

enum SampleBars {
    static func folder(sessions: Int? = nil) throws -> BarFolder {
        let here = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let whole = try BarFolder(path: here + "/Services/BrokerSimulator/SampleBars")
        guard let sessions else { return whole }
        let files = zip(whole.symbols, whole.bars).compactMap { symbol, bars -> BarFile? in
            var text = BarFile.header + "\n"
            for bar in bars.prefix(sessions) {
                text +=
                    "\(NewYorkTime.date(of: bar.timestamp)),\(bar.open),\(bar.high),\(bar.low),\(bar.close),\(bar.volume)\n"
            }
            return symbol.rawValue == "FB" ? nil : try? BarFile(path: "\(symbol).csv", bytes: Array(text.utf8))
        }
        return try BarFolder(files: files)
    }
}

/// What the ledger says at the end.
struct FinalLedger {
    let trades: [Trade]
    let histories: [[Transition]]
    let account: Account
    let deadLetters: Int64

    init(_ store: InMemoryMessageStore) throws {
        let bus = InMemoryMessageBus(store: store)
        let keys = try bus.members(of: Decision.tradesSet).map { DocumentKey(rawValue: "trade:\($0)") }
        self.trades = try bus.load(keys).map { document in
            try Trade(json: try JSONValue(parsing: try #require(document).body))
        }
        self.histories = try keys.map { key in
            try bus.history(of: key).map { try Transition(json: try JSONValue(parsing: $0)) }
        }
        self.account = try Account(
            json: try JSONValue(parsing: try #require(try bus.load([Account.key]).first.flatMap { $0 }).body)
        )
        self.deadLetters = try bus.appendedCount(of: .deadLetter)
    }

    var closed: [Trade] { self.trades.filter { $0.state == .closed } }
    var cancelled: [Trade] { self.trades.filter { $0.state == .cancelled } }
    var open: [Trade] { self.trades.filter { !$0.state.isTerminal && $0.state != .scanning } }
}
