import AgentRuntime
import MessageBus
package import TradingCore

/// How the agents and the account are doing, as far as Redis knows.
package struct SystemStatus: OperatorAnswer {
    package struct Agent: Hashable, Sendable, JSONEncodable {
        package struct Replica: Hashable, Sendable, JSONEncodable {
            package var instance: String
            /// How long ago it last asked Redis for anything. A running one asks every two seconds.
            package var idle: Duration
            /// When that was.
            package var lastSeen: Timestamp

            package var answers: Bool { self.idle < .seconds(10) }

            package func write(to writer: inout JSONWriter) {
                writer.object {
                    $0.field("instance", self.instance)
                    $0.field("answers", self.answers)
                    $0.field("idle_ms", self.idle.inMilliseconds)
                    $0.field("last_seen", self.lastSeen)
                }
            }
        }

        package var name: AgentName
        package var replicas: [Replica] = []
        /// Messages and calls never handed to the agent.
        package var unread = 0
        /// Those it was handed and has not dealt with.
        package var pending = 0
        /// How long the oldest of these has been there.
        package var oldestPending: Duration?

        package func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("agent", self.name.rawValue)
                $0.field("replicas", self.replicas)
                $0.field("unread", self.unread)
                $0.field("pending", self.pending)
                $0.field("oldest_pending_ms", self.oldestPending?.inMilliseconds)
            }
        }
    }

    package var agents: [Agent]
    /// The last that each breaker has told of itself, by its name.
    package var breakers: [(at: Timestamp, change: BreakerChange)]
    package var market: MarketClock?
    package var account: Account?
    /// By the last quotes; nil while one is missing.
    package var equity: Money?
    /// In the order of their ids, also those that cannot be read.
    package var openTrades: [TradeID]
    /// Of these, those that have held shares without a stop or a sale under way for `timeForCover`.
    package private(set) var uncovered: [Trade]
    /// Sent, and nobody knows yet what became of them.
    package private(set) var unknownOrders: [ClientOrderID]
    package var halt: TradingHalt?
    /// What of the account and its trades cannot be read, and what that means. Whole sentences.
    package var unreadable: [String]
    /// Account or market have not been read from the broker yet.
    private let isUnread: Bool
    /// Counted up to 1000.
    package var deadLetters: Int

    private static let timeForCover = Duration.seconds(3)

    /// Looks for up to three seconds where shares are without a stop.
    package init(reading desk: OperatorDesk) throws {
        let now = try desk.bus.time()
        self.agents = try AgentName.allCases.map { try Self.agent($0, desk.bus, now: now) }
        var last: [String: (at: Timestamp, change: BreakerChange)] = [:]
        for (id, body) in try desk.bus.tail(of: EventName.breakerStateChanged.stream, limit: 1000) {
            if let message = try? Message(decoding: body), case .breakerStateChanged(let change) = message.body {
                last[change.breaker] = (StreamPosition(id).time, change)
            }
        }
        self.breakers = last.sorted { $0.key < $1.key }.map(\.value)
        var unreadable: [String] = []
        /// What cannot be read hides nothing else: on such a day the rest counts most.
        func readable<Value>(_ read: () throws -> Value?) throws -> Value? {
            do {
                return try read()
            } catch let failure as CommandFailure {
                unreadable.append(failure.description)
                return nil
            }
        }
        self.market = try readable { try desk.marketClock() }
        let account = try readable { try desk.account() }
        self.account = account
        self.openTrades = account?.openTrades.keys.sorted() ?? []
        self.isUnread = unreadable.isEmpty && (account == nil || self.market == nil)
        let open = try desk.openTrades(in: account)
        for trade in open.unreadable {
            unreadable.append("\(trade.id) is open, and its shares may be without a stop. \(trade.reason)")
        }
        // A stop takes a moment from the fill to the broker, and so does the sale that takes its place.
        var uncovered = open.trades.filter { $0.uncoveredQuantity > .zero }
        _ = try Patience.wait(uncovered.isEmpty ? .zero : Self.timeForCover) {
            uncovered = try uncovered.compactMap { try desk.trade($0.id) }.filter { $0.uncoveredQuantity > .zero }
            return uncovered.isEmpty ? true : nil
        }
        self.uncovered = uncovered
        self.unknownOrders = open.trades.flatMap(\.orders).filter { $0.state == .unknown }.map(\.id)
        self.halt = try desk.haltInForce()
        self.deadLetters = try desk.bus.tail(of: .deadLetter, limit: 1000).count
        if let account {
            let prices = try desk.quotes(of: account.positions.keys).mapValues(\.bid)
            self.equity = try RiskRules.equity(of: account, prices: prices)
        }
        self.unreadable = unreadable
    }

    private static func agent(_ name: AgentName, _ bus: RedisMessageBus, now: Timestamp) throws -> Agent {
        var agent = Agent(name: name)
        var idle: [String: Duration] = [:]
        for stream in name.allStreams {
            for group in try bus.groups(on: stream) where group.name == name.rawValue {
                agent.unread += group.unread
                agent.pending += group.pending
                if let oldest = group.oldestPendingTime {
                    agent.oldestPending = max(agent.oldestPending ?? .zero, now - oldest)
                }
                // A broker lane goes on asking while the thread that decides hangs.
                for consumer in group.consumers where name.inputStreams.contains(stream) {
                    idle[consumer.name] = min(idle[consumer.name] ?? consumer.idle, consumer.idle)
                }
            }
        }
        agent.replicas = idle.sorted { $0.key < $1.key }.map {
            .init(instance: $0.key, idle: $0.value, lastSeen: now - $0.value)
        }
        return agent
    }

    // MARK: What it says

    /// Each a line that says what is the matter.
    package var problems: [String] {
        var problems: [String] = []
        for agent in self.agents where !agent.replicas.contains(where: \.answers) {
            let last = agent.replicas.map(\.idle).min().map {
                "; its last process was seen \(Display.duration($0)) ago"
            }
            problems.append("\(agent.name) does not run\(last ?? "")")
        }
        problems += self.unreadable
        if self.isUnread {
            problems.append(
                "\(self.account == nil ? "the account" : "the market's time") has not been read from the broker yet: the "
                    + "agents' logs and `tradectl doctor` say why"
            )
        }
        for (at, change) in self.breakers where change.to == .open {
            problems.append(
                "breaker \(change.breaker) was open when it last told of itself, at \(at): \(change.reason)"
            )
        }
        for (symbol, reason) in (self.account?.frozenSymbols ?? [:]).sorted(by: { $0.key < $1.key }) {
            problems.append("\(symbol) takes no entries: \(reason)")
        }
        for trade in self.uncovered {
            problems.append(
                "\(trade.id) holds \(trade.uncoveredQuantity) shares without a stop or a sale at the broker"
            )
        }
        for order in self.unknownOrders {
            problems.append("nobody knows yet what became of \(order): the agents go on asking the broker")
        }
        if let skew = self.market?.clockSkew {
            problems.append("the agents' clock and the broker's differ by \(skew) ms")
        }
        if self.deadLetters > 0 {
            problems.append("\(Display.count(self.deadLetters, "dead letter")): see `tradectl deadletters list`")
        }
        return problems
    }

    package var problem: CommandFailure.Code? { self.problems.isEmpty ? nil : .failed }

    private var drawdown: Rate? {
        guard let account, let equity else { return nil }
        return RiskRules.drawdown(of: equity, from: account.highWaterMark)
    }

    package var text: String {
        var agents = TextTable(
            .left("AGENT"),
            .left("PROCESS"),
            .left("ANSWERS"),
            .right("UNREAD"),
            .right("PENDING"),
            .right("OLDEST")
        )
        for agent in self.agents {
            let load = (
                "\(agent.unread)", "\(agent.pending)", agent.oldestPending.map { "\($0.inMilliseconds) ms" } ?? "-"
            )
            if agent.replicas.isEmpty { agents.add(agent.name.rawValue, "-", "no", load.0, load.1, load.2) }
            for (index, replica) in agent.replicas.enumerated() {
                let answers = replica.answers ? "yes" : "no, since \(Timestamp(seconds: replica.lastSeen.seconds))"
                if index == 0 {
                    agents.add(agent.name.rawValue, replica.instance, answers, load.0, load.1, load.2)
                } else {
                    agents.add("", replica.instance, answers, "", "", "")
                }
            }
        }
        var facts = TextTable(.left("ACCOUNT"), .left(""))
        self.addFacts(to: &facts)
        var text = agents.text + "\n" + facts.text
        if !self.breakers.isEmpty {
            var table = TextTable(.left("BREAKER"), .left("LAST TOLD"), .left("AT"), .left("REASON"))
            for (at, change) in self.breakers {
                table.add(change.breaker, change.to.rawValue, "\(at)", change.reason)
            }
            text += "\n" + table.text
        }
        let problems = self.problems
        if !problems.isEmpty { text += "\nPROBLEMS\n" + problems.map { "\($0)\n" }.joined() }
        return text
    }

    private func addFacts(to facts: inout TextTable) {
        facts.add("trading", self.halt.map { "HALTED by \($0.by) since \($0.since): \($0.reason)" } ?? "not halted")
        if let stopped = self.account?.entriesStopped { facts.add("entries", "STOPPED: \(stopped)") }
        if let market {
            let state = market.isOpen.map { $0 ? "open" : "closed" } ?? "not known yet"
            let next = market.nextBoundary.map { ", next \(market.isOpen == true ? "close" : "open") \($0)" } ?? ""
            facts.add("market", "\(state) since \(market.lastBoundary)\(next)")
        } else {
            facts.add("market", "not known yet")
        }
        guard let account else {
            return facts.add("account", self.isUnread ? "not read from the broker yet" : "cannot be read")
        }
        facts.add("cash", Display.dollars(account.cash))
        if account.reservedCash != .zero { facts.add("reserved", Display.dollars(account.reservedCash)) }
        facts.add("equity", self.equity.map(Display.dollars) ?? "unknown: a held symbol has no quote")
        facts.add("high-water mark", Display.dollars(account.highWaterMark))
        facts.add("drawdown", self.drawdown.map(Display.percent) ?? "unknown")
        facts.add("open trades", "\(self.openTrades.count)")
        let frozen = account.frozenSymbols.keys.sorted().map(\.rawValue).joined(separator: ", ")
        facts.add("frozen symbols", frozen.isEmpty ? "none" : frozen)
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.field("problems", self.problems)
            writer.field("halt", self.halt)
            writer.field("agents", self.agents)
            writer.field("breakers", self.breakers.map { ToldBreaker(at: $0.at, change: $0.change) })
            if let market {
                writer.object("market") {
                    $0.field("open", market.isOpen)
                    $0.field("last_boundary", market.lastBoundary)
                    $0.field("next_boundary", market.nextBoundary)
                    $0.field("clock_skew_ms", market.clockSkew)
                }
            }
            if let account {
                writer.object("account") {
                    $0.field("cash", account.cash)
                    $0.field("reserved", account.reservedCash)
                    $0.field("equity", self.equity)
                    $0.field("high_water_mark", account.highWaterMark)
                    $0.field("drawdown", self.drawdown)
                    $0.field("entries_stopped", account.entriesStopped)
                    $0.field("open_trades", self.openTrades)
                    $0.field(
                        "frozen_symbols",
                        account.frozenSymbols.sorted { $0.key < $1.key }.map(SymbolReason.init)
                    )
                }
            }
            writer.field("dead_letters", self.deadLetters)
        }
    }

    private struct ToldBreaker: JSONEncodable {
        let at: Timestamp
        let change: BreakerChange

        func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("breaker", self.change.breaker)
                $0.field("state", self.change.to)
                $0.field("told_at", self.at)
                $0.field("reason", self.change.reason)
            }
        }
    }
}
