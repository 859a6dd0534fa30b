package import Glibc

/// Whole files and folders, by their paths.
package enum Files {
    /// Nil if the file cannot be read.
    package static func text(_ path: String) -> String? {
        Self.bytes(path).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Nil if the file cannot be read.
    package static func bytes(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
    }

    /// Makes this text all that is in the file, which need not be there before.
    package static func write(_ text: String, to path: String) throws(TestFailure) {
        let bytes = Array(text.utf8)
        let file = fopen(path, "we")
        let isWritten = file.map { fwrite(bytes, 1, bytes.count, $0) == bytes.count } ?? false
        let isClosed = file.map { fclose($0) == 0 } ?? false
        guard isWritten, isClosed else {
            throw TestFailure("\(path) could not be written: \(String(cString: strerror(errno))).")
        }
    }

    /// What a folder holds, in ascending order; nothing if there is no such folder.
    package static func names(in path: String) -> [String] {
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

    /// The permissions; nil if there is no such file.
    package static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
    }

    /// Where a symbolic link leads; nil if it is none.
    package static func link(_ path: String) -> String? {
        var characters = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &characters, characters.count)
        guard count > 0 else { return nil }
        return String(decoding: characters.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a file, or a folder with all that is in it. Nothing happens if there is none.
    package static func remove(_ path: String) {
        if unlink(path) == 0 { return }
        for name in Self.names(in: path) { Self.remove("\(path)/\(name)") }
        rmdir(path)
    }
}
