package import ArgumentParser
import TradingCore

/// `tradectl trade`
package struct TradeCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "trade",
        abstract: "Shows one trade: its record, its history and its orders.",
        discussion: """
            Example: tradectl trade MSFT-20090206T210000Z

            \(OutputOptions.conventions)
            """
    )

    @Argument(help: "The trade, as `tradectl trades` names it.", transform: CommandArguments.trade)
    var id: TradeID

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try TradeRecord(reading: try OperatorDesk(), self.id) }
    }
}
