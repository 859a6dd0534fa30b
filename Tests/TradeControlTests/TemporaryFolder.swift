import Glibc

/// A folder that goes with its last reference.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/quintet-control-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FixtureError("no folder in \(parent): error \(errno)") }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(self.path) }

    /// Writes an executable `/bin/sh` script and returns its path.
    @discardableResult
    func script(_ name: String, _ body: String) throws -> String {
        let path = try self.file(name, "#!/bin/sh\n\(body)\n")
        guard chmod(path, 0o755) == 0 else { throw FixtureError("\(path) cannot be made executable") }
        return path
    }

    @discardableResult
    func file(_ name: String, _ text: String) throws -> String {
        let path = "\(self.path)/\(name)"
        guard let file = fopen(path, "w") else { throw FixtureError("\(path) cannot be written: error \(errno)") }
        defer { fclose(file) }
        fputs(text, file)
        return path
    }

    func text(_ name: String) -> String? { Self.text("\(self.path)/\(name)") }

    static func text(_ path: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// What a folder in it holds, in ascending order.
    func names(in name: String) throws -> [String] {
        guard let folder = opendir("\(self.path)/\(name)") else { throw FixtureError("there is no folder \(name)") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
            )
        }
        return names.filter { $0 != "." && $0 != ".." }.sorted()
    }

    func pid(_ name: String) -> Int32? {
        self.text(name).flatMap { Int32($0.filter { !$0.isWhitespace }) }
    }

    private static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { Self.remove("\(path)/\(name)") }
            }
            closedir(folder)
        }
        _ = Glibc.remove(path)
    }
}

/// Looks again until it is so; false if it never was within 20 s.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < deadline {
        if try condition() { return true }
        poll(nil, 0, 2)
    }
    return try condition()
}

/// A process that has ended, but whose parent has not looked yet, is not running.
func isRunning(_ pid: Int32) -> Bool {
    guard let status = TemporaryFolder.text("/proc/\(pid)/stat"), let name = status.lastIndex(of: ")") else {
        return false
    }
    return status[name...].dropFirst(2).first != "Z"
}
