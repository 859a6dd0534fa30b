import Glibc

extension BarFolder {
    /// Reads every `SYMBOL.csv` of a folder; other files and hidden ones are left alone. Blocks on the file system.
    ///
    /// - Parameters:
    ///   - strict: See ``BarFile``.
    ///   - warn: Is told what a person should know though the bars can be replayed. Writes to standard error by default.
    package init(
        path: String,
        strict: Bool = false,
        warn: (String) -> Void = Self.warnOnStandardError
    ) throws(BarFileError) {
        let names = try Self.fileNames(in: path).filter { $0.hasSuffix(".csv") && !$0.hasPrefix(".") }
        guard !names.isEmpty else {
            throw BarFileError(
                file: path,
                problem: "the folder has no .csv file",
                remedy: "put one SYMBOL.csv per symbol into it"
            )
        }
        let folder = path.hasSuffix("/") ? path : path + "/"
        var files: [BarFile] = []
        for name in names {
            let path = folder + name
            files.append(try BarFile(path: path, bytes: try Self.contents(of: path), strict: strict))
        }
        try self.init(files: files)
        if let warning = Self.closedDaysWarning(files) { warn(warning) }
    }

    package static func warnOnStandardError(_ text: String) {
        let line = Array("warning: \(text)\n".utf8)
        _ = write(STDERR_FILENO, line, line.count)
    }

    private static func fileNames(in path: String) throws(BarFileError) -> [String] {
        guard let directory = opendir(path) else { throw Self.unreadable(path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
            )
        }
        return names.sorted()
    }

    private static func contents(of path: String) throws(BarFileError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.unreadable(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count == 0 { return bytes }
            if count < 0 {
                guard errno == EINTR else { throw Self.unreadable(path) }
                continue
            }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func unreadable(_ path: String) -> BarFileError {
        BarFileError(
            file: path,
            problem: "it cannot be read (\(String(cString: strerror(errno))))",
            remedy: "check the path and the permission"
        )
    }
}
