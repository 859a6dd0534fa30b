import ArgumentParser
import TradeControl

@main
struct TradeControlCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tradectl",
        abstract: "Runs and looks after Quintet's trading agents.",
        subcommands: [ReplayCommand.self, HaltCommand.self, ResumeCommand.self, SchwabCommand.self]
    )
}
