import AgentRuntime
import TestSupport
import Testing

enum SettingsFixture {
    /// Settings from variables and, if given, a file with this content.
    static func settings(_ environment: [String: String] = [:], yaml: String? = nil) throws -> Settings {
        guard let yaml else { return try Settings(environment: environment) }
        let folder = try TemporaryFolder()
        return try Self.settings(environment, file: try folder.write(yaml, to: "quintet.yaml"))
    }

    /// The message of the `ConfigurationError` that `body` throws, with the file's path as FILE.
    static func message(
        _ environment: [String: String] = [:],
        yaml: String? = nil,
        code: ConfigurationError.Code = .malformed,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (Settings) throws -> Void
    ) throws -> String {
        let folder = try TemporaryFolder()
        let file = try yaml.map { try folder.write($0, to: "quintet.yaml") }
        let error = #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
            try body(try Self.settings(environment, file: file))
        }
        let thrown = try #require(error, sourceLocation: sourceLocation)
        #expect(thrown.code == code, sourceLocation: sourceLocation)
        return thrown.description.replacing("\(folder.path)/quintet.yaml", with: "FILE")
    }

    private static func settings(_ environment: [String: String], file: String?) throws -> Settings {
        try Settings(environment: file.map { environment.merging(["QUINTET_CONFIG": $0]) { $1 } } ?? environment)
    }
}
