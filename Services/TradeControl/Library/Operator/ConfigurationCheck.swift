import AgentRuntime
import Glibc
package import TradingCore

/// What each agent says of the configuration it would start with.
package struct ConfigurationCheck: OperatorAnswer {
    package struct Verdict: Hashable, Sendable, JSONEncodable {
        package var agent: AgentName
        /// Nil if it would start.
        package var problem: String?

        package func write(to writer: inout JSONWriter) {
            writer.object {
                $0.field("agent", self.agent.rawValue)
                $0.field("accepted", self.problem == nil)
                $0.field("problem", self.problem)
            }
        }
    }

    package var verdicts: [Verdict]

    private static let patience = Duration.seconds(20)

    package init(programsIn folder: String, environment: [String: String]) throws {
        self.verdicts = []
        let reports = try FileSystem.temporaryFolder("quintet-config")
        defer { FileSystem.remove(reports) }
        for agent in AgentName.allCases {
            let program = "\(folder)/\(agent)"
            guard FileSystem.isExecutable(program) else {
                throw CommandFailure(
                    .unavailable,
                    "There is no program \(program): build it with `make build`, or name the folder that has it with "
                        + "--binaries."
                )
            }
            let report = "\(reports)/\(agent)"
            let process = try ChildProcess(
                program: program,
                arguments: [AgentProcess.checkOption],
                environment: environment,
                logFile: report
            )
            guard let end = Patience.wait(Self.patience, for: process.checkForEnd) else {
                process.send(SIGKILL)
                throw CommandFailure(.failed, "\(agent) has not read its configuration within \(Self.patience).")
            }
            let said = (FileSystem.text(of: report) ?? "").split(whereSeparator: \.isNewline).joined(separator: " ")
            let prefix = "\(agent): "
            let problem = said.hasPrefix(prefix) ? String(said.dropFirst(prefix.count)) : said
            self.verdicts.append(
                Verdict(agent: agent, problem: end == .exit(code: 0) ? nil : problem.isEmpty ? "\(end)" : problem)
            )
        }
    }

    package var problem: CommandFailure.Code? {
        self.verdicts.contains { $0.problem != nil } ? .badConfiguration : nil
    }

    /// Each problem once, with the agents that have it.
    package var text: String {
        var agents: [String: [String]] = [:]
        var problems: [String] = []
        for verdict in self.verdicts {
            guard let problem = verdict.problem else { continue }
            if agents[problem] == nil { problems.append(problem) }
            agents[problem, default: []].append(verdict.agent.rawValue)
        }
        guard !problems.isEmpty else { return "Every agent accepts its configuration.\n" }
        return problems.map { problem in
            let those = agents[problem] ?? []
            let who = those.count == self.verdicts.count ? "every agent" : those.joined(separator: ", ")
            return "\(problem)\n    refused by \(who)\n"
        }.joined()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { $0.field("agents", self.verdicts) }
    }
}
