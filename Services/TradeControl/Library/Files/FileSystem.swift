import Glibc

/// The few things done to files here. Blocks on the file system.
enum FileSystem {
    /// Makes the folder and those above it, unless they are there.
    static func makeFolder(_ path: String) throws(CommandFailure) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += part
            guard mkdir(prefix, 0o755) == 0 || errno == EEXIST else { throw Self.failure("made", prefix) }
            prefix += "/"
        }
    }

    /// Makes a folder that nobody else has, where temporary files go.
    static func temporaryFolder(_ name: String) throws(CommandFailure) -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        // mkdtemp(3) puts a name that nobody has in place of the X.
        var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Self.failure("made", "\(parent)/\(name)-XXXXXX") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a file, or a folder with all there is in it, if it is there. Follows no symbolic link.
    static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in Self.names(in: path) { Self.remove("\(path)/\(name)") }
        rmdir(path)
    }

    /// In ascending order; empty if there is no such folder.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The content from `offset` on; nil if the file cannot be read.
    static func text(of path: String, from offset: Int = 0) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard offset == 0 || lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { return nil }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    /// In bytes; 0 if there is no such file.
    static func size(of path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Whoever reads the file sees the old content or the new one, never a part.
    static func replace(_ path: String, with text: String) throws(CommandFailure) {
        let draft = path + ".new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure("written", draft) }
        let isWritten = Self.write(text, to: descriptor)
        close(descriptor)
        guard isWritten, rename(draft, path) == 0 else { throw Self.failure("written", path) }
    }

    /// False if not all could be written.
    @discardableResult
    static func write(_ text: String, to descriptor: Int32) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                guard errno == EINTR else { return false }
                continue
            }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// A command's output. False once nobody reads any more, which is no failure.
    /// - Throws: `CommandFailure` if it cannot be written, such as to a full disk.
    @discardableResult
    static func print(_ text: String) throws(CommandFailure) -> Bool {
        guard !Self.write(text, to: STDOUT_FILENO) else { return true }
        let number = errno
        if number == EPIPE { return false }
        throw CommandFailure(.failed, "The output could not be written: \(String(cString: strerror(number))).")
    }

    /// The path from the root, without symbolic links.
    static func absolute(_ path: String) throws(CommandFailure) -> String {
        guard let resolved = realpath(path, nil) else { throw Self.failure("found", path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    static func isExecutable(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// The first program of that name in a list of folders separated by colons.
    static func program(_ name: String, on path: String) -> String? {
        path.split(separator: ":").map { "\($0)/\(name)" }.first(where: Self.isExecutable)
    }

    private static func failure(_ verb: String, _ path: String) -> CommandFailure {
        let reason = String(cString: strerror(errno))
        return CommandFailure(.failed, "\(path) could not be \(verb): \(reason). Check the path and its permissions.")
    }
}
