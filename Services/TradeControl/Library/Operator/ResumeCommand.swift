package import ArgumentParser

/// `tradectl resume`
package struct ResumeCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Lets entries go on after a halt or a stop for drawdown.",
        discussion: """
            After a stop for drawdown, falls are measured anew from the equity there is now.

            Example: tradectl resume

            \(OutputOptions.conventions)
            """
    )

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try OperatorDesk().resume() }
    }
}
