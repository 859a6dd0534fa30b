package import ArgumentParser
import Glibc
import TradingCore

/// `tradectl journal`
package struct JournalCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "The audit journal: every event, every step of every trade and every call to the broker.",
        subcommands: [Export.self]
    )

    package init() {}

    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the journal's entries in order, one JSON object a line.",
            discussion: """
                An entry is one commit: who made it and when, what message caused it, what it said (messages), the \
                trades as it left them (documents, with the steps taken), and what its trace is made of beside that \
                (handling, and spans). Calls to the broker that belong to no one trade, such as for the time, are \
                told by their spans alone.

                Example: tradectl journal export --trade MSFT-20090206T210000Z > trade.jsonl

                \(OutputOptions.conventions)
                """
        )

        @Option(help: "Only the entries about this trade.", transform: CommandArguments.trade)
        var trade: TradeID?

        @Flag(help: "Changes nothing: the output is always JSON.")
        var json = false

        func run() throws {
            try CommandFailure.reporting {
                try JournalReader(try OperatorDesk().bus).forEach(
                    in: StreamName.journals,
                    holding: self.trade?.rawValue
                ) { _, bytes in
                    guard try FileSystem.print(String(decoding: bytes, as: UTF8.self) + "\n") else {
                        throw ExitCode.success
                    }
                }
            }
        }
    }
}
