import AgentRuntime
import TestSupport
import Testing

/// Where secrets come from, and that nothing shows them.
@Suite struct SettingsSecretTests {
    @Test func `a secret comes from its variable, its file or the configuration file`() throws {
        let key = "apca.api.secretKey"
        let folder = try TemporaryFolder()
        let file = try folder.write("  hunter2\n\n", to: "secret")
        let variable = try SettingsFixture.settings(["APCA_API_SECRET_KEY": "hunter2"])
        #expect(try variable.secret(key) == Secret("hunter2"))
        let namedByVariable = try SettingsFixture.settings(["APCA_API_SECRET_KEY_FILE": file])
        #expect(try namedByVariable.secret(key).exposed == "hunter2")
        let inFile = try SettingsFixture.settings(yaml: "apca.api.secretKey: hunter2")
        #expect(try inFile.secret(key).exposed == "hunter2")
        try inFile.refuseUnknownKeys()
        let namedInFile = try SettingsFixture.settings(yaml: "apca.api.secretKeyFile: \(file)")
        #expect(try namedInFile.secret(key).exposed == "hunter2")
        try namedInFile.refuseUnknownKeys()
    }

    @Test func `of a secret's places the environment goes first, and one place sets only one`() throws {
        let key = "apca.api.secretKey"
        let folder = try TemporaryFolder()
        let file = try folder.write("named", to: "secret")
        let value = try SettingsFixture.settings(
            ["APCA_API_SECRET_KEY": "direct"],
            yaml: "apca.api.secretKeyFile: \(file)"
        )
        #expect(try value.secret(key).exposed == "direct")
        let named = try SettingsFixture.settings(["APCA_API_SECRET_KEY_FILE": file], yaml: "apca.api.secretKey: direct")
        #expect(try named.secret(key).exposed == "named")
        let both = ["APCA_API_SECRET_KEY_FILE": file, "APCA_API_SECRET_KEY": "direct"]
        #expect(
            try SettingsFixture.message(both, code: .conflict) { _ = try $0.secret(key) }
                == "APCA_API_SECRET_KEY (apca.api.secretKey) and APCA_API_SECRET_KEY_FILE (apca.api.secretKeyFile) "
                + "are both set; keep one of them"
        )
    }

    @Test func `a line's end is no part of a secret, wherever it stands`() throws {
        for text in ["hunter2\n", " hunter2\r\n", "hunter2"] {
            #expect(try SettingsFixture.settings(["A_PASSWORD": text]).secret("a.password").exposed == "hunter2")
        }
        #expect(
            try SettingsFixture.message(["A_PASSWORD": " \n"], code: .malformed) { _ = try $0.secret("a.password") }
                == "A_PASSWORD (a.password): it is blank; set the secret, or unset it"
        )
    }

    @Test func `a secret file that gives nothing is refused`() throws {
        #expect(
            try SettingsFixture.message(["A_PASSWORD_FILE": "/nowhere/secret"], code: .unreadableFile) {
                _ = try $0.secret("a.password")
            } == "A_PASSWORD_FILE (a.passwordFile): /nowhere/secret cannot be read: No such file or directory"
        )
        let folder = try TemporaryFolder()
        let file = try folder.write(" \n", to: "secret")
        #expect(
            try SettingsFixture.message(["A_PASSWORD_FILE": file], code: .unreadableFile) {
                _ = try $0.secret("a.password")
            }
            .hasSuffix("is empty; it must hold the secret")
        )
    }

    @Test func `secrets show themselves to nobody`() throws {
        let settings = try SettingsFixture.settings(
            ["APCA_API_SECRET_KEY": "hunter2"],
            yaml: "apca.api.keyId: PKHUNTER2\nredis.url: redis://:hunter2@cache"
        )
        let alpaca = try AlpacaSettings(settings)
        var dumped = ""
        dump(alpaca, to: &dumped)
        for text in [dumped, "\(alpaca)", String(reflecting: alpaca), "\(alpaca.secretKey)"] {
            #expect(!text.lowercased().contains("hunter2"))
            #expect(text.contains("***"))
        }
        dump(settings, to: &dumped)
        #expect(!dumped.lowercased().contains("hunter2"))
    }

    @Test func `no message about a secret shows it`() throws {
        let message = try SettingsFixture.message(yaml: "a:\n  password: [hunter2, hunter3]") {
            _ = try $0.secret("a.password")
        }
        #expect(message == "A_PASSWORD (a.password): a list stands where one value was expected (FILE, line 2)")
    }
}
