package import ArgumentParser

/// `tradectl deadletters`
package struct DeadLettersCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "deadletters",
        abstract: "Lists, shows, replays and discards the messages that no agent could handle.",
        discussion: """
            Example: tradectl deadletters list
            """,
        subcommands: [List.self, Show.self, Replay.self, Discard.self]
    )

    package init() {}

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists them, the newest last.",
            discussion: """
                Example: tradectl deadletters list --limit 5

                \(OutputOptions.conventions)
                """
        )

        @Option(help: ArgumentHelp("At most so many, the newest.", valueName: "count"))
        var limit = 50

        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard self.limit > 0 else { throw ValidationError("--limit takes a number from 1 up") }
        }

        func run() throws {
            try self.output.show { try DeadLetterList(reading: try OperatorDesk(), limit: self.limit) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows one with its message.",
            discussion: """
                Example: tradectl deadletters show 1761662000000-0

                \(OutputOptions.conventions)
                """
        )

        @OptionGroup var which: Letter
        @OptionGroup var output: OutputOptions

        func run() throws {
            try self.output.show { try DeadLetterRecord(reading: try OperatorDesk(), self.which.id) }
        }
    }

    struct Replay: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives the message back to the agent that set it aside.",
            discussion: """
                For when what was wrong is mended. The message goes to that agent alone, as your word, and the letter \
                is removed, in one step. Shows what it is and asks first, since any agent could have written the \
                letter; without a terminal it wants --yes.

                Example: tradectl deadletters replay 1761662000000-0

                \(OutputOptions.conventions)
                """
        )

        @OptionGroup var which: Letter
        @OptionGroup var confirmation: ConfirmationOptions
        @OptionGroup var output: OutputOptions

        func run() throws {
            try self.output.show {
                let desk = try OperatorDesk()
                let back = try desk.deadLetterReturn(self.which.id)
                try self.confirmation.ask("Give this to the agent?", about: back.text)
                return try desk.replay(back)
            }
        }
    }

    struct Discard: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes the letter and its message for good.",
            discussion: """
                Asks nothing.

                Example: tradectl deadletters discard 1761662000000-0

                \(OutputOptions.conventions)
                """
        )

        @OptionGroup var which: Letter
        @OptionGroup var output: OutputOptions

        func run() throws {
            try self.output.show { try OperatorDesk().discardDeadLetter(self.which.id) }
        }
    }

    struct Letter: ParsableArguments {
        @Argument(help: "The letter, as `tradectl deadletters list` names it.")
        var id: String

        func validate() throws {
            let parts = self.id.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ UInt64($0) != nil }) else {
                throw ValidationError("\"\(self.id)\" is no letter's id; expected one such as 1761662000000-0")
            }
        }
    }
}
