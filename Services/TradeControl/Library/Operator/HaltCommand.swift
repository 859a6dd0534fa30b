package import ArgumentParser

/// `tradectl halt`
package struct HaltCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "halt",
        abstract: "Stops all entries, everywhere and until `tradectl resume`; stops and exits go on.",
        discussion: """
            Returns once no entry order can reach the broker any more, whatever was approved or under way and whatever \
            is restarted. After 20 s without that certainty it says which request may still be under way and ends with \
            code 75. Orders that the broker already has are listed; `tradectl cancel` takes them back.

            Example: tradectl halt --reason "data looks wrong"

            \(OutputOptions.conventions)
            """
    )

    @Option(help: ArgumentHelp("Why, for whoever looks later.", valueName: "text"))
    var reason = "no reason given"

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try OperatorDesk().halt(by: OperatorName.current(), reason: self.reason) }
    }
}
