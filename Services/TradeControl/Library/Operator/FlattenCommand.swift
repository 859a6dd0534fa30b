import AgentRuntime
package import ArgumentParser
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
            way out. A trade that cannot be read is named, and keeps no other from being sold.

            Example: tradectl flatten AAPL

            \(OutputOptions.conventions)
            """
    )

    @Argument(help: "The symbol.", transform: CommandArguments.symbol)
    var symbol: Symbol?

    @Flag(help: "Everything.")
    var all = false

    @OptionGroup var confirmation: ConfirmationOptions

    @OptionGroup var output: OutputOptions

    package init() {}

    package func validate() throws {
        guard self.all != (self.symbol != nil) else { throw ValidationError("name a symbol, or say --all") }
    }

    package func run() throws {
        try self.output.show {
            let desk = try OperatorDesk()
            let found = try desk.tradesToFlatten(self.symbol)
            let others = try desk.openSymbols().map(\.rawValue).joined(separator: ", ")
            if found == StoredTrades(), let symbol, !others.isEmpty {
                // A misspelt one would look sold.
                throw CommandFailure(.notFound, "No trade is open in \(symbol); there are in \(others).")
            }
            if !found.trades.isEmpty {
                try self.confirmation.ask(
                    "Sell these at the market, and take back what is not filled?",
                    about: Self.table(of: found.trades)
                )
            }
            return try desk.flatten(found.trades.map(\.id), unreadable: found.unreadable)
        }
    }

    private static func table(of trades: [Trade]) -> String {
        var table = TextTable(.left("TRADE"), .left("STATE"), .right("SHARES HELD"))
        for trade in trades { table.add(trade.id.rawValue, trade.state.rawValue, "\(trade.heldQuantity)") }
        return table.text
    }
}
