package import ArgumentParser
import TradingCore

/// `tradectl trace`
package struct TraceCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Tells one trade's story: each step with its agent, when it began and how long it took.",
        discussion: """
            Reads the journal; no trace collector is needed.

            Example: tradectl trace MSFT-20090206T210000Z

            \(OutputOptions.conventions)
            """
    )

    @Argument(help: "The trade, as `tradectl trades` names it.", transform: CommandArguments.trade)
    var id: TradeID

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try TraceStory(reading: try OperatorDesk(), self.id) }
    }
}
