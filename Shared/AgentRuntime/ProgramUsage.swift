import Glibc
package import TradingCore

/// What a program says that takes its settings from environment and file, and no arguments.
package struct ProgramUsage: Sendable {
    package let program: String
    /// What it is and where its settings are listed.
    package let text: String
    /// The arguments it understands beside `--help`, one at a time.
    private let options: [String]

    package init(program: String, text: String, options: [String] = []) {
        self.program = program
        self.text = text
        self.options = options
    }

    package init(agent: AgentName, defaultHTTPPort: Int) {
        self.init(
            program: agent.rawValue,
            text: """
                \(agent): one of Quintet's five agents. It \(agent.task).

                It takes no arguments but \(AgentProcess.checkOption), which reads its settings, says what is
                wrong with them and ends, and \(HealthQuestion.option), which asks the one that runs here whether it
                is ready and ends with 0 if it is. Settings come from the environment, or from the YAML file that
                QUINTET_CONFIG names: README.md lists them, and Shared/Brokerage/README.md those that concern the
                broker, with how to start all five agents. It answers /readyz, /livez and /metrics on HTTP_PORT,
                \(defaultHTTPPort) unless set.

                """,
            options: [AgentProcess.checkOption, HealthQuestion.option]
        )
    }

    /// What to print, and the code to end with: 0 for `-h` and `--help`, 64 for any other argument; nil to go on.
    package func answer(to arguments: some Sequence<String>) -> (text: String, code: Int32)? {
        var arguments = arguments.makeIterator()
        guard let first = arguments.next() else { return nil }
        guard first != "-h", first != "--help" else { return (self.text, 0) }
        let rest = arguments.next()
        if rest == nil, self.options.contains(first) { return nil }
        let strange = String(reflecting: self.options.contains(first) ? rest ?? first : first)
        return (
            "\(self.program): it takes no such argument as \(strange); `\(self.program) --help` "
                + "says what it takes and where its settings come from\n",
            64
        )
    }

    /// Ends the process if it was given arguments.
    package func endIfAsked() {
        guard let (text, code) = self.answer(to: CommandLine.arguments.dropFirst()) else { return }
        var bytes = Array(text.utf8)
        _ = write(code == 0 ? STDOUT_FILENO : STDERR_FILENO, &bytes, bytes.count)
        exit(code)
    }
}

extension AgentName {
    fileprivate var task: String {
        switch self {
        case .marketData: "publishes the broker's quotes and bars, openings and closings"
        case .strategy: "looks for entries in completed bars, and says when a position has been held long enough"
        case .riskManagement: "sizes entries, and approves or refuses them"
        case .orderExecution: "sends entries and exits to the broker, and books fills"
        case .positionManagement: "places stops, watches targets and reckons the profit"
        }
    }
}
