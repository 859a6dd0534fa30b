package import ArgumentParser
import Glibc
import TradingCore

/// `tradectl flatten`
package struct FlattenCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "flatten",
        abstract: "Sells what is held and takes entries back: of one symbol, or everything.",
        discussion: """
            By way of the agents: each position keeps its stop until its sale, at the market, is sent; in a closed \
            market that is at the next open. Asks first; without a terminal it wants --yes. Entries go on afterwards: \
            `tradectl halt` before keeps the strategy from buying again. Waits up to 20 s until every trade is on its \
            way out.

            Example: tradectl flatten AAPL

            \(OutputOptions.conventions)
            """
    )

    @Argument(help: "The symbol.", transform: CommandArguments.symbol)
    var symbol: Symbol?

    @Flag(help: "Everything.")
    var all = false

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var output: OutputOptions

    package init() {}

    package func validate() throws {
        guard self.all != (self.symbol != nil) else { throw ValidationError("name a symbol, or --all") }
        guard self.yes || isatty(STDIN_FILENO) == 1 else {
            throw ValidationError("there is no terminal to ask on: say --yes")
        }
    }

    package func run() throws {
        try self.output.show {
            let desk = try OperatorDesk()
            let trades = try desk.tradesToFlatten(self.symbol)
            if !trades.isEmpty, !self.yes { try Self.ask(about: trades) }
            return try desk.flatten(trades.map(\.id))
        }
    }

    /// - Throws: `CommandFailure` unless the answer is yes.
    private static func ask(about trades: [Trade]) throws(CommandFailure) {
        var table = TextTable(.left("TRADE"), .left("STATE"), .right("SHARES HELD"))
        for trade in trades { table.add(trade.id.rawValue, trade.state.rawValue, "\(trade.heldQuantity)") }
        let question = "Sell these at the market, and take back what is not filled? [y/N] "
        FileSystem.write(table.text + question, to: STDERR_FILENO)
        guard ["y", "yes"].contains(readLine()?.lowercased()) else {
            throw CommandFailure(.failed, "Nothing was done.")
        }
    }
}
