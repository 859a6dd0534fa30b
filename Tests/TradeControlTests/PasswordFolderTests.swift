import MessageBus
import TestSupport
import Testing
import TradeControl

/// The passwords behind Redis' list of users.
@Suite struct PasswordFolderTests {
    private static let list = RedisAccessList(namespace: "quintet")

    @Test func `makes what is missing for its owner's eyes, and keeps what is there`() throws {
        let folder = try TemporaryFolder()
        let passwords = PasswordFolder("\(folder.path)/secrets")
        try passwords.create(for: Self.list)
        let first = try passwords.read(for: Self.list)
        let names = Self.list.users.filter(\.hasPassword).map(\.name)
        #expect(Set(first.keys) == Set(names) && !names.contains("health"))
        #expect(Set(first.values).count == names.count)
        #expect(first.values.allSatisfy { $0.count == 64 && $0.allSatisfy { $0.isHexDigit } })
        #expect(folder.names(in: "secrets") == names.sorted())
        #expect(folder.mode("secrets/tradectl").map { $0 & 0o777 } == 0o600)
        #expect(folder.mode("secrets").map { $0 & 0o777 } == 0o700)
        Files.remove("\(folder.path)/secrets/tradectl")
        try folder.write("  my own \n\n", to: "secrets/strategy-agent")
        try passwords.create(for: Self.list)
        let second = try passwords.read(for: Self.list)
        #expect(second["strategy-agent"] == "my own")
        #expect(second["tradectl"] != first["tradectl"])
        #expect(second["risk-management-agent"] == first["risk-management-agent"])
    }

    @Test func `a file that holds no password is named`() throws {
        let folder = try TemporaryFolder()
        let passwords = PasswordFolder(folder.path)
        try passwords.create(for: Self.list)
        let file = "\(folder.path)/strategy-agent"
        for content in ["", " \n", "two\nlines\n"] {
            try folder.write(content, to: "strategy-agent")
            let failure = #expect(throws: CommandFailure.self) { try passwords.read(for: Self.list) }
            #expect(failure?.description.contains(file) == true)
        }
        Files.remove(file)
        let failure = #expect(throws: CommandFailure.self) { try passwords.read(for: Self.list) }
        #expect(failure?.description.contains("--create-passwords") == true)
    }
}
