package import ArgumentParser

/// `tradectl positions`
package struct PositionsCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "positions",
        abstract: "Lists what is held, with stop, target, last quote and unrealised P&L.",
        discussion: """
            STOP says NONE where the broker has no stop for the shares; P&L is what selling at the bid would make of \
            the trade.

            Example: tradectl positions

            \(OutputOptions.conventions)
            """
    )

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try PositionList(reading: try OperatorDesk()) }
    }
}
