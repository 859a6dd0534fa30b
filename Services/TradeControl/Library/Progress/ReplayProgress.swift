import TradingCore

/// How a replay stands at one moment.
struct ReplayProgress {
    /// Nil until the simulator has answered.
    var status: SimulatorStatus?
    /// As the ledger had it last; nil before an agent has written it.
    var account: Account?
    var processes: [Supervisor.Status] = []
    var elapsed: Duration = .zero
    /// How long the replay has not moved.
    var standstill: Duration = .zero

    /// One line for logs and pipes.
    var line: String {
        var parts = ["\(Display.duration(self.elapsed)):", self.place]
        if let figures = self.figures { parts.append(figures) }
        let restarts = self.processes.reduce(0) { $0 + $1.restarts }
        if restarts > 0 { parts.append("\(restarts) restarts") }
        if let stillness = self.stillness { parts.append(stillness) }
        return parts.joined(separator: "  ")
    }

    /// Several lines for a terminal that is `width` characters wide.
    func block(width: Int) -> [String] {
        var lines = ["\(self.place)  \(Display.duration(self.elapsed))", self.bar(width: min(width, 100) - 1)]
        lines.append([self.figures, self.stillness].compactMap { $0 }.joined(separator: "  "))
        for process in self.processes {
            // An agent is at work well within a second of its start.
            let state = process.age < .seconds(1) ? (process.restarts > 0 ? "restarting" : "starting") : "up"
            let restarts = process.restarts > 0 ? "  \(process.restarts) restarts" : ""
            lines.append("  \(Self.padded(process.name, to: 28))\(Self.padded(state, to: 10))\(restarts)")
        }
        return lines.map { String($0.prefix(width - 1)) }
    }

    private var place: String {
        guard let status = self.status, status.session > 0 else { return "starting" }
        return "\(NewYorkTime.date(of: status.time))  session \(status.session)/\(status.sessions)"
    }

    private var figures: String? {
        guard let account = self.account else { return nil }
        return "\(account.openTrades.count) open trades  cash \(Display.dollars(account.cash))  "
            + "equity \(Display.dollars(account.equity))"
    }

    /// Nil while the replay moves.
    private var stillness: String? {
        guard self.standstill >= .seconds(2), let waitingFor = self.status?.waitingFor else { return nil }
        return "waiting for \(waitingFor) for \(Display.duration(self.standstill))"
    }

    private func bar(width: Int) -> String {
        guard let status = self.status, status.sessions > 0 else { return "" }
        let length = max(width, 10)
        let done = min(length, length * status.session / status.sessions)
        return String(repeating: "█", count: done) + String(repeating: "░", count: length - done)
    }

    private static func padded(_ text: String, to width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
