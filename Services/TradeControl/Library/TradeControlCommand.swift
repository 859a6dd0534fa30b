package import ArgumentParser

/// `tradectl`
package struct TradeControlCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "tradectl",
        abstract: "Runs and looks after Quintet's trading agents.",
        subcommands: [
            ReplayCommand.self, ReportCommand.self, StatusCommand.self, TradesCommand.self, TradeCommand.self,
            TraceCommand.self, WatchCommand.self, PositionsCommand.self, JournalCommand.self,
            HaltCommand.self, ResumeCommand.self, FlattenCommand.self, CancelCommand.self, DeadLettersCommand.self,
            ConfigCommand.self, DoctorCommand.self, RedisAccessCommand.self, SchwabCommand.self,
        ]
    )

    package init() {}
}
