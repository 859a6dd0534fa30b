import AgentRuntime
package import ArgumentParser

/// `tradectl doctor`
package struct DoctorCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examines what the agents stand on: Redis, its persistence, the clocks, the ledger, the broker, "
            + "the trace collector.",
        discussion: """
            Changes nothing. Of the broker it asks whose account it is, if its keys are configured. What it cannot find \
            out it marks with a question mark; only a problem leads to code 1.

            Example: tradectl doctor

            \(OutputOptions.conventions)
            """
    )

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show {
            let settings = try Settings()
            return try Examination(settings, place: try RedisPlace(settings))
        }
    }
}
