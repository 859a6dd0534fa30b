import Glibc
import TestSupport
import TradingCore

/// One call of `tradectl` for a system that runs.
struct Tradectl {
    /// Of the system's Redis.
    let redisURL: String
    var environment: [String: String] = [:]

    struct Outcome {
        let end: ChildProgram.End
        /// What it printed, errors too.
        let text: String
    }

    /// For a fleet, as its user `tradectl`.
    init(_ fleet: ProcessFleet) throws {
        self.environment = try fleet.redisSettings(of: "tradectl")
        self.redisURL = self.environment["REDIS_URL"] ?? ""
    }

    init(_ run: ReplayRunner) async throws {
        self.redisURL = try await run.address(of: "redis")
    }

    func run(_ arguments: [String], within limit: Duration = .seconds(40)) async throws -> Outcome {
        let folder = try TemporaryFolder()
        let output = folder.path + "/output"
        let program = try ChildProgram(
            try Programs.path(of: "tradectl"),
            arguments,
            environment: Programs.environment(["REDIS_URL": self.redisURL].merging(self.environment) { $1 }),
            output: output
        )
        let end = try await program.ended(within: limit)
        return Outcome(end: end, text: Files.text(output) ?? "")
    }

    /// At a terminal, where somebody types `text`.
    func run(_ arguments: [String], typing text: String) async throws -> Outcome {
        let folder = try TemporaryFolder()
        let (input, output) = (folder.path + "/input", folder.path + "/output")
        try folder.write(text, to: "input")
        let words = [try Programs.path(of: "tradectl")] + arguments
        let program = try ChildProgram(
            "/usr/bin/script",
            ["-qec", words.joined(separator: " "), "/dev/null"],
            environment: Programs.environment(["REDIS_URL": self.redisURL].merging(self.environment) { $1 }),
            input: input,
            output: output
        )
        let end = try await program.ended(within: .seconds(40))
        return Outcome(end: end, text: Files.text(output) ?? "")
    }

    /// What a command prints for people.
    func text(_ arguments: String..., endingWith code: Int32 = 0) async throws -> String {
        let outcome = try await self.run(arguments)
        guard outcome.end == .exit(code) else {
            throw TestFailure("tradectl \(arguments) ended with \(outcome.end): \(outcome.text)")
        }
        return outcome.text
    }

    /// What a command prints for programs: one object and nothing else.
    func json(_ arguments: String..., endingWith code: Int32 = 0) async throws -> JSONValue {
        let outcome = try await self.run(arguments + ["--json"])
        guard outcome.end == .exit(code), outcome.text.hasPrefix("{"), outcome.text.hasSuffix("}\n") else {
            throw TestFailure("tradectl \(arguments) ended with \(outcome.end): \(outcome.text)")
        }
        return try JSONValue(parsing: Array(outcome.text.utf8))
    }
}
