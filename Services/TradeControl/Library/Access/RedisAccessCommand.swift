import AgentRuntime
package import ArgumentParser
import MessageBus
import TradingCore

/// `tradectl redis-acl`
package struct RedisAccessCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "redis-acl",
        abstract: "Prints the file that tells Redis who may do what: a user for each agent, and the default one off.",
        discussion: """
            For `aclfile` in redis.conf, of Redis 7.0 or newer. Each agent may touch its own keys and channels alone, so \
            that nobody but risk-management-agent can approve a trade. The file has digests of the passwords, never \
            themselves. Asks nothing of Redis; change a password by printing the file again, and `ACL LOAD`.

            A process logs in with REDIS_URL=redis://<user>@<host> and REDIS_PASSWORD_FILE=<folder>/<user>. The user \
            `health` has no password and may do nothing but PING.

            Example: tradectl redis-acl --passwords secrets --create-passwords > users.acl

            Exit codes: 0 fine, 1 a password is missing or cannot be read, 64 wrong usage, 78 wrong configuration.
            """
    )

    @Option(help: ArgumentHelp("With a file for each user, of its name, that holds its password.", valueName: "folder"))
    var passwords: String

    @Flag(help: "Make the passwords that are missing, at random.")
    var createPasswords = false

    @Option(help: ArgumentHelp("Where to write what would be printed, for where there is no shell.", valueName: "file"))
    var aclFile: String?

    @Option(help: ArgumentHelp("The system's; QUINTET_NAMESPACE if not given.", valueName: "name"))
    var namespace: String?

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
        try self.output.show {
            var environment = Environment.current()
            if let namespace { environment["QUINTET_NAMESPACE"] = namespace }
            let name = try Settings(environment: environment).name("quintet.namespace", default: "quintet")
            let folder = PasswordFolder(self.passwords)
            let list = RedisAccessList(namespace: name)
            if self.createPasswords { try folder.create(for: list) }
            let passwords = try folder.read(for: list)
            if let aclFile { try FileSystem.replace(aclFile, with: list.file(passwords: passwords)) }
            return RedisAccessAnswer(list: list, passwords: passwords, writtenTo: self.aclFile)
        }
    }
}

/// The file for Redis; for programs, each user's rules.
struct RedisAccessAnswer: OperatorAnswer {
    let list: RedisAccessList
    let passwords: [String: String]
    /// Nil if it is printed.
    let writtenTo: String?

    var text: String {
        self.writtenTo.map { "\($0) is written.\n" } ?? self.list.file(passwords: self.passwords)
    }

    func write(to writer: inout JSONWriter) {
        writer.object { $0.field("file", self.list.file(passwords: self.passwords)) }
    }
}
