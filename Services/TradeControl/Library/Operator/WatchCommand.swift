package import ArgumentParser
import Glibc
import MessageBus
import TradingCore

/// `tradectl watch`
package struct WatchCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Follows what the agents do, live: every step of every trade, every event, every call that failed.",
        discussion: """
            Reads the journal and touches nothing. Begins with the last such entries there are, goes on until Ctrl-C, and \
            outlasts a restart of Redis. The first column is the wall clock's time in UTC, the second the market's.

            Example: tradectl watch --symbol AAPL

            With --json it prints the entries that tell of these as `tradectl journal export` does, one a line.

            \(OutputOptions.conventions)
            """
    )

    @Option(help: "Only what is about this trade.", transform: CommandArguments.trade)
    var trade: TradeID?

    @Option(help: "Only what is about this symbol's trades.", transform: CommandArguments.symbol)
    var symbol: Symbol?

    @Option(help: ArgumentHelp("How many of such entries that are already there are shown first.", valueName: "count"))
    var last = 10

    @Option(name: .customLong("for"), help: ArgumentHelp("End after so many seconds.", valueName: "seconds"))
    var seconds: Int?

    @Flag(help: "Print the entries as they are, one JSON object a line.")
    var json = false

    package init() {}

    package func validate() throws {
        guard (0...1000).contains(self.last) else { throw ValidationError("--last takes 0 to 1000") }
        guard self.seconds.map({ (1...86_400).contains($0) }) ?? true else {
            throw ValidationError("--for takes 1 to 86400 seconds")
        }
    }

    package func run() throws {
        try CommandFailure.reporting {
            let desk = try OperatorDesk()
            let deadline = self.seconds.map { ContinuousClock.now + .seconds($0) }
            // An entry at a time: its id is where the next look goes on.
            var cursor = try desk.bus.tail(of: .journal, limit: 1).first?.id
            for entry in try self.past(desk.bus, upTo: cursor) {
                guard try self.show(entry) else { return }
            }
            var isAway = false
            while deadline.map({ ContinuousClock.now < $0 }) ?? true {
                do {
                    let entries = try desk.bus.entries(of: .journal, after: cursor, limit: Self.portion)
                    if isAway { Self.remark("Redis is back.") }
                    isAway = false
                    for entry in entries {
                        guard try self.show(entry) else { return }
                        cursor = entry.id
                    }
                    guard entries.isEmpty else { continue }
                } catch let error as MessageBusError where error.code == .unreachable {
                    if !isAway { Self.remark("\(error) Waiting for it.") }
                    isAway = true
                }
                // Until there may be news; a person reads it.
                _ = poll(nil, 0, Self.interval)
            }
        }
    }

    /// The last of those up to `newest` that are about what was asked for.
    private func past(_ bus: RedisMessageBus, upTo newest: String?) throws -> [(id: String, body: [UInt8])] {
        guard let newest, self.last > 0 else { return [] }
        guard let wanted = self.trade?.rawValue ?? self.symbol?.rawValue else {
            return try bus.tail(of: .journal, limit: self.last)
        }
        var found: [(id: String, body: [UInt8])] = []
        try JournalReader(bus).forEach(holding: wanted) { id, body in
            guard StreamPosition(id) <= StreamPosition(newest), !self.lines(of: (id, body)).isEmpty else { return }
            if found.count == self.last { found.removeFirst() }
            found.append((id, body))
        }
        return found
    }

    /// Those about what was asked for.
    private func lines(of entry: (id: String, body: [UInt8])) -> [JournalLine] {
        let told = JournalReader.read(entry.body, entry.id) { try JournalLine.lines(of: $0) } ?? []
        return told.filter { line in
            (self.trade.map { line.trade == $0 } ?? true) && (self.symbol.map { line.isAbout($0) } ?? true)
        }
    }

    /// False once nobody reads any more.
    private func show(_ entry: (id: String, body: [UInt8])) throws -> Bool {
        let lines = self.lines(of: entry)
        guard !lines.isEmpty else { return true }
        let text = self.json ? String(decoding: entry.body, as: UTF8.self) + "\n" : lines.map(\.text).joined()
        return try FileSystem.print(text)
    }

    private static func remark(_ text: String) { FileSystem.write("tradectl: \(text)\n", to: STDERR_FILENO) }

    private static let portion = 64
    /// In milliseconds.
    private static let interval: Int32 = 200
}
