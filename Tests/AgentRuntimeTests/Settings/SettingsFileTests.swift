import AgentRuntime
import Testing

/// The YAML file of settings.
@Suite struct SettingsFileTests {
    @Test func `a configuration file that is named must be there`() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Settings(environment: ["QUINTET_CONFIG": "/nowhere/quintet.yaml"])
        }
        #expect(error?.code == .unreadableFile)
        #expect(
            error?.description
                == "QUINTET_CONFIG: /nowhere/quintet.yaml cannot be read: No such file or directory"
        )
    }

    @Test func `YAML's everyday forms are understood`() throws {
        let yaml = """
            \u{FEFF}---
            # a comment
            plain: two words # and a comment
            hash: a#b
            colon: http://host:80/x
            single: 'it''s # no comment'
            double: "tab\\t quote\\" slash\\\\"
            empty:
            nothing: ~
            quoted.empty: ""
            nested:
                deeper:
                    deepest: 1
                beside: 2
            inline: [a, 'b, c', "d"]   # three
            none: []
            indented:
              - x
              - y
            "quoted key": 3
            """
        let settings = try SettingsFixture.settings(yaml: yaml)
        #expect(try settings.optionalString("plain") == "two words")
        #expect(try settings.optionalString("hash") == "a#b")
        #expect(try settings.optionalString("colon") == "http://host:80/x")
        #expect(try settings.optionalString("single") == "it's # no comment")
        #expect(try settings.optionalString("double") == "tab\t quote\" slash\\")
        #expect(try settings.optionalString("empty") == nil)
        #expect(try settings.optionalString("nothing") == nil)
        #expect(try settings.optionalString("quoted.empty") == nil)
        #expect(try settings.optionalString("nested.deeper.deepest") == "1")
        #expect(try settings.optionalString("nested.beside") == "2")
        #expect(try settings.list("inline", default: []) == ["a", "b, c", "d"])
        #expect(try settings.list("none", default: ["x"]) == [])
        #expect(try settings.list("indented", default: []) == ["x", "y"])
        #expect(settings.unknownKeys() == ["quoted key"])
    }

    @Test(arguments: [
        ("risk:\n\tmax: 1", "line 2, column 1: a tab cannot indent; use spaces"),
        ("risk", "line 1, column 5: expected `key: value`"),
        ("risk:1", "line 1, column 6: a space must follow the colon"),
        ("a: 1\n  b: 2", "line 2, column 3: the indentation fits no key above"),
        ("a:\n    b: 1\n  c: 2", "line 3, column 3: the indentation fits no key above"),
        ("  a: 1\nb: 2", "line 2, column 1: this line is indented less than the first key"),
        ("a: 1\na: 2", "line 2, column 1: a is given twice"),
        ("a:\n  b: 1\na.b: 2", "line 3, column 1: a.b is given twice"),
        ("a:\n  b: 1\na: 2", "line 3, column 1: a is given twice"),
        ("- a", "line 1, column 1: a list item without a key above it"),
        ("a: {b: 1}", "line 1, column 4: a value cannot start with { here; put it in quotes"),
        ("a: &anchor 1", "line 1, column 4: a value cannot start with & here; put it in quotes"),
        ("a: |\n  text", "line 1, column 4: a value cannot start with | here; put it in quotes"),
        ("a: b: c", "line 1, column 5: a second `: ` in one line; put the value in quotes"),
        ("a: \"open", "line 1, column 4: the quotes are not closed on this line"),
        ("a: \"x\" y", "line 1, column 8: nothing but a comment may follow the value"),
        ("a: \"\\q\"", "line 1, column 6: unknown escape; known are \\n \\r \\t \\\\ \\\" \\/"),
        ("a: [b, c", "line 1, column 9: the list does not end on its line; expected , or ]"),
        ("a: [[b]]", "line 1, column 5: a value cannot start with [ here; put it in quotes"),
        ("a:\n  - b: 1", "line 2, column 6: a second `: ` in one line; put the value in quotes"),
        ("a: 1\n---\nb: 2", "line 2, column 1: the file must hold one document"),
    ])
    func `malformed YAML stops with its position`(yaml: String, problem: String) throws {
        let message = try SettingsFixture.message(yaml: yaml, code: .malformedFile) { _ in }
        #expect(message == "FILE, " + problem)
    }

    @Test func `a file that is no text or far too large is refused`() throws {
        let large = String(repeating: "# padding\n", count: 110_000)
        #expect(
            try SettingsFixture.message(yaml: large, code: .unreadableFile) { _ in }.hasSuffix(
                "is larger than 1048576 bytes"
            )
        )
        let deep = (0..<40).map { String(repeating: " ", count: $0) + "k:" }.joined(separator: "\n")
        #expect(
            try SettingsFixture.message(yaml: deep, code: .malformedFile) { _ in }.contains("more than 16 levels deep")
        )
    }
}
