package import ArgumentParser

/// `tradectl config`
package struct ConfigCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Looks after the agents' configuration.",
        discussion: """
            Example: QUINTET_CONFIG=quintet.yaml tradectl config check
            """,
        subcommands: [Check.self]
    )

    package init() {}

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what of the configuration the agents would refuse.",
            discussion: """
                Has each agent's program read the environment and the file that QUINTET_CONFIG names as it does at its \
                start, and starts nothing. An agent names the first thing it cannot use: check again when that is \
                mended.

                Example: QUINTET_CONFIG=quintet.yaml tradectl config check

                Exit codes: 0 every agent would start, 69 a program is missing, 78 one of them would not.
                """
        )

        @Option(
            help: ArgumentHelp("With the agents' programs; by default the one tradectl is in.", valueName: "folder")
        )
        var binaries: String?

        @OptionGroup var output: OutputOptions

        func run() throws {
            try self.output.show {
                try ConfigurationCheck(
                    programsIn: try self.binaries ?? ReplayCommand.ownFolder(),
                    environment: Environment.current()
                )
            }
        }
    }
}
