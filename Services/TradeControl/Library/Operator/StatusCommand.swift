package import ArgumentParser

/// `tradectl status`
package struct StatusCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows the agents, the market, the account, and whether trading is halted.",
        discussion: """
            A process answers if it has asked Redis for work in the last ten seconds; one that has been silent for an \
            hour and owes nothing is forgotten when its agent next starts. UNREAD and PENDING count messages and broker \
            calls that wait for the agent or are in its hands; OLDEST is the age of the oldest pending one. A breaker \
            shows what it last told of itself; after a restart it is closed. Ends with code 1 if there is a problem, \
            such as an agent that does not run, a broker that \
            has not answered yet, an open breaker, shares without a stop, an order of unknown outcome, or a dead letter. A halt is \
            none.

            Example: tradectl status --json

            \(OutputOptions.conventions)
            """
    )

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show { try SystemStatus(reading: try OperatorDesk()) }
    }
}
