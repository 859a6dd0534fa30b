import ArgumentParser
import Glibc
package import TradingCore

/// What a command has found out or done, for people and for programs.
package protocol OperatorAnswer: JSONEncodable {
    /// Whole lines.
    var text: String { get }
    /// What the command's exit code says; nil if all is well.
    var problem: CommandFailure.Code? { get }
}

extension OperatorAnswer {
    package var problem: CommandFailure.Code? { nil }
}

/// The options that every command of an operator has.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON object and nothing else.")
    var json = false

    /// Runs a command and prints what it answers.
    func show(_ command: () throws -> any OperatorAnswer) throws {
        try CommandFailure.reporting {
            let answer = try command()
            // What others have written must not steer the terminal.
            try FileSystem.print(self.json ? JSONWriter.text(answer) + "\n" : Display.plain(answer.text))
            if let problem = answer.problem { throw ExitCode(problem.rawValue) }
        }
    }

    /// What the help of each command ends with.
    static let conventions = """
        Finds Redis by REDIS_URL and QUINTET_NAMESPACE, or by the file that QUINTET_CONFIG names, as the agents do.

        Exit codes: 0 fine, 1 a problem was found, 64 wrong usage, 66 no ledger there or nothing of that name in it, \
        69 Redis is not there, 75 asked for but not confirmed in time, 78 wrong configuration.
        """
}
