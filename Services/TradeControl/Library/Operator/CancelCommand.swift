package import ArgumentParser
import TradingCore

/// `tradectl cancel`
package struct CancelCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "cancel",
        abstract: "Takes an entry order back.",
        discussion: """
            By way of the agents: what has filled until then becomes a position with its stop. Stops and exits are not \
            taken back. Waits up to 15 s for the order's end. An entry that was given up while its request may have \
            been under way, or that the broker did not have, may still turn up there: code 75 until that is certain.

            Example: tradectl cancel MSFT-20090206T210000Z-entry-1

            \(OutputOptions.conventions)
            """
    )

    @Argument(help: "The order, as `tradectl trade` names it.", transform: CommandArguments.order)
    var order: ClientOrderID

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try OperatorDesk().cancel(self.order) }
    }
}
