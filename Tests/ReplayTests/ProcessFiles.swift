import Glibc

/// What keeps a test from saying anything about the system: for people.
struct TestFailure: Error, CustomStringConvertible {
    let description: String
}

/// A folder of a test's own, which goes with the last reference to it.
final class TemporaryFolder: Sendable {
    /// From the root, without symbolic links.
    let path: String

    init() throws {
        let parent = Files.environment()["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/quintet-replay-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let resolved = realpath(template, nil) else {
            throw TestFailure(description: "No temporary folder could be made in \(parent): error \(errno).")
        }
        defer { free(resolved) }
        self.path = String(cString: resolved)
    }

    deinit { Files.remove(self.path) }

    /// Writes `text` to a file of the folder and returns the file's path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let path = "\(self.path)/\(name)"
        guard let file = fopen(path, "w") else {
            throw TestFailure(description: "\(path) could not be written: error \(errno).")
        }
        defer { fclose(file) }
        let bytes = Array(text.utf8)
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
            throw TestFailure(description: "\(path) could not be written: error \(errno).")
        }
        return path
    }
}

enum Files {
    /// Nil if the file cannot be read.
    static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }

    static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in Self.names(in: path) { Self.remove("\(path)/\(name)") }
        rmdir(path)
    }

    static func link(_ path: String) -> String? {
        var characters = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &characters, characters.count)
        guard count > 0 else { return nil }
        return String(decoding: characters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The variables this process was started with.
    static func environment() -> [String: String] {
        let text = Self.text("/proc/self/environ") ?? ""
        return text.split(separator: "\0").reduce(into: [:]) { variables, entry in
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
    }
}

/// Where the system's programs are: beside the tests, or where `QUINTET_BINARIES` says.
enum Programs {
    static func folder() throws -> String {
        let own = Files.link("/proc/self/exe").map { $0.split(separator: "/").dropLast().joined(separator: "/") } ?? ""
        let folder = Files.environment()["QUINTET_BINARIES"] ?? "/" + own
        guard access("\(folder)/tradectl", X_OK) == 0 else {
            throw TestFailure(
                description: "There is no program \(folder)/tradectl: build everything first (`swift build`, with the "
                    + "same options as the tests), or name the folder that has it in QUINTET_BINARIES."
            )
        }
        return folder
    }

    static func path(of name: String) throws -> String { "\(try Self.folder())/\(name)" }

    /// What every program is started with: nothing that configures it.
    static func environment(_ own: [String: String] = [:]) -> [String: String] {
        let kept = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"]
        return Files.environment().filter { kept.contains($0.key) }.merging(own) { $1 }
    }
}

/// Waits until `fact` holds, asking every few milliseconds. Returns the first answer that is not nil.
func awaited<Value>(
    _ what: @autoclosure () -> String,
    within limit: Duration = .seconds(30),
    _ fact: () throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try fact() { return value }
        guard ContinuousClock.now < deadline else {
            throw TestFailure(description: "Within \(limit) there was not: \(what()).")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
