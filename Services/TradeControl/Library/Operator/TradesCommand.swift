package import ArgumentParser
import TradingCore

/// `tradectl trades`
package struct TradesCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "trades",
        abstract: "Lists trades, the newest first.",
        discussion: """
            With neither --open nor --closed all are listed, also those that Risk refused or whose entry came to \
            nothing. Times are the market's.

            Example: tradectl trades --closed --symbol AAPL --limit 5

            \(OutputOptions.conventions)
            """
    )

    @Flag(help: "Only those approved and not ended.")
    var open = false

    @Flag(help: "Only those that were filled and sold.")
    var closed = false

    @Option(help: "Only those in this symbol.", transform: CommandArguments.symbol)
    var symbol: Symbol?

    @Option(help: ArgumentHelp("At most so many.", valueName: "count"))
    var limit = 20

    @OptionGroup var output: OutputOptions

    package init() {}

    package func validate() throws {
        if self.open, self.closed { throw ValidationError("--open and --closed exclude each other") }
        guard self.limit > 0 else { throw ValidationError("--limit takes a number from 1 up") }
    }

    package func run() throws {
        let phase: TradeList.Phase? = self.open ? .open : self.closed ? .closed : nil
        try self.output.show {
            try TradeList(reading: try OperatorDesk(), phase, symbol: self.symbol, limit: self.limit)
        }
    }
}
