package import TradingCore

/// How a replay stands at one moment.
package struct ReplayProgress {
    /// Nil until the simulator has answered.
    package var status: SimulatorStatus?
    /// As the ledger had it last; nil before an agent has written it.
    package var account: Account?
    package var processes: [Supervisor.Status] = []
    package var elapsed: Duration = .zero
    /// How long the replay has not moved.
    package var standstill: Duration = .zero

    package init() {}

    /// One line for logs and pipes.
    package var line: String {
        var parts = ["\(Display.duration(self.elapsed)):", self.place]
        if let figures = self.figures { parts.append(figures) }
        let restarts = self.processes.reduce(0) { $0 + $1.restarts }
        if restarts > 0 { parts.append(Display.count(restarts, "restart")) }
        if let stillness = self.stillness { parts.append(stillness) }
        return parts.joined(separator: "  ")
    }

    /// As many lines as fit on a terminal of that size while the cursor is below them; the important ones come first.
    package func block(width: Int, height: Int) -> [String] {
        var lines = ["\(self.place)  \(Display.duration(self.elapsed))"]
        lines.append([self.figures, self.stillness].compactMap { $0 }.joined(separator: "  "))
        lines.append(self.bar(width: min(width, 100) - 1))
        for process in self.processes {
            // An agent is at work well within a second of its start.
            let state = process.age < .seconds(1) ? (process.restarts > 0 ? "restarting" : "starting") : "up"
            let restarts = process.restarts > 0 ? "  \(Display.count(process.restarts, "restart"))" : ""
            lines.append("  \(Self.padded(process.name, to: 28))\(Self.padded(state, to: 10))\(restarts)")
        }
        return lines.prefix(height - 1).map { String($0.prefix(width - 1)) }
    }

    private var place: String {
        guard let status = self.status, status.session > 0 else { return "starting" }
        return "\(NewYorkTime.date(of: status.time))  session \(status.session)/\(status.sessions)"
    }

    private var figures: String? {
        guard let account = self.account else { return nil }
        return "\(Display.count(account.openTrades.count, "open trade"))  cash \(Display.dollars(account.cash))  "
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
