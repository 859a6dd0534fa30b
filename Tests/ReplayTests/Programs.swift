import Glibc
import TestSupport

/// Where the system's programs are: beside the tests, or where `QUINTET_BINARIES` says.
enum Programs {
    static func folder() throws -> String {
        let own = Files.link("/proc/self/exe").map { $0.split(separator: "/").dropLast().joined(separator: "/") } ?? ""
        let folder = TestEnvironment.variables()["QUINTET_BINARIES"] ?? "/" + own
        guard access("\(folder)/tradectl", X_OK) == 0 else {
            throw TestFailure(
                "There is no program \(folder)/tradectl: build everything first (`swift build`, with the "
                    + "same options as the tests), or name the folder that has it in QUINTET_BINARIES."
            )
        }
        return folder
    }

    static func path(of name: String) throws -> String { "\(try Self.folder())/\(name)" }

    /// What every program is started with: nothing that configures it.
    static func environment(_ own: [String: String] = [:]) -> [String: String] {
        let kept = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"]
        return TestEnvironment.variables().filter { kept.contains($0.key) }.merging(own) { $1 }
    }
}
